"""What is in a history: runs, and figures over time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from hil.history.column_values import (
    number,
    number_or_none,
    periods_text,
    text,
    text_or_none,
    whole,
    whole_or_none,
)
from hil.history.missing_boards import missing_by_run, runs_without
from hil.history.run_order import CLOCK_WRONG, newest_first
from hil.history.sql_tables import baselines, boards, cases, measurements, runs
from hil.history.stored_records import describe_plan
from hil.model.captures import BOARD_SOURCE
from hil.model.results import staged_method
from hil.model.schema import parse_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from sqlalchemy import ColumnElement, Connection

    from hil.history.database import History

_ESCAPE = "/"


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs and cases: ``None`` leaves a filter off; ``board`` is a name or a key.

    ``firmware`` is the beginning of a version, ``machine`` a part of a model's name in any case.
    Each of these three may also be a pattern for the whole text, with ``*`` and ``?``. ``since`` is
    the earliest time in UTC, as ISO text, and ``until`` the first that is too late.
    """

    board: str | None = None
    machine: str | None = None
    firmware: str | None = None
    technique: str | None = None
    load: str | None = None
    since: str | None = None
    until: str | None = None
    verdict: str | None = None


@dataclass(frozen=True, slots=True)
class ListedBoard:
    """A board of a listed run."""

    name: str
    key: str
    machine: str
    micropython: str
    firmware: str


@dataclass(frozen=True, slots=True)
class ListedRun:
    """One run in a list; ``worse`` is ``None`` where the run was not compared.

    ``clock_wrong``: it did not begin when it says so, and stands where it was stored.
    """

    run: str
    started_utc: str
    duration_s: float
    profile: str
    source: str
    verdict: str
    worse: int | None
    revision: str | None
    modified: bool | None
    baseline: bool
    cases: int
    boards: tuple[ListedBoard, ...]
    clock_wrong: bool = False
    missing: tuple[str, ...] = ()
    """The boards that were expected and did not answer."""

    @property
    def title(self) -> str:
        """Its name, and what is special about it."""
        marks = ("baseline",) * self.baseline + (CLOCK_WRONG,) * self.clock_wrong
        return f"{self.run} ({'; '.join(marks)})" if marks else self.run


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


def list_runs(history: History, wanted: RunFilter, most: int | None = None) -> list[ListedRun]:
    """Runs with a case that is wanted, the newest first."""
    return history.read(lambda connection: _runs(connection, wanted, most))


def _runs(connection: Connection, wanted: RunFilter, most: int | None) -> list[ListedRun]:
    query = (
        sa.select(runs, baselines.c.run_id.label("base"))
        .outerjoin(baselines, baselines.c.run_id == runs.c.id)
        .where(*_of_runs(wanted))
        .order_by(*newest_first)
    )
    inner = sa.select(boards.c.run_id).outerjoin(cases, cases.c.board_id == boards.c.id)
    if narrowing := _of_cases(wanted):
        chosen: ColumnElement[bool] = runs.c.id.in_(inner.where(*narrowing))
        if wanted.board is not None and not (wanted.firmware or wanted.technique or wanted.load):
            chosen |= runs.c.id.in_(runs_without(wanted.board))
        query = query.where(chosen)
    rows = connection.execute(query.limit(most)).all()
    run_ids = [int(row.id) for row in rows]
    boards_of_run: dict[int, list[Any]] = {}
    for board in connection.execute(
        sa.select(boards).where(boards.c.run_id.in_(run_ids)).order_by(boards.c.id)
    ):
        boards_of_run.setdefault(board.run_id, []).append(board)
    counted = connection.execute(
        sa.select(boards.c.run_id, sa.func.count())
        .join(cases, cases.c.board_id == boards.c.id)
        .where(boards.c.run_id.in_(run_ids))
        .group_by(boards.c.run_id)
    )
    count = {row[0]: int(row[1]) for row in counted}
    missing = missing_by_run(connection, run_ids)
    return [
        ListedRun(
            run=text(row.run),
            started_utc=text(row.started_utc),
            duration_s=number(row.duration_s),
            profile=text(row.profile),
            source=text(row.source),
            verdict=text(row.verdict),
            worse=whole_or_none(row.worse),
            revision=text_or_none(row.revision),
            modified=row.modified,
            baseline=row.base is not None,
            cases=count.get(row.id, 0),
            boards=tuple(
                ListedBoard(
                    *(text(board.name), text(board.key), text(board.machine)),
                    *(text(board.micropython), text(board.firmware)),
                )
                for board in boards_of_run.get(row.id, ())
            ),
            clock_wrong=row.order_utc != row.started_utc,
            missing=missing.get(row.id, ()),
        )
        for row in rows
    ]


def trend_lines(
    history: History, metric: str, wanted: RunFilter, most: int = 100
) -> list[TrendLine]:
    """``metric`` over the newest ``most`` runs of each board, firmware line, technique and load."""
    return history.read(lambda connection: _trends(connection, metric, wanted, most))


def _trends(connection: Connection, metric: str, wanted: RunFilter, most: int) -> list[TrendLine]:
    query = (
        sa.select(
            *(runs.c.run, runs.c.started_utc, runs.c.order_utc, runs.c.profile),
            *(boards.c.name, boards.c.key, boards.c.firmware),
            *(cases.c.technique, cases.c.load, cases.c.duration_us, cases.c.periods),
            *(cases.c.windows, measurements),
        )
        .join(boards, boards.c.run_id == runs.c.id)
        .join(cases, cases.c.board_id == boards.c.id)
        .join(measurements, measurements.c.case_id == cases.c.id)
        .where(measurements.c.metric == metric, *_of_runs(wanted), *_of_cases(wanted))
        .order_by(runs.c.order_utc, runs.c.id, measurements.c.id)
    )
    lines: dict[tuple[tuple[Any, ...], str], TrendLine] = {}
    for row in connection.execute(query):
        source = figure_source(row.more)
        task = whole_or_none(row.task)
        method = staged_method(metric, text_or_none(row.method), text_or_none(row.note))
        name = (
            *(text(row.key), text(row.firmware), text(row.profile)),
            *(text(row.technique), text(row.load), task, method, source),
        )
        plan = describe_plan(
            number_or_none(row.duration_us), periods_text(row.periods), whole_or_none(row.windows)
        )
        key = (name, plan)
        line = lines.get(key)
        if line is None:
            line = lines[key] = TrendLine(
                text(row.name), row.key, row.firmware, row.profile, row.technique, row.load, task,
                method, text(row.unit), source,
            )  # fmt: skip
        point = TrendPoint(
            text(row.run),
            text(row.started_utc),
            number(row.value),
            number_or_none(row.lo),
            number_or_none(row.hi),
            whole(row.n),
            text(row.verdict),
            row.order_utc != row.started_utc,
        )
        line.points.append(point)
        del line.points[:-most]
    several = Counter(name for name, _ in lines)
    return [
        replace(line, plan=plan) if several[name] > 1 else line
        for (name, plan), line in lines.items()
    ]


def figure_source(more: str | None) -> str:
    """Who saw a figure, from what is stored beside its columns."""
    rest = parse_json(more) if more else {}
    source = rest.get("source", BOARD_SOURCE) if isinstance(rest, dict) else BOARD_SOURCE
    return str(source)


def known_metrics(history: History) -> list[str]:
    """The metrics that the history has figures of."""
    query = sa.select(measurements.c.metric).distinct()
    return history.read(lambda connection: sorted(map(text, connection.execute(query).scalars())))


def _of_runs(wanted: RunFilter) -> Sequence[ColumnElement[bool]]:
    conditions = []
    if wanted.since is not None:
        conditions.append(runs.c.order_utc >= wanted.since)
    if wanted.until is not None:
        conditions.append(runs.c.order_utc < wanted.until)
    if wanted.verdict is not None:
        conditions.append(runs.c.verdict == wanted.verdict)
    return conditions


def of_boards(wanted: RunFilter) -> list[ColumnElement[bool]]:
    """The conditions that are on the board of a run."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.board is not None:
        columns = (boards.c.key, boards.c.name)
        conditions.append(
            sa.or_(*(column.like(_like(wanted.board), escape=_ESCAPE) for column in columns))
            if is_pattern(wanted.board)
            else sa.or_(*(column == wanted.board for column in columns))
        )
    if wanted.machine is not None:
        like = _like(wanted.machine if is_pattern(wanted.machine) else f"*{wanted.machine}*")
        conditions.append(boards.c.machine.ilike(like, escape=_ESCAPE))
    if wanted.firmware is not None:
        version = wanted.firmware.removeprefix("v")
        like = _like(version if is_pattern(version) else f"{version}*")
        conditions.append(boards.c.firmware.like(like, escape=_ESCAPE))
    return conditions


def is_pattern(text: str) -> bool:
    """Whether a filter's text is a pattern for the whole of what it is held against."""
    return "*" in text or "?" in text


def _like(pattern: str) -> str:
    """SQL's form of a pattern; what SQL takes as a pattern of its own is a plain character."""
    for char in (_ESCAPE, "%", "_"):
        pattern = pattern.replace(char, _ESCAPE + char)
    return pattern.replace("*", "%").replace("?", "_")


def _of_cases(wanted: RunFilter) -> Sequence[ColumnElement[bool]]:
    conditions = of_boards(wanted)
    if wanted.technique is not None:
        conditions.append(cases.c.technique == wanted.technique)
    if wanted.load is not None:
        conditions.append(cases.c.load == wanted.load)
    return conditions
