"""A figure over the nights of many boards: what is between the boards, and which is the worst."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import sqlalchemy as sa

from hil.history.case_rows import case_at, metric_numbers, read_plans
from hil.history.column_values import data, text
from hil.history.figure_packing import worst_by_case
from hil.history.night_queries import find_nights
from hil.history.queries import board_keys, of_boards, of_plans, of_runs
from hil.history.sql_tables import boards, figure_sets, runs
from hil.model.metrics import metric_or_unknown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from sqlalchemy import Connection

    from hil.history.database import History
    from hil.history.queries import RunFilter

_LOW, _HIGH = 0.05, 0.95


@dataclass(frozen=True, slots=True)
class FleetPoint:
    """One night: of how many boards, their median, 5 and 95 % quantiles, and the largest."""

    day: str
    boards: int
    median: float
    low: float
    high: float
    largest: float
    largest_board: str


@dataclass(frozen=True, slots=True)
class FleetTrend:
    """A case on all boards of one model, the oldest night first.

    A board counts with the largest of its tasks' figures by its own stamps, in its newest run of
    the night.
    """

    machine: str
    firmware: str
    profile: str
    technique: str
    load: str
    unit: str
    points: list[FleetPoint] = field(default_factory=list)


def count_boards(history: History, wanted: RunFilter) -> int:
    """How many boards there are that are wanted."""
    return history.read(lambda connection: len(board_keys(connection, wanted)))


def fleet_trends(history: History, metric: str, wanted: RunFilter, nights: int) -> list[FleetTrend]:
    """``metric`` of all boards that are wanted, over their newest ``nights``, by model and case."""
    return history.read(lambda connection: _trends(connection, metric, wanted, nights))


_Group = tuple[str, str, str, str, str]


def _trends(
    connection: Connection, metric: str, wanted: RunFilter, nights: int
) -> list[FleetTrend]:
    number = metric_numbers(connection, [metric]).get(metric)
    days = [night.day for night in find_nights(connection, wanted, nights)]
    if number is None or not days:
        return []
    query = (
        sa.select(
            *(boards.c.key, boards.c.name, boards.c.machine, boards.c.firmware, boards.c.profile),
            *(boards.c.order_utc, boards.c.plan_id, figure_sets.c.data),
        )
        .join(figure_sets, figure_sets.c.board_id == boards.c.id)
        .where(figure_sets.c.metric_id == number, boards.c.order_utc >= days[-1])
        .where(*of_boards(wanted), *of_plans(wanted))
        .order_by(boards.c.order_utc, boards.c.id)
    )
    if narrowing := of_runs(wanted):
        query = query.join(runs, runs.c.id == boards.c.run_id).where(*narrowing)
    plans: dict[int, list[Any]] = {}
    nightly: dict[_Group, dict[str, dict[str, tuple[float, str]]]] = {}
    for row in connection.execute(query):
        if row.plan_id not in plans:
            plans |= read_plans(connection, [row.plan_id])
        of_board = text(row.machine), text(row.firmware), text(row.profile)
        day = text(row.order_utc)[:10]
        for case, value in _of_cases(row, plans, wanted):
            by_day = nightly.setdefault((*of_board, *case), {})
            by_day.setdefault(day, {})[text(row.key)] = (value, text(row.name))
    unit = metric_or_unknown(metric).unit
    return [
        FleetTrend(*group, unit, [_point(day, by_day[day]) for day in sorted(by_day)])
        for group, by_day in sorted(nightly.items())
    ]


def _of_cases(
    row: Any, plans: Mapping[int, Sequence[Any]], wanted: RunFilter
) -> list[tuple[tuple[str, str], float]]:
    plan = plans.get(row.plan_id, ())
    values = []
    for position, value in worst_by_case(data(row.data)):
        case = case_at(plan, position)
        if wanted.takes_case(case.technique, case.load):
            values.append(((case.technique, case.load), value))
    return values


def _point(day: str, of_boards: Mapping[str, tuple[float, str]]) -> FleetPoint:
    values = sorted(value for value, _ in of_boards.values())
    largest, name = max(of_boards.values())
    return FleetPoint(
        *(day, len(values), _quantile(values, 0.5), _quantile(values, _LOW)),
        *(_quantile(values, _HIGH), largest, name),
    )


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Between neighbours in proportion (Hyndman and Fan 1996, type 7)."""
    position = share * (len(ordered) - 1)
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (position - below) * (ordered[above] - ordered[below])
