"""The captures of a stored run: all of them, or those that give figures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hil.model.captures import CALIBRATE
from hil.model.errors import CaptureError, HilError, NewerSchemaError
from hil.model.results import RunInfo
from hil.recording.capture_file import list_captures
from hil.recording.capture_reader import read_capture
from hil.recording.run_folder import LOG_NAME, RunRecord, read_run_log
from hil.recording.validity import require_valid, truncate_capture

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from hil.model.captures import Calibration, Capture


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

    A capture that is truncated or damaged does not keep the others back. Raises
    :class:`~hil.model.errors.CaptureError` when the folder holds no run, or one of a newer version.
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
    """The captures of techniques, each with its board's own calibration.

    Raises :class:`~hil.model.errors.CaptureError` when a case is there twice.
    """
    calibrations: dict[str, Calibration | None] = {}
    cases: dict[tuple[str, str, str], Capture] = {}
    for capture in captures:
        key = case_key(capture)
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


def case_key(capture: Capture) -> tuple[str, str, str]:
    """Board, technique and load: what identifies a capture within its run."""
    return capture.board.name, capture.plan.technique, capture.plan.load


def sound_part(capture: Capture) -> tuple[Capture | None, HilError | None]:
    """The part of a capture that gives figures, and what is wrong with the capture.

    The whole of a valid capture, a truncated one up to its last stamps, ``None`` of any other.
    """
    try:
        require_valid(capture)
    except HilError as error:
        return truncate_capture(capture), error
    return capture, None


def sound_captures(run: StoredRun, *, truncated: bool = True) -> list[Capture]:
    """The captures that give figures; ``truncated`` ones among them, up to their last stamps."""
    parts = (sound_part(capture) for capture in run.captures)
    return [part for part, error in parts if part is not None and (truncated or error is None)]


class CaptureStream:
    """Reads the sound captures of a run's folder one at a time.

    ``left_out`` names the captures that are not whole, and why.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = captures_folder(folder)
        self.left_out: list[str] = []

    def __iter__(self) -> Iterator[Capture]:
        """Every capture with activations; ``CaptureError`` if no file could be read at all."""
        self.left_out.clear()
        files = list_captures(self._folder)
        seen: set[tuple[str, str, str]] = set()
        read = 0
        for file in files:
            try:
                capture = read_capture(file)
            except NewerSchemaError:
                raise
            except CaptureError as error:
                self.left_out.append(str(error))
                continue
            read += 1
            if capture.plan.technique == CALIBRATE:
                continue
            key = case_key(capture)
            if key in seen:
                raise CaptureError(f"two captures of {' '.join(key)} in one run")
            seen.add(key)
            sound, invalid = sound_part(capture)
            del capture
            if invalid is not None:
                board, technique, load = key
                outcome = "left out" if sound is None else "only as far as it goes"
                self.left_out.append(f"{technique}, {load}, board {board}: {outcome}: {invalid}")
            if sound is not None and sound.tracks:
                yield sound
        if not read:
            raise CaptureError(f"{self._folder} holds no capture that can be read")
