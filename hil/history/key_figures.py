"""The figures by which boards are held against each other: one a case and metric for each board.

Of several tasks the worst one's is taken while the packed figures are read: a night of a thousand
boards has a quarter of a million of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from hil.history.case_rows import case_at, metric_numbers, read_plans
from hil.history.column_values import data, number, number_or_none, text, text_or_none, whole
from hil.history.figure_packing import set_columns
from hil.history.sql_tables import boards, figure_sets
from hil.model.captures import BOARD_SOURCE
from hil.model.metrics import metric_or_unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from typing import Any

    from sqlalchemy import Connection

    from hil.history.database import History
    from hil.history.queries import RunFilter


class KeyFigure(NamedTuple):
    """A figure of one board (``board_id``): over all tasks, else that of the worst one."""

    board_id: int
    technique: str
    load: str
    method: str | None
    source: str
    metric: str
    unit: str
    value: float
    lo: float | None
    hi: float | None


def key_figures(
    history: History,
    board_ids: Collection[int],
    metrics: Sequence[str],
    wanted: RunFilter,
    *,
    every_method: bool = False,
) -> list[KeyFigure]:
    """Figures of ``metrics`` in these boards' runs, of the cases that are wanted.

    Only what the board stamped and no method of its own, unless ``every_method``.
    """
    return history.read(
        lambda connection: _figures(connection, board_ids, metrics, wanted, every_method)
    )


def _figures(
    connection: Connection,
    board_ids: Collection[int],
    metrics: Sequence[str],
    wanted: RunFilter,
    every_method: bool,
) -> list[KeyFigure]:
    plan_of_board = connection.execute(
        sa.select(boards.c.id, boards.c.plan_id).where(boards.c.id.in_(board_ids))
    )
    plans_by_board = {row.id: row.plan_id for row in plan_of_board}
    plans = read_plans(connection, set(plans_by_board.values()))
    figures: list[KeyFigure] = []
    for metric, metric_id in metric_numbers(connection, metrics).items():
        rows = connection.execute(
            sa.select(figure_sets.c.board_id, figure_sets.c.data)
            .where(figure_sets.c.board_id.in_(board_ids), figure_sets.c.metric_id == metric_id)
            .order_by(figure_sets.c.board_id)
        )
        badness = _badness(metric)
        for row in rows:
            plan = plans.get(plans_by_board[row.board_id], [])
            for position, *rest in _worst(data(row.data), badness, every_method):
                case = case_at(plan, position)
                if wanted.takes_case(case.technique, case.load):
                    method, source, unit, value, lo, hi = rest
                    figures.append(
                        KeyFigure(
                            *(int(row.board_id), case.technique, case.load, method, source),
                            *(metric, unit, value, lo, hi),
                        )
                    )
    return figures


def _badness(metric: str) -> Callable[[float], float]:
    """What is larger the worse a figure is."""
    sense = metric_or_unknown(metric).sense
    if sense == "higher":
        return lambda value: -value
    return abs if sense == "magnitude" else lambda value: value


def _worst(
    packed: bytes, badness: Callable[[float], float], every_method: bool
) -> Iterator[tuple[Any, ...]]:
    """Position, method, source, unit, value and bounds of each case; checked as it is read."""
    chosen: dict[Any, tuple[float, int]] = {}
    positions, tasks, methods, sources, units, values, los, his, _, _, staged = set_columns(packed)
    for index, value in enumerate(values):
        method, source = methods[index], sources[index]
        if staged[index] is not None:
            method = staged[index]
        if not every_method and (method is not None or source != BOARD_SOURCE):
            continue
        rank = float("inf") if tasks[index] is None else badness(number(value))
        key = (positions[index], method, source)
        if key not in chosen or rank > chosen[key][0]:
            chosen[key] = (rank, index)
    for (position, method, source), (_, index) in chosen.items():
        yield (
            *(whole(position), text_or_none(method), text(source), text(units[index])),
            *(number(values[index]), number_or_none(los[index]), number_or_none(his[index])),
        )
