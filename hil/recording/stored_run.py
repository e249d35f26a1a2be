"""The captures of a stored run: all of them, or for each case what gives figures."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hil.model.board import VIRTUAL_TIME
from hil.model.captures import CALIBRATE
from hil.model.errors import CaptureError, HilError, NewerSchemaError
from hil.model.results import RunInfo, case_order
from hil.recording.capture_file import list_captures
from hil.recording.capture_reader import read_capture, read_meta
from hil.recording.host_pauses import host_sleep
from hil.recording.joined_windows import join_windows
from hil.recording.run_folder import LOG_NAME, MAX_LOG_BYTES, RunRecord, read_run_log
from hil.recording.stored_file import is_plain_folder, open_stored
from hil.recording.validity import require_valid, truncate_capture

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from hil.model.captures import Calibration, Capture, CapturePlan
    from hil.model.results import CaseKey


@dataclass(frozen=True, slots=True)
class StoredRun:
    """One run's folder, read: the log, and the captures, one for each window of each attempt.

    ``files`` are the captures' own, ``unreadable`` the reasons why others could not be read at all.
    """

    log: RunRecord
    captures: tuple[Capture, ...]
    unreadable: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()

    @property
    def cases(self) -> list[StoredCase]:
        """The captures by case: boards in the order in which they come, then by load, technique.

        A case that was measured several times is there as often, in the order of its attempts.
        """
        windows: dict[tuple[CaseKey, int], list[Capture]] = {}
        for capture in self.captures:
            windows.setdefault((capture.case, capture.plan.attempt), []).append(capture)
        boards = list(dict.fromkeys(case[0] for case, _ in windows))
        return [
            StoredCase(tuple(windows[key]))
            for key in sorted(windows, key=lambda key: (case_order(key[0], boards), key[1]))
        ]


@dataclass(frozen=True, slots=True)
class StoredCase:
    """The captures of the windows of one attempt of a case, at least one, and which are valid."""

    windows: tuple[Capture, ...]

    @property
    def attempt(self) -> int:
        """How often the case had been measured before."""
        return self.windows[0].plan.attempt

    @property
    def key(self) -> CaseKey:
        """Board, technique and load."""
        return self.windows[0].case

    def checked(self) -> tuple[Capture | None, list[tuple[Capture, HilError]]]:
        """The valid windows joined to one capture, ``None`` without any; the others, and why not.

        See :func:`~hil.recording.joined_windows.join_windows` and
        :func:`~hil.recording.validity.require_valid`.
        """
        valid: list[Capture] = []
        invalid: list[tuple[Capture, HilError]] = []
        for capture in self.windows:
            try:
                require_valid(capture)
            except HilError as error:
                invalid.append((capture, error))
            else:
                valid.append(capture)
        return (join_windows(valid) if valid else None), invalid

    def truncated(self) -> Capture | None:
        """What is left of a case without a valid window: those that were cut, up to their last
        stamps."""
        parts = [truncate_capture(capture) for capture in self.windows]
        left = [part for part in parts if part is not None]
        return join_windows(left) if left else None


def captures_folder(folder: Path) -> Path:
    """Where the captures of a run's folder are; the folder itself if it has no ``capture``.

    Raises :class:`~hil.model.errors.CaptureError` where that is a link to another folder.
    """
    return folder / "capture" if is_plain_folder(folder / "capture") else folder


def read_run(folder: Path) -> StoredRun:
    """Read a run's folder, or its ``capture`` folder, as far as it goes.

    A capture that is truncated or damaged does not keep the others back. Raises
    :class:`~hil.model.errors.CaptureError` when the folder holds no run, or one of a newer version.
    """
    path = captures_folder(folder)
    captures: list[Capture] = []
    unreadable: list[str] = []
    files: list[Path] = []
    for file in list_captures(path):
        try:
            captures.append(read_capture(file))
            files.append(file)
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
    known = (with_host_clock(capture, log.info) for capture in with_calibration(captures))
    return StoredRun(log, tuple(known), tuple(unreadable), tuple(files))


def _has_text(log: Path) -> bool:
    """Whether a log was begun; a run that was killed before has none, or an unfinished line."""
    try:
        with open_stored(log, MAX_LOG_BYTES) as file:
            return b"\n" in file.read(1 << 20)
    except (OSError, CaptureError):
        return False


def _without_log(folder: Path, captures: list[Capture]) -> RunRecord:
    """What can be said of a run that was killed before its log was begun."""
    name = folder.resolve().name
    info = RunInfo(name, "", 0.0, "unknown", "unknown", "unknown", captures[0].board.source)
    return RunRecord(info, (), (), complete=False)


def with_calibration(captures: Iterable[Capture]) -> list[Capture]:
    """The captures of techniques, each with its board's own calibration, in the order of windows.

    Of a window that was captured again because the host slept, the last capture counts; why the
    others are invalid is in its ``set_aside``. Raises :class:`~hil.model.errors.CaptureError` when
    a window of a case is there twice for no such reason.
    """
    calibrations: dict[str, Calibration | None] = {}
    others = []
    for capture in captures:
        if capture.plan.technique == CALIBRATE:
            calibrations[capture.board.name] = capture.calibration
        else:
            others.append(capture)
    return [
        replace(capture, calibration=calibrations.get(capture.board.name, capture.calibration))
        for capture in _one_a_window(others)
    ]


def _one_a_window(captures: Iterable[Capture]) -> list[Capture]:
    """The capture that counts of each window of each case, in the order of windows."""
    windows: dict[tuple[CaseKey, int, int], Capture] = {}
    for capture in captures:
        key = (capture.case, capture.plan.attempt, capture.plan.window)
        before = windows.get(key)
        windows[key] = capture if before is None else _later(before, capture)
    return sorted(windows.values(), key=lambda capture: capture.plan.window)


def _later(before: Capture, capture: Capture) -> Capture:
    """The second capture of a window, which knows why the first one is invalid."""
    slept = host_sleep(before)
    if slept is None:
        raise CaptureError(_twice(capture.case, capture.plan))
    return replace(capture, set_aside=(*before.set_aside, slept))


def with_host_clock(capture: Capture, info: RunInfo) -> Capture:
    """``capture`` with what its run knows of the clock that it was compared with.

    A board in virtual time is compared with that time itself, which is never off.
    """
    if capture.board.clock == VIRTUAL_TIME:
        return replace(capture, host_clock_ppm=0.0)
    host_clock = info.host_clock
    return replace(capture, host_clock_ppm=None if host_clock is None else host_clock.error_ppm)


def _twice(case: CaseKey, plan: CapturePlan) -> str:
    return f"two captures of {' '.join(case)}{window_name(plan)} in one run"


def sound_captures(
    run: StoredRun, counted: Mapping[CaseKey, int] | None = None, *, truncated: bool = True
) -> list[Capture]:
    """One capture for each case that gives figures, its valid windows joined.

    Of a case that was measured several times the attempt that is ``counted`` is taken (see
    :class:`~hil.model.results.Results`), else the first that is valid. Of a case without a valid
    window the ``truncated`` ones are taken, up to their last stamps.
    """
    captures: dict[CaseKey, Capture] = {}
    left: dict[CaseKey, Capture] = {}
    for case in run.cases:
        whole, _ = case.checked()
        wanted = (counted or {}).get(case.key, case.attempt) == case.attempt
        if whole is not None and wanted:
            captures.setdefault(case.key, whole)
        elif whole is None and truncated and (rest := case.truncated()) is not None:
            left.setdefault(case.key, rest)
    keys = dict.fromkeys(case.key for case in run.cases)
    return [both[key] for both in ({**left, **captures},) for key in keys if key in both]


class CaptureStream:
    """Reads the sound captures of a run's folder one case at a time, its windows joined.

    ``left_out`` names the captures that are not whole, and why; ``unreadable`` those of them that
    could not be read at all.
    """

    def __init__(self, folder: Path, counted: Mapping[CaseKey, int] | None = None) -> None:
        """``counted`` as for :func:`sound_captures`."""
        self._folder = captures_folder(folder)
        self._counted = counted or {}
        self._files: dict[CaseKey, dict[int, list[Path]]] = {}
        self.left_out: list[str] = []
        self.unreadable: list[str] = []

    def __iter__(self) -> Iterator[Capture]:
        """The capture of every case with activations; errors as for :meth:`cases`."""
        for case in self.cases():
            sound = self.read(case)
            if sound is not None:
                yield sound

    def cases(self) -> tuple[CaseKey, ...]:
        """The cases that were captured, by the heads of the files, in the order of the files.

        Raises :class:`~hil.model.errors.CaptureError` if no file could be read at all.
        """
        self.left_out.clear()
        self.unreadable.clear()
        self._files.clear()
        read = 0
        for file in list_captures(self._folder):
            try:
                meta = read_meta(file)
            except NewerSchemaError:
                raise
            except CaptureError as error:
                self._tell_unreadable(error)
                continue
            read += 1
            case = (meta.board.name, meta.plan.technique, meta.plan.load)
            self._files.setdefault(case, {}).setdefault(meta.plan.attempt, []).append(file)
        if not read:
            raise CaptureError(f"{self._folder} holds no capture that can be read")
        return tuple(case for case in self._files if case[1] != CALIBRATE)

    def read(self, case: CaseKey) -> Capture | None:
        """The capture of one of the :meth:`cases`; ``None`` where none of it has activations."""
        attempts = self._files.get(case, {})
        wanted = self._counted.get(case)
        for number in sorted(attempts) if wanted not in attempts else [wanted]:
            sound = self._read(attempts[number])
            if sound is not None and sound.tracks:
                return sound
        return None

    def calibration(self, board: str) -> Calibration | None:
        """What the board's clock and stamps cost, ``None`` where that was not captured."""
        for (name, technique, _), attempts in self._files.items():
            if (name, technique) == (board, CALIBRATE):
                for file in attempts[min(attempts)]:
                    with contextlib.suppress(CaptureError):
                        return read_capture(file).calibration
        return None

    def _tell_unreadable(self, error: CaptureError) -> None:
        self.left_out.append(str(error))
        self.unreadable.append(str(error))

    def _read(self, files: Sequence[Path]) -> Capture | None:
        captures = []
        for file in files:
            try:
                captures.append(read_capture(file))
            except NewerSchemaError:
                raise
            except CaptureError as error:
                self._tell_unreadable(error)
        if not captures:
            return None
        case = StoredCase(tuple(_one_a_window(captures)))
        whole, invalid = case.checked()
        sound = case.truncated() if whole is None else whole
        outcome = "only as far as it goes" if whole is None and sound is not None else "left out"
        for capture, reason in invalid:
            board, technique, load = case.key
            name = f"{technique}, {load}, board {board}{window_name(capture.plan)}"
            self.left_out.append(f"{name}: {outcome}: {reason}")
        return sound


def unreadable_files(folder: Path) -> tuple[str, ...]:
    """Why captures of a run's folder can't be read, by their beginning; none in one without any."""
    reasons = []
    try:
        files = list_captures(captures_folder(folder))
    except CaptureError as error:
        return (str(error),)
    for file in files:
        try:
            read_meta(file)
        except CaptureError as error:
            reasons.append(str(error))
    return tuple(reasons)


def window_name(plan: CapturePlan) -> str:
    """Which window of its case a capture is, to be put behind a name; empty for a single one."""
    return f", window {plan.window + 1} of {plan.windows}" if plan.windows > 1 else ""
