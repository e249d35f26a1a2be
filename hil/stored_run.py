"""Captures of one run put together, with the board's calibration given to each of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from hil.errors import CaptureError, NewerSchemaError
from hil.plan import CALIBRATE
from hil.records import Calibration, Capture, RunInfo
from hil.run_log import LOG_NAME, RunRecord, read_run_log
from hil.store import list_captures, read_capture


@dataclass(frozen=True, slots=True)
class StoredRun:
    """One run's folder, read: the log and one capture per board, technique and load.

    ``unreadable`` are the reasons why files in it could not be read at all.
    """

    log: RunRecord
    captures: tuple[Capture, ...]
    unreadable: tuple[str, ...] = ()


def captures_folder(folder: Path) -> Path:
    """Where the captures of a run's folder are; the folder itself if it has no ``capture``."""
    return folder / "capture" if (folder / "capture").is_dir() else folder


def read_run(folder: Path) -> StoredRun:
    """Read a run's folder, or its ``capture`` folder, as far as it goes.

    A capture that is cut or damaged does not keep the others back. Raises
    :class:`~hil.errors.CaptureError` when the folder holds no run, or one of a newer version.
    """
    path = captures_folder(folder)
    captures: list[Capture] = []
    unreadable: list[str] = []
    for file in list_captures(path):
        try:
            captures.append(read_capture(file))
        except NewerSchemaError:
            raise
        except CaptureError as error:
            unreadable.append(str(error))
    try:
        log = read_run_log(path)
    except NewerSchemaError:
        raise
    except CaptureError as error:
        if not captures or _has_text(path / LOG_NAME):
            raise
        log = _without_log(folder, captures)
        unreadable.append(str(error))
    return StoredRun(log, tuple(with_calibration(captures)), tuple(unreadable))


def _has_text(log: Path) -> bool:
    """Whether a log was begun; a run that was killed before has none, or an unfinished line."""
    try:
        with log.open("rb") as file:
            return b"\n" in file.read(1 << 20)
    except OSError:
        return False


def _without_log(folder: Path, captures: list[Capture]) -> RunRecord:
    """What can be said of a run that was killed before its log was begun."""
    name = folder.resolve().name
    info = RunInfo(name, "", 0.0, "unknown", "unknown", "unknown", captures[0].board.source)
    return RunRecord(info, (), (), complete=False)


def with_calibration(captures: Iterable[Capture]) -> list[Capture]:
    """The captures of techniques, each with what its board's own calibration found.

    Raises :class:`~hil.errors.CaptureError` when a case is there twice.
    """
    calibrations: dict[str, Calibration | None] = {}
    cases: dict[tuple[str, str, str], Capture] = {}
    for capture in captures:
        key = (capture.board.name, capture.plan.technique, capture.plan.load)
        if capture.plan.technique == CALIBRATE:
            calibrations[capture.board.name] = capture.calibration
        elif key in cases:
            raise CaptureError(f"two captures of {' '.join(key)} in one run")
        else:
            cases[key] = capture
    return [
        replace(capture, calibration=calibrations.get(board, capture.calibration))
        for (board, _, _), capture in cases.items()
    ]
