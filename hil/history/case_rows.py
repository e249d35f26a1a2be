"""The cases of a board in one run: their plan, figures and stamps, as rows and back."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from hil.history.column_values import (
    data,
    number_or_none,
    periods_text,
    text,
    whole,
    whole_or_none,
)
from hil.history.figure_packing import PackedFigures, pack_figures, unpack_figures
from hil.history.sql_tables import (
    case_figures,
    figure_details,
    figure_sets,
    metrics,
    plan_cases,
    plans,
    stamp_sets,
)
from hil.history.stamp_packing import finite_or_none
from hil.history.stamp_sets import pack_stamp_sets, unpack_stamp_sets
from hil.history.stored_records import HistoryCase, describe_plan
from hil.model.printable import database_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from typing import Any

    from sqlalchemy import Connection, Table

    from hil.model.results import Measurement

_READABLE = ("lateness_p50_us", "lateness_p99_us", "lateness_max_us", "missed")


def find_plan(connection: Connection, cases: Sequence[HistoryCase]) -> int:
    """The number of these cases' plan, which is stored where there was none like it."""
    rows = [
        {
            "position": position,
            "technique": database_text(case.technique, 200),
            "load": database_text(case.load, 200),
            "duration_us": finite_or_none(case.duration_us),
            "periods": case.periods,
            "windows": case.windows if case.windows > 1 else None,
        }
        for position, case in enumerate(cases)
    ]
    digest = hashlib.sha256(json.dumps(rows).encode("ascii")).hexdigest()
    query = sa.select(plans.c.id).where(plans.c.digest == digest)
    number = connection.execute(query).scalar()
    if number is None:
        if _insert_missing(connection, plans, [{"digest": digest}]) and rows:
            number = int(connection.execute(query).scalar_one())
            connection.execute(plan_cases.insert(), [{"plan_id": number, **row} for row in rows])
        number = connection.execute(query).scalar_one()
    return int(number)


def _insert_missing(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> int:
    """Insert those rows that there are none like; how many that were."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).on_conflict_do_nothing()
    return sum(connection.execute(statement.values(row)).rowcount for row in rows)


def metric_numbers(connection: Connection, names: Collection[str]) -> dict[str, int]:
    """The numbers of those metrics that the history has figures of."""
    query = sa.select(metrics.c.name, metrics.c.id).where(metrics.c.name.in_(list(names)))
    return {text(row.name): whole(row.id) for row in connection.execute(query)}


@dataclass(frozen=True, slots=True)
class PackedCases:
    """A board's cases, ready to be stored: other writers wait for that, and packing is slow."""

    cases: Sequence[HistoryCase]
    figures: PackedFigures
    stamps: Sequence[bytes]


def pack_cases(cases: Sequence[HistoryCase]) -> PackedCases:
    """Pack the figures and stamps of a board's cases; no database is needed for it."""
    return PackedCases(
        cases,
        pack_figures([case.measurements for case in cases]),
        pack_stamp_sets([case.stamps for case in cases]),
    )


def write_cases(connection: Connection, board_id: int, packed_cases: PackedCases) -> None:
    """Store what :func:`pack_cases` made of a board's cases."""
    cases, packed = packed_cases.cases, packed_cases.figures
    numbers = metric_numbers(connection, packed.sets)
    if missing := sorted(set(packed.sets) - set(numbers)):  # all writers in the same order
        _insert_missing(connection, metrics, [{"name": name} for name in missing])
        numbers = metric_numbers(connection, packed.sets)
    readable = [
        {"board_id": board_id, "position": position, **_readable(case.measurements)}
        for position, case in enumerate(cases)
    ]
    sets = [
        {"board_id": board_id, "metric_id": numbers[metric], "data": packed_set}
        for metric, packed_set in packed.sets.items()
    ]
    for table, rows in (
        (case_figures, readable),
        (figure_sets, sets),
        (figure_details, _parts(board_id, packed.details)),
        (stamp_sets, _parts(board_id, packed_cases.stamps)),
    ):
        if rows:
            connection.execute(table.insert(), rows)


def _parts(board_id: int, parts: Iterable[bytes]) -> list[dict[str, Any]]:
    return [
        {"board_id": board_id, "part": number, "data": part} for number, part in enumerate(parts)
    ]


def _readable(measurements: Sequence[Measurement]) -> dict[str, Any]:
    """The row of :data:`~hil.history.sql_tables.case_figures`, but for its key."""
    verdicts = [measurement.verdict for measurement in measurements]
    largest: dict[str, float | None] = {}
    for metric in _READABLE:
        values = [
            value
            for m in measurements
            if m.metric == metric and m.by_board and m.method is None
            if (value := finite_or_none(m.value)) is not None
        ]
        largest[metric] = max(values, default=None)
    return {
        **largest,
        "figures": len(verdicts),
        "failed": verdicts.count("fail"),
        "undecided": verdicts.count("undecided"),
    }


def read_plans(connection: Connection, numbers: Collection[int]) -> dict[int, list[Any]]:
    """The rows of these plans' cases, in the order of their positions."""
    query = sa.select(plan_cases).where(plan_cases.c.plan_id.in_(list(numbers)))
    by_plan: dict[int, list[Any]] = {}
    for row in connection.execute(query.order_by(plan_cases.c.plan_id, plan_cases.c.position)):
        rows = by_plan.setdefault(whole(row.plan_id), [])
        if whole(row.position) != len(rows):
            raise ValueError("a plan's cases are not numbered from 0 on")
        text(row.technique), text(row.load)
        rows.append(row)
    return by_plan


def case_at(plan: Sequence[Any], position: int) -> Any:
    """The row of the case that a figure is of; ValueError for the position of none."""
    if not 0 <= position < len(plan):
        raise ValueError("a figure of no case")
    return plan[position]


def plan_of(case: Any) -> str:
    """How a case was measured, in words, from the row of its plan."""
    return describe_plan(
        number_or_none(case.duration_us), periods_text(case.periods), whole_or_none(case.windows)
    )


def read_cases(
    connection: Connection, boards: Sequence[Any], wanted: Collection[str] | None = None
) -> dict[int, list[HistoryCase]]:
    """The cases of each of these boards (rows with id, name and plan), by the board's number.

    ``wanted`` as for :func:`~hil.history.figure_packing.unpack_figures`.
    """
    numbers = [board.id for board in boards]
    by_plan = read_plans(connection, {board.plan_id for board in boards if board.plan_id})
    set_rows = connection.execute(
        sa.select(figure_sets.c.board_id, figure_sets.c.data, metrics.c.name)
        .join(metrics, metrics.c.id == figure_sets.c.metric_id)
        .where(figure_sets.c.board_id.in_(numbers))
    )
    sets: dict[int, dict[str, bytes]] = {}
    for row in set_rows:
        sets.setdefault(row.board_id, {})[text(row.name)] = data(row.data)
    details = _read_parts(connection, figure_details, numbers)
    stamps = _read_parts(connection, stamp_sets, numbers)
    cases: dict[int, list[HistoryCase]] = {}
    for board in boards:
        plan = by_plan.get(board.plan_id, [])
        names = [(row.technique, row.load) for row in plan]
        figures = unpack_figures(
            sets.get(board.id, {}), details.get(board.id, ()), names, text(board.name), wanted
        )
        of_cases = unpack_stamp_sets(stamps.get(board.id, ()), len(plan))
        cases[board.id] = [
            HistoryCase(
                technique=row.technique,
                load=row.load,
                duration_us=whole_or_none(row.duration_us),
                periods=periods_text(row.periods),
                windows=whole(row.windows or 1),
                measurements=tuple(figures[position]),
                stamps=tuple(of_cases[position]),
            )
            for position, row in enumerate(plan)
        ]
    return cases


def _read_parts(
    connection: Connection, table: Table, numbers: Sequence[int]
) -> Mapping[int, list[bytes]]:
    query = sa.select(table.c.board_id, table.c.data).where(table.c.board_id.in_(numbers))
    parts: dict[int, list[bytes]] = {}
    for row in connection.execute(query.order_by(table.c.board_id, table.c.part)):
        parts.setdefault(row.board_id, []).append(data(row.data))
    return parts
