"""One run: boards that are open, each case captured once, judged and logged."""

from __future__ import annotations

import contextlib
import importlib
import platform
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hil import __version__
from hil.agents import bundle
from hil.boards.fault_injection import format_faults
from hil.experiments.capture_sources import open_source
from hil.experiments.plan import post_window_files
from hil.experiments.registry import chosen_workloads
from hil.model.board import SOURCES
from hil.model.captures import CALIBRATE
from hil.model.errors import CapabilityMissing, CaptureError, HilError, RemoteCodeError
from hil.model.results import CLOCK, ErrorRecord, RunInfo, Skip
from hil.recording.run_folder import LOG_NAME, RunLog, create_run_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hil.boards.backend import BoardSpec
    from hil.experiments.capture_sources import CaptureSource
    from hil.experiments.evaluation import MeasuredCase
    from hil.experiments.plan import Case, RunOptions
    from hil.model.board import BoardIdentity, Source
    from hil.recording.interfaces import Observer
    from hil.recording.run_folder import RunFolder


PRELOADED_MODULES = (
    "hil.recording.capture_reader",
    "hil.recording.validity",
    "hil.analysis.clock",
    "rich.progress",
)
"""Imported while a board is being opened.

No more than fits into that time: what is still at work when the board begins to answer takes its
turns from the many short answers up to the first stamp, and later it would disturb an embedded
board that is being measured. So what the page needs is imported when it is made.
"""


class Bench:
    """One process's part of a run; each case is captured once and serves every test.

    ``part`` is empty where one process measures a single board and leaves everything behind. With
    several boards each is measured by a worker process with a ``part`` of its own in ``folder``.
    """

    def __init__(
        self, options: RunOptions, folder: RunFolder | None = None, part: str = ""
    ) -> None:
        self._options = options
        self._part = part
        self._started = time.monotonic()
        self._cleanup = contextlib.ExitStack()
        self._sources: dict[str, CaptureSource | HilError] = {}
        self._outcomes: dict[tuple[str, str, str], MeasuredCase | HilError] = {}
        self._looked_at: set[str] = set()
        self.skipped: list[Skip] = []
        self.errors: list[ErrorRecord] = []
        slug = options.boards[0].slug if len(options.boards) == 1 else "boards"
        self.folder = folder or create_run_folder(options.out, slug)
        self._info = RunInfo(
            id=self.folder.id,
            started_utc=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            duration_s=0.0,
            profile=_profile_name(options),
            harness_version=__version__,
            host=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
            source="hardware",
        )
        self._log: RunLog | None = None

    def open(self) -> None:
        """Begin the run's log, and open the board where there is only one: its error is raised.

        Of several boards a worker opens its own when it is first asked for it, so that one board's
        failure does not stop another's run.
        """
        preload = start_preload(self._options.cases)
        if len(self._options.boards) == 1:
            self._sources[self._options.boards[0].text] = self._open(self._options.boards[0], 0)
            self._info = replace(self._info, source=common_source(self.boards))
        preload.join()  # an error above does not wait for it
        self._log = RunLog(self.folder.captures, self._info, self._part)
        if not self._part:
            self.folder.publish()

    def measured(self, board: str, case: Case, observer: Observer | None = None) -> MeasuredCase:
        """The figures of one case, captured at the first call and told to ``observer``.

        Raises the same :class:`~hil.model.errors.HilError` again at every further call.
        """
        key = (board, case.plan.technique, case.plan.load)
        if key not in self._outcomes:
            self._outcomes[key] = self._measure(board, case, observer)
        outcome = self._outcomes[key]
        if isinstance(outcome, HilError):
            raise outcome
        return outcome

    @property
    def results(self) -> Iterator[MeasuredCase]:
        """What was measured so far, in order."""
        return (o for o in self._outcomes.values() if not isinstance(o, HilError))

    @property
    def stamps(self) -> int:
        """How many activations were captured so far."""
        return sum(int(t.stamps_us.size) for case in self.results for t in case.capture.tracks)

    @property
    def boards(self) -> list[BoardIdentity]:
        """The boards that could be opened."""
        return [s.identity for s in self._sources.values() if not isinstance(s, HilError)]

    @property
    def info(self) -> RunInfo:
        """The run, with the time it has taken so far."""
        return replace(self._info, duration_s=round(time.monotonic() - self._started, 3))

    def close(self) -> None:
        """Let go of the boards and close the log."""
        self._cleanup.close()
        if self._log is not None:
            if not self._part and not self.folder.captures.joinpath(LOG_NAME).exists():
                self._log_failed(
                    CaptureError(
                        f"{self.folder.path} was removed while the run went on: "
                        "what was captured before is lost"
                    )
                )
            try:
                self._log.finish(self.info.duration_s)
            except HilError as error:
                self._log_failed(error)

    def tell(self, record: ErrorRecord) -> None:
        """Keep an error for the report; a log that can't be written is an error of its own."""
        self.errors.append(record)
        if self._log is None:
            return
        try:
            self._log.error(record)
        except HilError as error:
            self._log_failed(error)

    def interrupted(self) -> None:
        """The run ends before its time: say how much of it was not measured."""
        planned = len(self._options.boards) * len(self._options.cases)
        left = planned - len(self._outcomes)
        text = f"the run was interrupted: {left} of {planned} cases were not measured"
        self.tell(ErrorRecord("-", "-", "-", text))

    def _log_failed(self, error: HilError) -> None:
        record = ErrorRecord("-", "-", "-", str(error))
        if record not in self.errors:
            self.errors.append(record)

    def abandon(self) -> None:
        """The run can't begin: leave nothing behind."""
        self.close()
        self.folder.discard()

    def _open(self, spec: BoardSpec, number: int) -> CaptureSource:
        source = open_source(
            spec,
            self.folder,
            number,
            wiring=self._options.wiring,
            faults=self._options.faults,
        )
        self._cleanup.callback(source.close)
        return source

    def _source(self, board: str) -> CaptureSource:
        """The board's source, opened at the first call; an error is raised at every call."""
        if board not in self._sources:
            names = [spec.text for spec in self._options.boards]
            number = names.index(board)
            try:
                self._sources[board] = self._open(self._options.boards[number], number)
            except HilError as error:
                self._sources[board] = error
        source = self._sources[board]
        if isinstance(source, HilError):
            raise source
        return source

    @property
    def _run_log(self) -> RunLog:
        assert self._log is not None, "the bench is not open"
        return self._log

    def _tell_of_board(self, board: str, source: CaptureSource) -> None:
        """Say once what a board's own program had left running, and what its clock does wrong.

        What had been left was stopped before the run.
        """
        if board in self._looked_at:
            return
        self._looked_at.add(board)
        skips = [
            Skip(
                board,
                "any",
                "any",
                f"its own program had left something running: {text}; a soft reset stopped it",
            )
            for text in source.leftover_activity
        ]
        if source.clock_warning is not None:
            skips.append(Skip(board, CLOCK, "any", source.clock_warning))
        for skip in skips:
            self.skipped.append(skip)
            self._run_log.skip(skip)

    def _measure(
        self, board: str, case: Case, observer: Observer | None
    ) -> MeasuredCase | HilError:
        technique, load = case.plan.technique, case.plan.load
        try:
            source = self._source(board)
            self._tell_of_board(board, source)
            capture = source.take(case, observer)
            from hil.experiments.evaluation import evaluate  # late: not before the first capture

            return evaluate(capture, self._options.budgets)
        except CapabilityMissing as reason:
            skip = Skip(board, technique, load, str(reason))
            self.skipped.append(skip)
            try:
                self._run_log.skip(skip)
            except HilError as error:
                self._log_failed(error)
            return reason
        except HilError as error:
            detail = error.traceback if isinstance(error, RemoteCodeError) else ""
            record = ErrorRecord(board, technique, load, str(error), detail)
            self.tell(record)
            return error
        except BaseException as cause:  # Ctrl-C, SIGTERM, a fault of our own: no silent gap
            text = "interrupted" if isinstance(cause, KeyboardInterrupt) else repr(cause)[:200]
            self.tell(ErrorRecord(board, technique, load, text))
            raise


def _profile_name(options: RunOptions) -> str:
    """The profile; figures of a link that was given faults are never shown without them."""
    faults = f", faults {format_faults(options.faults)}" if options.faults else ""
    return options.profile.name + faults


def common_source(boards: Sequence[BoardIdentity]) -> Source:
    """The one source of all figures; of a mixed run the least artificial one."""
    sources = {board.source for board in boards}
    return next((source for source in SOURCES if source in sources), "hardware")


def start_preload(cases: Iterable[Case]) -> threading.Thread:
    """Import :data:`PRELOADED_MODULES` and read the first case's agent in the background.

    Who needs something of ours earlier makes it ready itself. The thread is to be joined before
    anything is measured: packages of others may not stand being imported by two threads at once.
    """
    first = next(iter(cases), None)
    thread = threading.Thread(target=_preload, args=(first,), name="hil-prepare", daemon=True)
    thread.start()
    return thread


def _preload(case: Case | None) -> None:
    with contextlib.suppress(Exception):  # who needs it is told
        bundle.sources(CALIBRATE)
        if case is not None:
            after = post_window_files(chosen_workloads(case))
            bundle.sources(case.plan.technique, case.plan.load, after=after)
    for name in PRELOADED_MODULES:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
