"""The cases of a board as schemas before 0005 kept them: a row for each figure and stamp set."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import sqlalchemy as sa

from hil.history.column_values import (
    data,
    number,
    number_or_none,
    periods_text,
    text,
    text_or_none,
    whole,
    whole_or_none,
)
from hil.history.stored_records import HistoryCase, HistoryStamps, StampKind
from hil.model.codec import field_keys, read_record
from hil.model.errors import CaptureError
from hil.model.results import Measurement
from hil.model.schema import parse_json

if TYPE_CHECKING:
    from typing import Any

    from sqlalchemy import Connection


def old_cases(connection: Connection, board_id: int) -> tuple[str, list[HistoryCase]]:
    """The board's name and its cases; ``ValueError`` or ``CaptureError`` for what none wrote."""
    given = {"board": board_id}
    name = text(
        connection.execute(sa.text("SELECT name FROM boards WHERE id = :board"), given).scalar_one()
    )
    rows = connection.execute(
        sa.text("SELECT * FROM cases WHERE board_id = :board ORDER BY id"), given
    ).all()
    in_board = "WHERE case_id IN (SELECT id FROM cases WHERE board_id = :board) ORDER BY id"
    figures: dict[int, list[Any]] = {}
    for row in connection.execute(sa.text(f"SELECT * FROM measurements {in_board}"), given):
        figures.setdefault(row.case_id, []).append(row)
    stamps: dict[int, list[Any]] = {}
    for row in connection.execute(sa.text(f"SELECT * FROM stamps {in_board}"), given):
        stamps.setdefault(row.case_id, []).append(row)
    return name, [
        HistoryCase(
            technique=text(row.technique),
            load=text(row.load),
            duration_us=whole_or_none(row.duration_us),
            periods=periods_text(row.periods),
            windows=whole(row.windows or 1),
            measurements=tuple(_figure(name, row, figure) for figure in figures.get(row.id, ())),
            stamps=tuple(_stamps(packed) for packed in stamps.get(row.id, ())),
        )
        for row in rows
    ]


def _figure(board: str, case: Any, row: Any) -> Measurement:
    columns = {key: value for key, value in row._mapping.items() if key in field_keys(Measurement)}
    for value in (row.value, row.lo, row.hi, row.where_us, row.budget):
        number_or_none(value)
    rest = parse_json(row.more) if row.more else {}
    if not isinstance(rest, dict):
        raise CaptureError("the history: a column `more` is not an object")
    named = {"board": board, "technique": case.technique, "load": case.load, "n": whole(row.n)}
    return read_record(Measurement, {**rest, **columns, **named}, "the history")


def _stamps(row: Any) -> HistoryStamps:
    counts = parse_json(text(row.counts))
    kind = next((kind for kind in get_args(StampKind) if kind == row.kind), None)
    if kind is None or not isinstance(counts, dict):
        raise ValueError("stamps of an unknown kind, or without their counts")
    return HistoryStamps(
        kind=kind,
        task=whole_or_none(row.task),
        method=text_or_none(row.method),
        period_us=number(row.period_us),
        cost_us=number(row.cost_us),
        step_us=number(row.step_us),
        taken=whole(row.taken),
        stored=whole(row.kept),
        counts={str(name): whole(count) for name, count in counts.items()},
        format=whole(row.format),
        data=data(row.data),
    )
