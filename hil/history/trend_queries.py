"""Figures over time: the lines of a trend, with what removed runs have left."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from hil.history.case_rows import case_at, metric_numbers, plan_of, read_plans
from hil.history.column_values import data, text
from hil.history.figure_packing import unpack_set
from hil.history.figure_summary import MonthSummary, unpack_summaries
from hil.history.queries import board_keys, is_pattern, lines_of, of_boards, of_plans, of_runs
from hil.history.run_order import CLOCK_WRONG
from hil.history.sql_tables import boards, figure_sets, month_summaries, runs
from hil.model.captures import BOARD_SOURCE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from hil.history.database import History
    from hil.history.queries import RunFilter


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """A figure in one run."""

    run: str
    started_utc: str
    value: float
    lo: float | None
    hi: float | None
    n: int
    verdict: str
    clock_wrong: bool = False

    @property
    def when(self) -> str:
        """When its run began, and whether that can be so."""
        return f"{self.started_utc} ({CLOCK_WRONG})" if self.clock_wrong else self.started_utc


@dataclass(frozen=True, slots=True)
class TrendLine:
    """One figure over time, the oldest first.

    Runs that measured it otherwise have a line of their own; ``plan`` says how, where there are
    several.
    """

    board: str
    key: str
    firmware: str
    profile: str
    technique: str
    load: str
    task: int | None
    method: str | None
    unit: str
    source: str = BOARD_SOURCE
    plan: str = ""
    points: list[TrendPoint] = field(default_factory=list)
    summaries: list[MonthSummary] = field(default_factory=list)
    """Of the runs that were removed, by month, the oldest first; no comparison looks at them."""


_Lines = dict[tuple[tuple[Any, ...], str], TrendLine]


def trend_lines(
    history: History, metric: str, wanted: RunFilter, most: int = 100
) -> list[TrendLine]:
    """``metric`` over the newest ``most`` runs of each board, firmware line, technique and load."""
    return history.read(lambda connection: _trends(connection, metric, wanted, most))


def _trends(connection: Connection, metric: str, wanted: RunFilter, most: int) -> list[TrendLine]:
    number_of = metric_numbers(connection, [metric]).get(metric)
    if number_of is None:
        return []
    query = (
        sa.select(
            *(boards.c.id, boards.c.order_utc, runs.c.run, runs.c.started_utc),
            *(boards.c.name, boards.c.key, boards.c.firmware, boards.c.profile),
            *(boards.c.plan_id, figure_sets.c.data),
        )
        .join(runs, runs.c.id == boards.c.run_id)
        .join(figure_sets, figure_sets.c.board_id == boards.c.id)
        .where(figure_sets.c.metric_id == number_of)
        .where(*of_runs(wanted), *of_boards(wanted), *of_plans(wanted))
        .order_by(boards.c.order_utc.desc(), boards.c.id.desc())
        .limit(most)
    )
    rows: list[Any] = []
    for key in board_keys(connection, wanted):
        for firmware, profile in lines_of(connection, key):
            line = (boards.c.key == key, boards.c.firmware == firmware)
            rows += connection.execute(query.where(*line, boards.c.profile == profile))
    rows.sort(key=lambda row: (row.order_utc, row.id))
    plans = read_plans(connection, {row.plan_id for row in rows})
    lines = _lines_of_rows(rows, plans, wanted, most)
    if wanted.verdict is None:
        _add_summaries(connection, number_of, wanted, lines)
    several = Counter(name for name, _ in lines)
    return [
        replace(line, plan=plan) if several[name] > 1 else line
        for (name, plan), line in lines.items()
    ]


def _add_summaries(
    connection: Connection, metric_id: int, wanted: RunFilter, lines: _Lines
) -> None:
    """What the removed runs have left, at each line of their own kind."""
    conditions = [month_summaries.c.metric_id == metric_id]
    if wanted.board is None or is_pattern(wanted.board):
        conditions += of_boards(wanted, month_summaries)
    else:
        keys = {*board_keys(connection, wanted), wanted.board}
        others = of_boards(replace(wanted, board=None), month_summaries)
        conditions += [month_summaries.c.key.in_(keys), *others]
    if wanted.since is not None:
        conditions.append(month_summaries.c.month >= wanted.since[:7])
    if wanted.until is not None:
        conditions.append(sa.literal(wanted.until) > month_summaries.c.month + "-01T00:00:00Z")
    query = sa.select(month_summaries).where(*conditions).order_by(month_summaries.c.month)
    for row in connection.execute(query):
        of_line = text(row.key), text(row.firmware), text(row.profile)
        for named, summary in unpack_summaries(data(row.data)).items():
            technique, load, plan, task, method, source, unit = named
            if wanted.takes_case(technique, load):
                name = (*of_line, technique, load, task, method, source)
                line = lines.get((name, plan))
                if line is None:
                    line = lines[name, plan] = TrendLine(
                        *(text(row.name), *of_line, technique, load, task, method, unit, source)
                    )
                line.summaries.append(summary.of_month(text(row.month)))


def _lines_of_rows(
    rows: Sequence[Any], plans: Mapping[int, list[Any]], wanted: RunFilter, most: int
) -> _Lines:
    lines: _Lines = {}
    for row in rows:
        cases = plans.get(row.plan_id, [])
        for figure in unpack_set(data(row.data)):
            case = case_at(cases, figure.position)
            if not wanted.takes_case(case.technique, case.load):
                continue
            name = (
                *(text(row.key), text(row.firmware), text(row.profile)),
                *(case.technique, case.load, figure.task, figure.method, figure.source),
            )
            plan = plan_of(case)
            line = lines.get((name, plan))
            if line is None:
                line = lines[name, plan] = TrendLine(
                    text(row.name), row.key, row.firmware, row.profile, case.technique, case.load,
                    figure.task, figure.method, figure.unit, figure.source,
                )  # fmt: skip
            point = TrendPoint(
                *(text(row.run), text(row.started_utc), figure.value, figure.lo, figure.hi),
                *(figure.n, figure.verdict, row.order_utc != row.started_utc),
            )
            line.points.append(point)
            del line.points[:-most]
    return lines
