"""Runs found and read back, from the database or from a run's folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast, get_args

import sqlalchemy as sa

from hil.history.case_rows import read_cases
from hil.history.column_values import (
    number,
    text,
    text_or_none,
    whole_or_none,
)
from hil.history.queries import lines_of
from hil.history.run_order import newest_first
from hil.history.sql_tables import (
    baselines,
    boards,
    errors,
    runs,
    skips,
)
from hil.history.stored_records import (
    HistoryBoard,
    HistoryRun,
)
from hil.model.board import BoardIdentity
from hil.model.codec import field_keys, read_record
from hil.model.errors import CaptureError, ConfigurationError
from hil.model.results import ErrorRecord, RunInfo, Skip
from hil.model.schema import parse_json
from hil.model.verdicts import RunVerdict
from hil.recording.latest_run import newest_run

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from typing import Any

    from sqlalchemy import Connection

    from hil.history.database import History

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FirmwareLine:
    """What runs must share to be compared: the board, its firmware line and the profile."""

    key: str
    firmware: str
    profile: str
    source: str


def find_run(history: History, name: str) -> int | None:
    """The number of the run called ``name``, or of the only one whose name begins so.

    Raises :class:`~hil.model.errors.CaptureError` where several do.
    """

    def work(connection: Connection) -> int | None:
        exact = connection.execute(sa.select(runs.c.id).where(runs.c.run == name)).scalar()
        if exact is not None or not name:
            return exact
        like = runs.c.run.startswith(name, autoescape=True)
        some = connection.execute(sa.select(runs.c.id, runs.c.run).where(like).limit(3)).all()
        if len(some) > 1:
            raise CaptureError(f"{name}: several runs begin so, for example {some[0].run}")
        return int(some[0].id) if some else None

    return history.read(work)


def past_runs(
    history: History,
    line: FirmwareLine,
    *,
    before_utc: str,
    most: int,
    without: Collection[str] = (),
) -> list[int]:
    """The newest runs of ``line`` that stand before ``before_utc``, the newest first.

    Runs whose fingerprint is in ``without`` are left out.
    """
    query = (
        sa.select(runs.c.id)
        .join(boards, boards.c.run_id == runs.c.id)
        .where(
            *_of_line(line),
            boards.c.order_utc <= before_utc,
            runs.c.fingerprint.not_in(list(without)),
        )
        .order_by(boards.c.order_utc.desc(), boards.c.run_id.desc())
        .limit(most)
    )
    return _numbers(history, query)


def baseline_runs(history: History, line: FirmwareLine, fingerprint: str = "") -> list[int]:
    """The baselines of ``line``, the newest first; not the run of ``fingerprint``."""
    query = (
        sa.select(runs.c.id)
        .join(boards, boards.c.run_id == runs.c.id)
        .join(baselines, baselines.c.run_id == runs.c.id)
        .where(*_of_line(line), runs.c.fingerprint != fingerprint)
        .order_by(*newest_first)
    )
    return _numbers(history, query)


def newest_of(history: History, run_ids: Sequence[int]) -> int:
    """Which of ``run_ids``, at least one, is the newest."""
    query = sa.select(runs.c.id).where(runs.c.id.in_(list(run_ids))).order_by(*newest_first)
    return _numbers(history, query.limit(1))[0]


def _numbers(history: History, query: Any) -> list[int]:
    return history.read(lambda connection: list(connection.execute(query).scalars()))


def other_lines(history: History, key: str) -> list[str]:
    """Firmware lines and profiles that this board was measured with, for a person to read."""
    lines = history.read(lambda connection: lines_of(connection, key))
    return sorted(f"MicroPython {firmware}, profile {profile}" for firmware, profile in lines)


def _of_line(line: FirmwareLine) -> Sequence[Any]:
    return (
        boards.c.key == line.key,
        boards.c.firmware == line.firmware,
        boards.c.source == line.source,
        boards.c.profile == line.profile,
    )


def load_run(
    history: History,
    run_id: int,
    key: str | None = None,
    details: Collection[str] | None = None,
) -> HistoryRun:
    """A run, whole, or only its board ``key``.

    ``details`` are the fields of the figures' details that are read, by default all.
    Raises :class:`~hil.model.errors.CaptureError` where it was removed meanwhile.
    """
    return history.read(lambda connection: _load(connection, run_id, key, details))


def _load(
    connection: Connection, run_id: int, key: str | None, details: Collection[str] | None
) -> HistoryRun:
    row = connection.execute(sa.select(runs).where(runs.c.id == run_id)).first()
    if row is None:
        raise CaptureError("a run was removed from the history while it was read")
    info = _record(RunInfo, row, id=row.run)
    query = sa.select(boards).where(boards.c.run_id == run_id)
    if key is not None:
        query = query.where(boards.c.key == key)
    board_rows = connection.execute(query.order_by(boards.c.id)).all()
    board_cases = read_cases(connection, board_rows, details)
    skip_rows = connection.execute(sa.select(skips).where(skips.c.run_id == run_id))
    error_rows = connection.execute(sa.select(errors).where(errors.c.run_id == run_id))
    return HistoryRun(
        info=info,
        fingerprint=text(row.fingerprint),
        verdict=_verdict(row.verdict),
        boards=tuple(
            HistoryBoard(_identity(board), tuple(board_cases.get(board.id, ())), text(board.key))
            for board in board_rows
        ),
        skipped=tuple(_record(Skip, skip) for skip in skip_rows),
        errors=tuple(_record(ErrorRecord, error) for error in error_rows),
        revision=text_or_none(row.revision),
        modified=row.modified,
        clock_wrong=row.order_utc != row.started_utc,
    )


def _verdict(value: Any) -> RunVerdict:
    for verdict in get_args(RunVerdict):
        if verdict == value:
            return cast(RunVerdict, verdict)
    raise ValueError(f"{value!r:.40} is no verdict of a run")


def _identity(row: Any) -> BoardIdentity:
    return _record(
        BoardIdentity,
        row,
        port="",
        tick_period=int(row.tick_period),
        cpu_hz=whole_or_none(row.cpu_hz),
        capabilities=text(row.capabilities).split(),
    )


def _record(kind: type[T], row: Any, **converted: Any) -> T:
    """The record in a row: ``converted`` fields, those with a column, and the rest in ``more``.

    Raises :class:`~hil.model.errors.CaptureError` where a row holds what no version writes.
    """
    columns = {key: value for key, value in row._mapping.items() if key in field_keys(kind)}
    for value in columns.values():
        if isinstance(value, float):
            number(value)  # none that is infinite
    more = getattr(row, "more", None)
    rest = parse_json(more) if more else {}
    if not isinstance(rest, dict):
        raise CaptureError("the history: a column `more` is not an object")
    return read_record(kind, {**rest, **columns, **converted}, "the history")


def find_history_run(
    name: str, history: History | None, read_folder: Callable[[Path], HistoryRun]
) -> HistoryRun:
    """A run from its folder, by ``read_folder``, or from the history by its id or how that begins.

    Raises :class:`~hil.model.errors.ConfigurationError` for neither.
    """
    folder = newest_run(Path(name))
    if folder.is_dir():
        return read_folder(folder)
    if history is None:
        raise ConfigurationError(f"{name}: no such run's folder, and there is no history")
    number = find_run(history, name)
    if number is None:
        raise ConfigurationError(
            f"{name}: neither a run's folder nor a run in {history.location.shown}; "
            "see `hil history`"
        )
    return load_run(history, number)
