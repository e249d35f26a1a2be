"""Runs found and read back, from the database or from a run's folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast, get_args

import sqlalchemy as sa

from hil.history.column_values import (
    data,
    number,
    periods_text,
    text,
    text_or_none,
    whole,
    whole_or_none,
)
from hil.history.run_order import newest_first
from hil.history.sql_tables import (
    baselines,
    boards,
    cases,
    errors,
    measurements,
    runs,
    skips,
    stamps,
)
from hil.history.stored_records import (
    HistoryBoard,
    HistoryCase,
    HistoryRun,
    HistoryStamps,
    StampKind,
)
from hil.model.board import BoardIdentity
from hil.model.codec import field_keys, read_record
from hil.model.errors import CaptureError, ConfigurationError
from hil.model.results import ErrorRecord, Measurement, RunInfo, Skip
from hil.model.schema import parse_json
from hil.model.verdicts import RunVerdict
from hil.recording.latest_run import newest_run

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
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
            runs.c.order_utc <= before_utc,
            runs.c.fingerprint.not_in(list(without)),
        )
        .order_by(*newest_first)
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
    query = (
        sa.select(boards.c.firmware, runs.c.profile)
        .join(runs, boards.c.run_id == runs.c.id)
        .where(boards.c.key == key)
        .distinct()
        .limit(20)
    )
    rows = history.read(lambda connection: connection.execute(query).all())
    return sorted(f"MicroPython {row.firmware}, profile {row.profile}" for row in rows)


def _of_line(line: FirmwareLine) -> Sequence[Any]:
    return (
        boards.c.key == line.key,
        boards.c.firmware == line.firmware,
        boards.c.source == line.source,
        runs.c.profile == line.profile,
    )


def load_run(history: History, run_id: int, key: str | None = None) -> HistoryRun:
    """A run, whole, or only its board ``key``.

    Raises :class:`~hil.model.errors.CaptureError` where it was removed meanwhile.
    """
    return history.read(lambda connection: _load(connection, run_id, key))


def _load(connection: Connection, run_id: int, key: str | None) -> HistoryRun:
    row = connection.execute(sa.select(runs).where(runs.c.id == run_id)).first()
    if row is None:
        raise CaptureError("a run was removed from the history while it was read")
    info = _record(RunInfo, row, id=row.run)
    query = sa.select(boards).where(boards.c.run_id == run_id)
    if key is not None:
        query = query.where(boards.c.key == key)
    board_rows = connection.execute(query.order_by(boards.c.id)).all()
    board_cases = _cases(connection, {board.id: board.name for board in board_rows})
    skip_rows = connection.execute(sa.select(skips).where(skips.c.run_id == run_id))
    error_rows = connection.execute(sa.select(errors).where(errors.c.run_id == run_id))
    return HistoryRun(
        info=info,
        fingerprint=text(row.fingerprint),
        verdict=_verdict(row.verdict),
        boards=tuple(
            HistoryBoard(_identity(board), tuple(board_cases.get(board.id, ())))
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


def _cases(connection: Connection, names: dict[int, str]) -> dict[int, list[HistoryCase]]:
    cases_of_board: dict[int, list[HistoryCase]] = {}
    if not names:
        return cases_of_board
    in_boards = cases.c.board_id.in_(names)
    rows = connection.execute(sa.select(cases).where(in_boards).order_by(cases.c.id)).all()
    ids = sa.select(cases.c.id).where(in_boards)
    figures = _grouped(
        connection.execute(
            sa.select(measurements)
            .where(measurements.c.case_id.in_(ids))
            .order_by(measurements.c.id)
        )
    )
    stamps_by_case = _grouped(
        connection.execute(sa.select(stamps).where(stamps.c.case_id.in_(ids)).order_by(stamps.c.id))
    )
    for row in rows:
        case = HistoryCase(
            technique=text(row.technique),
            load=text(row.load),
            duration_us=whole_or_none(row.duration_us),
            periods=periods_text(row.periods),
            windows=whole(row.windows or 1),
            measurements=tuple(
                _record(
                    Measurement,
                    figure,
                    board=names[row.board_id],
                    technique=row.technique,
                    load=row.load,
                    n=whole(figure.n),
                )
                for figure in figures.get(row.id, ())
            ),
            stamps=tuple(_stamps_of_row(packed) for packed in stamps_by_case.get(row.id, ())),
        )
        cases_of_board.setdefault(row.board_id, []).append(case)
    return cases_of_board


def _grouped(rows: Iterable[Any]) -> dict[int, list[Any]]:
    rows_by_case: dict[int, list[Any]] = {}
    for row in rows:
        rows_by_case.setdefault(row.case_id, []).append(row)
    return rows_by_case


def _stamps_of_row(row: Any) -> HistoryStamps:
    counts = parse_json(text(row.counts))
    kind = next((kind for kind in get_args(StampKind) if kind == row.kind), None)
    if kind is None or not isinstance(counts, dict):
        raise ValueError("stamps of an unknown kind, or without their counts")
    return HistoryStamps(
        kind=kind,
        task=whole_or_none(row.task),
        method=text_or_none(row.method),
        period_us=number(row.period_us),
        cost_us=number(row.cost_us),
        step_us=number(row.step_us),
        taken=whole(row.taken),
        stored=whole(row.kept),
        counts={str(name): whole(count) for name, count in counts.items()},
        format=whole(row.format),
        data=data(row.data),
    )


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
