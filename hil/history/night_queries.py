"""One night over all boards: which nights there are, who reported, and chosen figures of everybody.

A night is a day of UTC, ``2026-11-27``, by the time that its runs stand at in the history.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from hil.history.column_values import number, number_or_none, text, text_or_none, whole
from hil.history.queries import figure_source, of_boards
from hil.history.sql_tables import boards, cases, errors, measurements, runs
from hil.model.errors import ConfigurationError
from hil.model.results import staged_method

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

    from sqlalchemy import Connection

    from hil.history.database import History
    from hil.history.queries import RunFilter


@dataclass(frozen=True, slots=True)
class Night:
    """A day with runs: how many of them, and of how many boards."""

    day: str
    runs: int
    boards: int


@dataclass(frozen=True, slots=True)
class NightBoard:
    """A board in a run; ``board_id`` is the number that its figures carry.

    ``verdict``, ``worse`` and ``errors`` are those of the whole run, which may have other boards.
    """

    board_id: int
    key: str
    name: str
    machine: str
    micropython: str
    firmware: str
    run: str
    started_utc: str
    profile: str
    source: str
    verdict: str
    worse: int | None
    errors: int


@dataclass(frozen=True, slots=True)
class NightFigure:
    """A figure of one board (``board_id``) in a night."""

    board_id: int
    technique: str
    load: str
    task: int | None
    method: str | None
    source: str
    metric: str
    unit: str
    value: float
    lo: float | None
    hi: float | None
    n: int
    verdict: str


def newest_nights(history: History, wanted: RunFilter, most: int) -> list[Night]:
    """The newest ``most`` days that have a run of a board that is wanted, the newest first."""
    return history.read(lambda connection: _nights(connection, wanted, most))


def boards_of_night(history: History, day: str, wanted: RunFilter) -> list[NightBoard]:
    """The newest run of each board on ``day``, by key; see :class:`NightBoard`.

    Raises :class:`~hil.model.errors.ConfigurationError` for what is no day.
    """
    begin, end = _span(day)
    return history.read(lambda connection: _boards(connection, begin, end, wanted))


def boards_before(history: History, day: str, nights: int, wanted: RunFilter) -> list[NightBoard]:
    """The newest run of each board in the ``nights`` days before ``day``: who was to be expected.

    Raises :class:`~hil.model.errors.ConfigurationError` for what is no day.
    """
    begin, _ = _span(day, back=nights)
    end, _ = _span(day)
    return history.read(lambda connection: _boards(connection, begin, end, wanted))


def figures_of_boards(
    history: History,
    board_ids: Collection[int],
    metrics: Collection[str],
    wanted: RunFilter,
) -> list[NightFigure]:
    """The figures of ``metrics`` in these boards' runs, of the cases that are wanted."""
    return history.read(lambda connection: _figures(connection, board_ids, metrics, wanted))


def _span(day: str, back: int = 0) -> tuple[str, str]:
    """The first moment of a day (``back`` days earlier) and that of the day after, as ISO text."""
    try:
        moment = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC)
        days = (moment - timedelta(days=back), moment + timedelta(days=1))
    except (ValueError, OverflowError):
        raise ConfigurationError(f"{day[:40]!r} is no day: give one like 2026-11-01") from None
    return days[0].strftime("%Y-%m-%d"), days[1].strftime("%Y-%m-%d")


def _nights(connection: Connection, wanted: RunFilter, most: int) -> list[Night]:
    found: list[Night] = []
    before = "~"  # behind every digit
    while len(found) < most:
        newest = connection.execute(
            sa.select(runs.c.order_utc)
            .join(boards, boards.c.run_id == runs.c.id)
            .where(runs.c.order_utc < before, *of_boards(wanted))
            .order_by(runs.c.order_utc.desc())
            .limit(1)
        ).scalar()
        if newest is None:
            break
        day = text(newest)[:10]
        count = connection.execute(
            sa.select(sa.func.count(runs.c.id.distinct()), sa.func.count(boards.c.key.distinct()))
            .join(boards, boards.c.run_id == runs.c.id)
            .where(runs.c.order_utc >= day, runs.c.order_utc < before, *of_boards(wanted))
        ).one()
        found.append(Night(day, int(count[0]), int(count[1])))
        before = day
    return found


def _boards(connection: Connection, begin: str, end: str, wanted: RunFilter) -> list[NightBoard]:
    failed = (
        sa.select(sa.func.count())
        .select_from(errors)
        .where(errors.c.run_id == runs.c.id)
        .scalar_subquery()
    )
    rows = connection.execute(
        sa.select(
            *(boards.c.id, boards.c.key, boards.c.name, boards.c.machine, boards.c.micropython),
            *(boards.c.firmware, runs.c.run, runs.c.started_utc, runs.c.profile),
            *(boards.c.source, runs.c.verdict, runs.c.worse, failed.label("errors")),
        )
        .join(runs, boards.c.run_id == runs.c.id)
        .where(runs.c.order_utc >= begin, runs.c.order_utc < end, *of_boards(wanted))
        .order_by(runs.c.order_utc, runs.c.id)
    )
    newest = {row.key: _board(row) for row in rows}
    return [newest[key] for key in sorted(newest)]


def _board(row: Any) -> NightBoard:
    return NightBoard(
        *(int(row.id), text(row.key), text(row.name), text(row.machine), text(row.micropython)),
        *(text(row.firmware), text(row.run), text(row.started_utc), text(row.profile)),
        *(text(row.source), text(row.verdict)),
        None if row.worse is None else whole(row.worse),
        int(row.errors),
    )


def _figures(
    connection: Connection,
    board_ids: Collection[int],
    metrics: Collection[str],
    wanted: RunFilter,
) -> list[NightFigure]:
    query = (
        sa.select(cases.c.board_id, cases.c.technique, cases.c.load, measurements)
        .join(measurements, measurements.c.case_id == cases.c.id)
        .where(cases.c.board_id.in_(board_ids), measurements.c.metric.in_(metrics))
        .order_by(cases.c.board_id, measurements.c.id)
    )
    if wanted.technique is not None:
        query = query.where(cases.c.technique == wanted.technique)
    if wanted.load is not None:
        query = query.where(cases.c.load == wanted.load)
    return [
        NightFigure(
            board_id=int(row.board_id),
            technique=text(row.technique),
            load=text(row.load),
            task=None if row.task is None else whole(row.task),
            method=staged_method(row.metric, text_or_none(row.method), text_or_none(row.note)),
            source=figure_source(row.more),
            metric=text(row.metric),
            unit=text(row.unit),
            value=number(row.value),
            lo=number_or_none(row.lo),
            hi=number_or_none(row.hi),
            n=whole(row.n),
            verdict=text(row.verdict),
        )
        for row in connection.execute(query)
    ]
