"""What is in a history: its runs, and which of them are wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from hil.history.column_values import number, text, text_or_none, whole_or_none
from hil.history.missing_boards import missing_by_run, runs_without
from hil.history.run_order import CLOCK_WRONG, newest_first
from hil.history.sql_tables import baselines, boards, metrics, plan_cases, runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import CTE, ColumnElement, Connection, Table

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

    def takes_case(self, technique: str, load: str) -> bool:
        """Whether a case of this technique and load is wanted."""
        return self.technique in (None, technique) and self.load in (None, load)


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


def list_runs(
    history: History, wanted: RunFilter, most: int | None = None, skip: int = 0
) -> list[ListedRun]:
    """Runs with a case that is wanted, the newest first but for the newest ``skip``."""
    return history.read(lambda connection: _runs(connection, wanted, most, skip))


def count_runs(history: History, wanted: RunFilter) -> int:
    """How many runs have a case that is wanted."""

    def work(connection: Connection) -> int:
        query = sa.select(sa.func.count()).select_from(runs)
        query = query.where(*of_runs(wanted), *_narrowing(wanted))
        return int(connection.execute(query).scalar_one())

    return history.read(work)


def _narrowing(
    wanted: RunFilter, of_board: Sequence[int] | None = None
) -> list[ColumnElement[bool]]:
    """The conditions on runs that their boards and cases make; ``of_board`` are known already."""
    narrowing = [*of_boards(wanted), *of_plans(wanted)]
    if not narrowing:
        return []
    chosen: ColumnElement[bool] = (
        sa.exists().where(boards.c.run_id == runs.c.id, *narrowing).correlate(runs)
        if of_board is None
        else runs.c.id.in_(of_board)
    )
    alone = not (wanted.machine or wanted.firmware or wanted.technique or wanted.load)
    if wanted.board is not None and alone:
        chosen |= runs.c.id.in_(runs_without(wanted.board))
    return [chosen]


def _runs(
    connection: Connection, wanted: RunFilter, most: int | None, skip: int
) -> list[ListedRun]:
    of_board = None
    if wanted.board is not None and most is not None and not is_pattern(wanted.board):
        of_board = _runs_of_board(connection, wanted, most + skip)
    query = (
        sa.select(runs, baselines.c.run_id.label("base"))
        .outerjoin(baselines, baselines.c.run_id == runs.c.id)
        .where(*of_runs(wanted), *_narrowing(wanted, of_board))
        .order_by(*newest_first)
    )
    rows = connection.execute(query.limit(most).offset(skip or None)).all()
    run_ids = [int(row.id) for row in rows]
    boards_of_run: dict[int, list[Any]] = {}
    for board in connection.execute(
        sa.select(boards).where(boards.c.run_id.in_(run_ids)).order_by(boards.c.id)
    ):
        boards_of_run.setdefault(board.run_id, []).append(board)
    counted = connection.execute(
        sa.select(boards.c.run_id, sa.func.count())
        .join(plan_cases, plan_cases.c.plan_id == boards.c.plan_id)
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


def _runs_of_board(connection: Connection, wanted: RunFilter, most: int | None) -> list[int]:
    """The newest runs of the boards that are called so, by an index and not by all runs."""
    query = (
        sa.select(boards.c.run_id)
        .join(runs, runs.c.id == boards.c.run_id)
        .where(*of_runs(wanted), *of_boards(wanted), *of_plans(wanted))
        .order_by(boards.c.order_utc.desc(), boards.c.id.desc())
        .limit(most)
    )
    numbers: list[int] = []
    for key in board_keys(connection, wanted):
        numbers += connection.execute(query.where(boards.c.key == key)).scalars()
    return numbers


def lines_of(connection: Connection, key: str) -> list[tuple[str, str]]:
    """The firmware lines and profiles that a board was measured with, one step of an index each."""
    lines: list[tuple[str, str]] = []
    query = (
        sa.select(boards.c.firmware, boards.c.profile)
        .where(boards.c.key == key)
        .order_by(boards.c.firmware, boards.c.profile)
        .limit(1)
    )
    row = connection.execute(query).first()
    while row is not None:
        firmware, profile = text(row.firmware), text(row.profile)
        lines.append((firmware, profile))
        same = boards.c.firmware == firmware, boards.c.profile > profile
        row = connection.execute(query.where(*same)).first()
        if row is None:  # the two apart: together they would go through all runs of the line
            row = connection.execute(query.where(boards.c.firmware > firmware)).first()
    return lines


def known_metrics(history: History) -> list[str]:
    """The metrics that the history has figures of."""
    query = sa.select(metrics.c.name)
    return history.read(lambda connection: sorted(map(text, connection.execute(query).scalars())))


def board_keys(connection: Connection, wanted: RunFilter) -> list[str]:
    """The keys of the boards that are wanted, by steps of an index."""
    if wanted.board is None or is_pattern(wanted.board):
        return _distinct(connection, sa.true(), of_boards(wanted))
    keys = {*_distinct(connection, boards.c.name == wanted.board)}
    of_key = sa.select(boards.c.id).where(boards.c.key == wanted.board).limit(1)
    if connection.execute(of_key).first():
        keys.add(wanted.board)
    return sorted(keys)


def _distinct(
    connection: Connection,
    condition: ColumnElement[bool],
    some_run: Sequence[ColumnElement[bool]] = (),
) -> list[str]:
    """The different keys of boards: each is the smallest one behind that before it.

    ``some_run``: only those of which a run fulfils all of that.
    """
    keys = distinct_keys(condition)
    query = sa.select(keys.c.key).where(keys.c.key.is_not(None))
    if some_run:
        there = sa.exists().where(boards.c.key == keys.c.key, *some_run).correlate(keys)
        query = query.where(there)
    return [text(key) for key in connection.execute(query).scalars()]


def distinct_keys(condition: ColumnElement[bool]) -> CTE:
    """The different keys of boards, ``key``, by steps of an index; the last one is null."""
    smallest = sa.select(sa.func.min(boards.c.key).label("key")).where(condition)
    keys = smallest.cte("keys", recursive=True)
    following = smallest.where(boards.c.key > keys.c.key).correlate(keys).scalar_subquery()
    return keys.union_all(sa.select(following).where(keys.c.key.is_not(None)))


def of_runs(wanted: RunFilter) -> Sequence[ColumnElement[bool]]:
    """The conditions that are on the run."""
    conditions = []
    if wanted.since is not None:
        conditions.append(runs.c.order_utc >= wanted.since)
    if wanted.until is not None:
        conditions.append(runs.c.order_utc < wanted.until)
    if wanted.verdict is not None:
        conditions.append(runs.c.verdict == wanted.verdict)
    return conditions


def of_boards(wanted: RunFilter, boards: Table = boards) -> list[ColumnElement[bool]]:
    """The conditions that are on the board of a run, or on another table with its names."""
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


def of_plans(wanted: RunFilter) -> list[ColumnElement[bool]]:
    """The condition on the plan of a board that it has a case which is wanted, if any is named."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.technique is not None:
        conditions.append(plan_cases.c.technique == wanted.technique)
    if wanted.load is not None:
        conditions.append(plan_cases.c.load == wanted.load)
    if not conditions:
        return []
    return [boards.c.plan_id.in_(sa.select(plan_cases.c.plan_id).where(*conditions))]
