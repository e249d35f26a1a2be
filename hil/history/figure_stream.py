"""All figures of a history, board by board in the order of time, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import sqlalchemy as sa

from hil.history.case_rows import case_at, read_plans
from hil.history.column_values import data, text
from hil.history.figure_packing import StoredFigure, unpack_set
from hil.history.sql_tables import boards, figure_sets, metrics, runs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from sqlalchemy import Connection

    from hil.history.database import History

_BOARDS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class FigureRow:
    """A figure with its metric and case."""

    technique: str
    load: str
    metric: str
    figure: StoredFigure


@dataclass(frozen=True, slots=True)
class BoardFigures:
    """All figures of one board in one run."""

    run: str
    started_utc: str
    order_utc: str
    verdict: str
    revision: str | None
    board: str
    key: str
    machine: str
    platform: str
    micropython: str
    firmware: str
    profile: str
    source: str
    rows: tuple[FigureRow, ...]


def stream_figures(history: History) -> Iterator[BoardFigures]:
    """Each board of each run, the oldest first; some of them at a time are in memory.

    A run that is stored meanwhile may be among them or not.
    """
    last = ("", -1)
    while True:
        some = history.read(partial(_some, after=last))
        for _, figures in some:
            yield figures
        if not some:
            return
        last = some[-1][0]


def _some(
    connection: Connection, after: tuple[str, int]
) -> list[tuple[tuple[str, int], BoardFigures]]:
    query = (
        sa.select(boards, runs.c.run, runs.c.started_utc, runs.c.verdict, runs.c.revision)
        .join(runs, runs.c.id == boards.c.run_id)
        .where(sa.tuple_(boards.c.order_utc, boards.c.id) > sa.tuple_(*after))
        .order_by(boards.c.order_utc, boards.c.id)
        .limit(_BOARDS_AT_ONCE)
    )
    rows = connection.execute(query).all()
    plans = read_plans(connection, {row.plan_id for row in rows})
    sets: dict[int, list[Any]] = {}
    for row in connection.execute(
        sa.select(figure_sets.c.board_id, metrics.c.name, figure_sets.c.data)
        .join(metrics, metrics.c.id == figure_sets.c.metric_id)
        .where(figure_sets.c.board_id.in_([row.id for row in rows]))
        .order_by(figure_sets.c.board_id, metrics.c.name)
    ):
        sets.setdefault(row.board_id, []).append(row)
    return [
        (
            (text(row.order_utc), row.id),
            _board(row, plans.get(row.plan_id, []), sets.get(row.id, [])),
        )
        for row in rows
    ]


def _board(row: Any, plan: list[Any], sets: list[Any]) -> BoardFigures:
    figures = []
    for packed in sets:
        for figure in unpack_set(data(packed.data)):
            case = case_at(plan, figure.position)
            figures.append(FigureRow(case.technique, case.load, text(packed.name), figure))
    return BoardFigures(
        run=text(row.run),
        started_utc=text(row.started_utc),
        order_utc=text(row.order_utc),
        verdict=text(row.verdict),
        revision=None if row.revision is None else text(row.revision),
        board=text(row.name),
        key=text(row.key),
        machine=text(row.machine),
        platform=text(row.platform),
        micropython=text(row.micropython),
        firmware=text(row.firmware),
        profile=text(row.profile),
        source=text(row.source),
        rows=tuple(figures),
    )
