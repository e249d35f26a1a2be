"""One night over all boards: which nights there are, who reported, and what failed.

A night goes by a day, ``2026-11-27``, and has the runs that stand in the history from
``first_hour`` o'clock (UTC) of that day to the same hour of the next; from a ``first_hour`` of 12
or later it has those from the evening before, so that its name is the day that most of it is in.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from hil.history.column_values import number_or_none, text, whole
from hil.history.queries import of_boards
from hil.history.sql_tables import boards, errors, runs
from hil.model.errors import ConfigurationError
from hil.model.numbers import shown_text
from hil.model.printable import escaped_line

if TYPE_CHECKING:
    from typing import Any

    from sqlalchemy import Connection

    from hil.history.database import History
    from hil.history.queries import RunFilter

_NOON = 12
_LONGEST_ERROR = 400
_LAST = "9999-99-99"


@dataclass(frozen=True, slots=True)
class Night:
    """A day with runs: how many of them, and of how many boards."""

    day: str
    runs: int
    boards: int


@dataclass(frozen=True, slots=True)
class NightBoard:
    """A board in a run; ``board_id`` is the number that its figures carry
    (:mod:`hil.history.key_figures`).

    ``verdict`` and ``worse`` are those of the whole run, which may have other boards; ``errors``
    are the board's own and those of no board. ``runs`` is how many the board has in the time,
    ``step_us`` that of its clock.
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
    runs: int = 1
    step_us: float | None = None


@dataclass(frozen=True, slots=True)
class NightError:
    """The first of the errors that a run of the night has of a board, or of something missing."""

    run: str
    board: str
    technique: str
    load: str
    error: str


def newest_nights(
    history: History, wanted: RunFilter, most: int, first_hour: int = 0
) -> list[Night]:
    """The newest ``most`` nights that have a run of a board that is wanted, the newest first."""
    return history.read(lambda connection: find_nights(connection, wanted, most, first_hour))


def boards_of_night(
    history: History, day: str, wanted: RunFilter, first_hour: int = 0
) -> list[NightBoard]:
    """The newest sound run of each board in a night, by key, else its newest.

    Sound is a run without an error of the board's. Raises
    :class:`~hil.model.errors.ConfigurationError` for what is no day.
    """
    begin, end = night_span(day, first_hour)
    return history.read(lambda connection: _boards(connection, begin, end, wanted))


def boards_before(
    history: History, day: str, nights: int, wanted: RunFilter, first_hour: int = 0
) -> list[NightBoard]:
    """The newest run of each board in the ``nights`` nights before: who was to be expected.

    Raises :class:`~hil.model.errors.ConfigurationError` for what is no day.
    """
    begin, _ = night_span(day, first_hour, back=nights)
    end, _ = night_span(day, first_hour)
    return history.read(lambda connection: _boards(connection, begin, end, wanted))


def errors_of_night(history: History, day: str, first_hour: int = 0) -> list[NightError]:
    """The first error of each board and run of a night, and of each board that was missed.

    Raises :class:`~hil.model.errors.ConfigurationError` for what is no day.
    """
    begin, end = night_span(day, first_hour)
    return history.read(lambda connection: _errors(connection, begin, end))


def night_span(day: str, first_hour: int = 0, back: int = 0) -> tuple[str, str]:
    """The first hour of a night (``back`` nights earlier) and that of the next, as ISO text."""
    try:
        moment = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC)
        moment += timedelta(hours=_shift(first_hour))
        hours = (moment - timedelta(days=back), moment + timedelta(days=1))
    except (ValueError, OverflowError):
        raise ConfigurationError(
            f"{shown_text(escaped_line(day))} is no day: give one like 2026-11-01"
        ) from None
    return hours[0].strftime("%Y-%m-%dT%H"), hours[1].strftime("%Y-%m-%dT%H")


def _shift(first_hour: int) -> int:
    """From which hour of its day on a night is, negative for the evening before."""
    return first_hour if first_hour < _NOON else first_hour - 24


def _night_of(order_utc: str, first_hour: int) -> str:
    """The name of the night that a run stands in; what is no time has a day of its own."""
    try:
        moment = datetime.strptime(order_utc[:13], "%Y-%m-%dT%H") - timedelta(
            hours=_shift(first_hour)
        )
    except (ValueError, OverflowError):
        raise ValueError(f"{order_utc!r:.40} is no time of a run") from None
    return moment.strftime("%Y-%m-%d")


def find_nights(
    connection: Connection, wanted: RunFilter, most: int, first_hour: int = 0
) -> list[Night]:
    """As :func:`newest_nights`, within a transaction."""
    nights: list[Night] = []
    before = _LAST
    while len(nights) < most:
        newest = connection.execute(
            sa.select(boards.c.order_utc)
            .where(boards.c.order_utc < before, *of_boards(wanted))
            .order_by(boards.c.order_utc.desc())
            .limit(1)
        ).scalar()
        if newest is None:
            break
        day = _night_of(text(newest), first_hour)
        begin, _ = night_span(day, first_hour)
        count = connection.execute(
            sa.select(
                sa.func.count(boards.c.run_id.distinct()), sa.func.count(boards.c.key.distinct())
            ).where(boards.c.order_utc >= begin, boards.c.order_utc < before, *of_boards(wanted))
        ).one()
        nights.append(Night(day, int(count[0]), int(count[1])))
        before = begin
    return nights


def _boards(connection: Connection, begin: str, end: str, wanted: RunFilter) -> list[NightBoard]:
    failed = (
        sa.select(sa.func.count())
        .select_from(errors)
        .where(errors.c.run_id == runs.c.id, errors.c.board.in_([boards.c.name, ""]))
        .scalar_subquery()
    )
    rows = connection.execute(
        sa.select(
            *(boards.c.id, boards.c.key, boards.c.name, boards.c.machine, boards.c.micropython),
            *(boards.c.firmware, runs.c.run, runs.c.started_utc, runs.c.profile),
            *(boards.c.source, runs.c.verdict, runs.c.worse, failed.label("errors")),
            boards.c.tick_resolution_us,
        )
        .join(runs, boards.c.run_id == runs.c.id)
        .where(boards.c.order_utc >= begin, boards.c.order_utc < end, *of_boards(wanted))
        .order_by(boards.c.order_utc, boards.c.id)
    )
    chosen: dict[str, NightBoard] = {}
    count: Counter[str] = Counter()
    for row in rows:
        board = _board(row)
        count[board.key] += 1
        if not board.errors or board.key not in chosen or chosen[board.key].errors:
            chosen[board.key] = board
    return [replace(chosen[key], runs=count[key]) for key in sorted(chosen)]


def _errors(connection: Connection, begin: str, end: str) -> list[NightError]:
    first = (
        sa.select(sa.func.min(errors.c.id))
        .join(runs, errors.c.run_id == runs.c.id)
        .where(runs.c.order_utc >= begin, runs.c.order_utc < end)
        .group_by(errors.c.run_id, errors.c.board)
    )
    rows = connection.execute(
        sa.select(
            *(runs.c.run, errors.c.board, errors.c.technique, errors.c.load),
            sa.func.substr(errors.c.error, 1, _LONGEST_ERROR).label("error"),
        )
        .join(runs, errors.c.run_id == runs.c.id)
        .where(errors.c.id.in_(first))
        .order_by(errors.c.id)
    )
    return [
        NightError(
            *(text(row.run), text(row.board), text(row.technique), text(row.load), text(row.error))
        )
        for row in rows
    ]


def _board(row: Any) -> NightBoard:
    return NightBoard(
        *(int(row.id), text(row.key), text(row.name), text(row.machine), text(row.micropython)),
        *(text(row.firmware), text(row.run), text(row.started_utc), text(row.profile)),
        *(text(row.source), text(row.verdict)),
        None if row.worse is None else whole(row.worse),
        int(row.errors),
        step_us=number_or_none(row.tick_resolution_us),
    )
