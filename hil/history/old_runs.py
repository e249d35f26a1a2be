"""Which runs of a history a policy does not keep, chosen by the database.

What is read grows with the runs that go and with those that steps of weeks or months keep, not with
all that are stored: the times of runs are compared as the texts that they are, period by period.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from hil.history.column_values import text
from hil.history.queries import distinct_keys, of_boards
from hil.history.retention_policy import ALL, parse_moment_utc, period_of
from hil.history.run_order import newest_first
from hil.history.sql_tables import baselines, boards, runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import ColumnElement, Connection

    from hil.history.database import History
    from hil.history.queries import RunFilter
    from hil.history.retention_policy import RetentionPolicy

_WRITTEN = "____-__-__T%Z"
"""The times that a run's writer gives, of which the order of the texts is that of the times."""
_of_run = boards.alias("of_run")
_newer = boards.alias("newer")
_newer_run = runs.alias("newer_run")
_without_boards = ~sa.exists().where(_of_run.c.run_id == runs.c.id).correlate(runs)


def old_runs(
    history: History, policy: RetentionPolicy, wanted: RunFilter | None = None
) -> list[str]:
    """The runs that the policy does not keep, the oldest first; never a baseline.

    With ``wanted`` only runs all of whose boards are wanted ones. A run whose time is none stays.
    They are those of :meth:`~hil.history.retention_policy.RetentionPolicy.old`.
    """
    if not policy.steps and policy.newest is None and policy.since is None:
        return []
    now = datetime.now(UTC)
    return history.read(lambda connection: _old(connection, policy, now, wanted))


def _old(
    connection: Connection, policy: RetentionPolicy, now: datetime, wanted: RunFilter | None
) -> list[str]:
    conditions: list[ColumnElement[bool]] = [
        runs.c.order_utc.like(_WRITTEN),
        runs.c.id.not_in(sa.select(baselines.c.run_id)),
    ]
    if policy.since is not None:
        conditions.append(runs.c.order_utc < _time_text(policy.since))
    if policy.newest is not None:
        conditions.append(_beyond_newest(policy.newest))
    if wanted is not None and (of_wanted := of_boards(wanted)):
        of_board = sa.exists().where(boards.c.run_id == runs.c.id).correlate(runs)
        conditions += [of_board.where(*of_wanted), ~of_board.where(~sa.and_(*of_wanted))]
    query = sa.select(runs.c.run, runs.c.order_utc, runs.c.id).where(*conditions)
    rows = [
        row
        for window in _windows(connection, policy, now)
        for row in connection.execute(query.where(*window))
        if parse_moment_utc(text(row.order_utc)) is not None
    ]
    rows.sort(key=lambda row: (row.order_utc, row.id))
    return [text(row.run) for row in rows]


def _windows(
    connection: Connection, policy: RetentionPolicy, now: datetime
) -> Iterator[list[ColumnElement[bool]]]:
    """The conditions under which no step keeps a run, a window of time after the other."""
    end: str | None = None  # the first step has the runs of the future, too
    for step in policy.steps:
        begin = "" if step.days is None else _time_before(now, step.days)
        if step.period != ALL:
            yield from _periods(connection, step.period, begin, end)
        end = begin
    if end is None or end:
        yield _between("", end)


def _periods(
    connection: Connection, period: str, begin: str, end: str | None
) -> Iterator[list[ColumnElement[bool]]]:
    """For each period with a run: its part of the window, and that a newer run is in it."""
    of_time = (runs.c.order_utc.like(_WRITTEN), *_between(begin, end))
    query = sa.select(sa.func.min(runs.c.order_utc)).where(*of_time)
    first = connection.execute(query).scalar()
    while first is not None:
        moment = parse_moment_utc(text(first))
        if moment is None:
            first = connection.execute(query.where(runs.c.order_utc > first)).scalar()
            continue
        period_begin, period_end = period_of(period, moment)
        part = _between(
            max(begin, period_begin), period_end if end is None else min(end, period_end)
        )
        yield [*part, _has_newer(period_end)]
        first = connection.execute(query.where(runs.c.order_utc >= period_end)).scalar()


def _between(begin: str, end: str | None) -> list[ColumnElement[bool]]:
    later = [runs.c.order_utc >= begin] if begin else []
    return later if end is None else [*later, runs.c.order_utc < end]


def _has_newer(period_end: str) -> ColumnElement[bool]:
    """Each of a run's boards has a newer run before ``period_end``; so has a run without any."""
    later = sa.exists().where(
        _newer.c.key == _of_run.c.key,
        _newer.c.order_utc >= _of_run.c.order_utc,
        _newer.c.order_utc < period_end,
        _newer.c.order_utc.like(_WRITTEN),
        (_newer.c.order_utc > _of_run.c.order_utc) | (_newer.c.run_id > _of_run.c.run_id),
    )
    newest = sa.exists().where(_of_run.c.run_id == runs.c.id, ~later.correlate(_of_run))
    later_run = sa.exists().where(
        _newer_run.c.order_utc >= runs.c.order_utc,
        _newer_run.c.order_utc < period_end,
        _newer_run.c.order_utc.like(_WRITTEN),
        (_newer_run.c.order_utc > runs.c.order_utc) | (_newer_run.c.id > runs.c.id),
        ~sa.exists().where(boards.c.run_id == _newer_run.c.id).correlate(_newer_run),
    )
    return ~newest.correlate(runs) & (~_without_boards | later_run.correlate(runs))


def _beyond_newest(newest: int) -> ColumnElement[bool]:
    """A run is beyond the ``newest`` ones of each of its boards; one without any, of those."""
    keys = distinct_keys(sa.true())
    first_beyond = (
        sa.select(_newer.c.run_id)
        .where(_newer.c.key == keys.c.key, _newer.c.order_utc.like(_WRITTEN))
        .group_by(_newer.c.order_utc, _newer.c.run_id)
        .order_by(_newer.c.order_utc.desc(), _newer.c.run_id.desc())
        .offset(newest)
        .limit(1)
        .correlate(keys)
        .scalar_subquery()
    )
    edges = sa.select(keys.c.key, first_beyond.label("run_id")).cte("edges")
    beyond = (
        sa.select(boards.c.id, boards.c.run_id)
        .join(edges, edges.c.key == boards.c.key)
        .join(_newer_run, _newer_run.c.id == edges.c.run_id)
        .where(
            boards.c.order_utc <= _newer_run.c.order_utc,
            (boards.c.order_utc < _newer_run.c.order_utc) | (boards.c.run_id <= edges.c.run_id),
        )
        .cte("beyond")
    )
    alone = (
        sa.select(runs.c.id)
        .where(_without_boards, runs.c.order_utc.like(_WRITTEN))
        .order_by(*newest_first)
        .offset(newest)
    )
    numbers = sa.union_all(sa.select(beyond.c.run_id), sa.select(alone.subquery().c.id))
    within = sa.exists().where(
        _of_run.c.run_id == runs.c.id, _of_run.c.id.not_in(sa.select(beyond.c.id))
    )
    return runs.c.id.in_(numbers) & ~within.correlate(runs)


def _time_before(now: datetime, days: int) -> str:
    """The first second that is at most so old; empty where there is no such time."""
    try:
        return _time_text(now - timedelta(days=days))
    except OverflowError:
        return ""


def _time_text(moment: datetime) -> str:
    """The first whole second that is not before ``moment``, as runs have it."""
    whole = moment.astimezone(UTC).replace(microsecond=0)
    whole += timedelta(seconds=whole < moment)
    return f"{whole:%Y-%m-%dT%H:%M:%SZ}".rjust(20, "0")
