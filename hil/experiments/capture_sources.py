"""Captures of one board: from the board itself, or from an earlier run's folder."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from hil.boards.fault_injection import LinkFaults
from hil.experiments.plan import LOOPBACK, Case, calibration_plan, capture_job
from hil.experiments.session import Session
from hil.model.errors import CapabilityMissing, CaptureError, HilError, HostSleptError
from hil.model.secrets import KNOWN_SECRETS
from hil.recording.capture_file import capture_path, copy_capture
from hil.recording.edge_file import copy_edges, list_edge_files
from hil.recording.host_pauses import host_sleep

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hil.boards.backend import BoardSpec
    from hil.boards.fault_injection import FaultSpec
    from hil.model.board import BoardIdentity, Wiring
    from hil.model.captures import Calibration, Capture
    from hil.model.edge_sources import EdgeSourceSpec
    from hil.recording.interfaces import Observer
    from hil.recording.run_folder import RunFolder

MAX_CAPTURES = 1000
"""Of one board; the next board's file numbers begin behind them."""
MOST_REPEATED = 10
"""How many windows of a board are measured again in a run because the host slept."""


class CaptureSource(Protocol):
    """One board, or what is left of it on disk."""

    @property
    def identity(self) -> BoardIdentity:
        """The board."""

    @property
    def leftover_activity(self) -> tuple[str, ...]:
        """What was running on the board before the run, one line each."""

    @property
    def link_warnings(self) -> tuple[str, ...]:
        """What a reader must know of the link to the board so far, a sentence each."""

    @property
    def clock_warning(self) -> str | None:
        """What the calibration found wrong with the board's clock, as a sentence."""

    @property
    def calibration(self) -> Calibration | None:
        """What the board's instrument measured of itself, where it did."""

    @property
    def unreadable(self) -> tuple[str, ...]:
        """The stored captures that could not be read, and why; of a board none."""

    def take(self, case: Case, observer: Observer | None) -> Capture:
        """The capture of one window of a case; errors as for ``Session.capture``."""

    def close(self) -> None:
        """Let go of the board."""


def open_source(
    spec: BoardSpec,
    folder: RunFolder,
    number: int,
    *,
    wiring: Wiring | None,
    faults: FaultSpec | None = None,
    loopback: bool = False,
    edges: Sequence[EdgeSourceSpec] = (),
) -> CaptureSource:
    """Open the board that ``spec`` means, the ``number``-th of the run.

    ``loopback`` says that the run has events over it; ``edges`` are the instruments beside it.
    """
    if spec.stored_run is not None:
        return ReplaySource(spec, spec.stored_run, folder.captures, edges, wiring)
    link = None if faults is None else LinkFaults(faults)
    session = Session(spec, wiring=wiring, faults=link, edges=edges)
    return LiveSource(session, folder.captures, number, loopback=loopback)


class LiveSource:
    """Captures from a board on a session, each stored before it is read back."""

    unreadable: tuple[str, ...] = ()

    def __init__(
        self, session: Session, captures: Path, number: int, *, loopback: bool = False
    ) -> None:
        self._session = session
        self._captures = captures
        self._first = number * MAX_CAPTURES
        self._stored = 0
        self._repeated = 0
        session.open()
        try:
            available = LOOPBACK in session.identity.capabilities
            self._calibration = self._calibrate(loopback=loopback and available)
        except BaseException:
            session.close()
            raise

    @property
    def identity(self) -> BoardIdentity:
        """The board, with what the calibration added."""
        return self._session.identity

    @property
    def calibration(self) -> Calibration | None:
        """What the calibration gave."""
        return self._calibration

    @property
    def leftover_activity(self) -> tuple[str, ...]:
        """What the board's own program had left running."""
        return self._session.leftover_activity

    @property
    def link_warnings(self) -> tuple[str, ...]:
        """What is special about the link to the board."""
        return self._session.link_warnings

    @property
    def clock_warning(self) -> str | None:
        """What the calibration found wrong with the board's clock, as a sentence."""
        return _clock_warning(self._calibration)

    def take(self, case: Case, observer: Observer | None) -> Capture:
        """Run the window of the case on the board, once more where the host slept meanwhile."""
        capture = self._store_awake(case, observer)
        return replace(capture, calibration=self._calibration)

    def close(self) -> None:
        """Leave the board at its prompt."""
        self._session.look_at_temperature_again()
        self._session.close()

    def _calibrate(self, *, loopback: bool) -> Calibration | None:
        """Let the instrument measure itself; later captures name the board with the result."""
        capture = self._store_awake(Case(calibration_plan(loopback=loopback)), None)
        # here: not before the board is open
        from hil.analysis.clock import instrument
        from hil.recording.validity import require_valid

        require_valid(capture)
        tools = instrument(capture)
        self._session.identity = replace(
            self._session.identity,
            tick_resolution_us=tools.tick_us,
            stamp_cost_us=tools.stamp_cost_us if capture.calibration else None,
        )
        return capture.calibration

    def _store_awake(self, case: Case, observer: Observer | None) -> Capture:
        """Capture, at most twice: a capture during which the host slept is stored and set aside."""
        try:
            capture = self._store(case, observer)
            slept = host_sleep(capture)
        except HostSleptError as error:
            slept = KNOWN_SECRETS.masked(str(error))
        if slept is None:
            return capture
        if self._repeated == MOST_REPEATED:
            raise HostSleptError(f"{slept}; no window is measured again any more in this run")
        self._repeated += 1
        again = self._store(case, observer)
        return replace(again, set_aside=(*again.set_aside, slept))

    def _store(self, case: Case, observer: Observer | None) -> Capture:
        plan = case.plan
        number = self._first + self._stored
        path = capture_path(
            *(self._captures, number, plan.technique, plan.load, plan.window, plan.attempt)
        )
        job = capture_job(case, self._session.board)
        self._stored += 1  # also where it fails: no file is ever written over
        self._session.capture(job, path, observer=observer)
        from hil.recording.capture_reader import read_capture  # here: not before the board is open

        capture = read_capture(path)
        lost = any(fault.kind in ("missing", "damaged") for fault in capture.faults)
        if lost and (reader := self._session.look_for_second_readers()):
            raise CaptureError(f"the capture is invalid, bytes of it are lost: {reader}")
        if capture.errors or capture.counters.get("strays"):
            with contextlib.suppress(HilError):  # the next capture says what is wrong
                self._session.clean()
        return capture


def _clock_warning(calibration: Calibration | None) -> str | None:
    from hil.analysis.clock import steps_back  # here: not before the board is open

    return steps_back(calibration)


class ReplaySource:
    """Captures of an earlier run: nothing is measured again, everything is computed anew."""

    leftover_activity: tuple[str, ...] = ()
    link_warnings: tuple[str, ...] = ()

    def __init__(
        self,
        spec: BoardSpec,
        folder: Path,
        captures: Path,
        edges: Sequence[EdgeSourceSpec] = (),
        wiring: Wiring | None = None,
    ) -> None:
        """Read the run in ``folder`` and copy it to ``captures``.

        ``edges`` are the files that were recorded beside it.
        """
        from hil.recording.stored_run import read_run

        run = read_run(folder)
        if not run.captures:
            why = "; ".join(run.unreadable[:1]) or "the run has no captures"
            raise CaptureError(f"{spec.text}: {why}")
        if edges:
            from hil.experiments.recorded_edges import (
                read_recordings,
                store_recordings,
                with_recordings,
            )

            recordings = read_recordings(edges, wiring.edges if wiring else {})
            run = replace(run, captures=with_recordings(run.captures, recordings))
        board = run.captures[0].board
        self.identity = replace(run.log.board(board), source=spec.source)
        self.calibration = run.captures[0].calibration
        self.clock_warning = _clock_warning(self.calibration)
        self.unreadable = run.unreadable
        for path in run.files:
            copy_capture(path, captures)
            for file in list_edge_files(path).values():
                with contextlib.suppress(CaptureError):  # its recording says what is wrong with it
                    copy_edges(file, captures)
        if edges:
            store_recordings(run.captures, [spec.name for spec in edges], captures)
        self._cases: dict[tuple[str, str], list[tuple[Capture, ...]]] = {}
        for case in run.cases:
            self._cases.setdefault(case.key[1:], []).append(case.windows)

    def take(self, case: Case, observer: Observer | None) -> Capture:  # noqa: ARG002
        """The stored capture, attempts and windows counted among those that are stored."""
        plan = case.plan
        attempts = self._cases.get((plan.technique, plan.load), [])
        windows = attempts[plan.attempt] if plan.attempt < len(attempts) else ()
        if plan.window >= len(windows):
            raise CapabilityMissing("not in the stored run")
        return windows[plan.window]

    def close(self) -> None:
        """Nothing to let go of."""
