"""One run: boards that are open, each window of each case captured once, judged and logged."""

from __future__ import annotations

import contextlib
import platform
import threading
import time
import zlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hil import __version__
from hil.boards.fault_injection import format_faults
from hil.experiments.attempts import JudgedAttempts, judge_attempts
from hil.experiments.capture_sources import open_source
from hil.experiments.edge_instruments import missing_edges
from hil.experiments.expected_boards import check_expected
from hil.experiments.host_clock import read_host_clock
from hil.experiments.plan import uses_loopback
from hil.experiments.preload import start_preload
from hil.experiments.rounds import Rounds, case_of
from hil.model.board import SOURCES
from hil.model.errors import CapabilityMissing, CaptureError, HilError
from hil.model.results import CLOCK, LEFT_OUT, LINK, ErrorRecord, RunInfo, Skip, case_key
from hil.model.secrets import KNOWN_SECRETS
from hil.recording.run_folder import LOG_NAME, RunLog, create_run_folder, read_run_log

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from hil.boards.backend import BoardSpec
    from hil.experiments.capture_sources import CaptureSource
    from hil.experiments.evaluation import MeasuredCase
    from hil.experiments.plan import Case, RunOptions
    from hil.experiments.rounds import CaptureDisplay
    from hil.model.board import BoardIdentity, Source
    from hil.model.captures import Calibration, Capture, CapturePlan
    from hil.model.results import CaseKey, HostClock
    from hil.recording.run_folder import RunFolder


REPEATABLE_SEED = 1
"""The seed of the order of windows where boards do the same every time."""


class _NoDisplay:
    """For who shows nothing."""

    def capturing(self, *_window: object) -> AbstractContextManager[None]:
        return contextlib.nullcontext()

    def pass_over(self, *_window: object) -> None:
        return


class Bench:
    """One process's part of a run; what is captured of a case serves every test.

    All windows of all cases that :meth:`select` names for a board are captured in rounds (see
    :func:`~hil.experiments.rounds.windows_in_rounds`) when the first of them is asked for.

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
        self._outcomes: dict[tuple[CaseKey, int], MeasuredCase | HilError] = {}
        self._looked_at: set[str] = set()
        self._missing_edges: set[tuple[str, str]] = set()
        self._link_warnings: set[tuple[str, str]] = set()
        self.skipped: list[Skip] = []
        self._errors: list[ErrorRecord] = []
        self.notes: list[str] = []
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
            order_seed=self._seed(),
        )
        self._rounds = Rounds(self._seed())
        self._log: RunLog | None = None
        self._published = self.abandoned = False
        self._host_clock: HostClock | None = None

    def open(self) -> None:
        """Begin the run's log, and open the board where there is only one: its error is raised.

        Where boards are expected, each case tells it instead. Of several boards a worker opens its
        own when it is first asked for it, so that one board's failure does not stop another's run.
        """
        preload = start_preload(self._options.cases)
        clock_reader = threading.Thread(target=self._look_at_host_clock, daemon=True)
        clock_reader.start()
        if len(self._options.boards) == 1:
            spec = self._options.boards[0]
            try:
                self._sources[spec.text] = self._open(spec, 0)
            except HilError as error:
                if not self._options.expected:
                    raise
                self._sources[spec.text] = error  # a night without its board is a run, too
            self._info = replace(self._info, source=common_source(self.boards))
        preload.join()  # an error above does not wait for it
        clock_reader.join()
        self._info = replace(self._info, host_clock=self._host_clock)
        self._log = RunLog(self.folder.captures, self._info, self._part)

    def _publish(self) -> None:
        """Let ``latest`` lead to this run, which has measured something."""
        if not self._published:
            self._published = True
            note = self.folder.publish()
            self.notes += [note] if note else []

    def _look_at_host_clock(self) -> None:
        """Record how the clock is kept that boards are compared with; of stored runs, was kept."""
        stored = [spec.stored_run for spec in self._options.boards if spec.stored_run is not None]
        if stored:
            from hil.recording.stored_run import captures_folder

            with contextlib.suppress(HilError):
                self._host_clock = read_run_log(captures_folder(stored[0])).info.host_clock
        else:
            self._host_clock = read_host_clock()

    def select(self, pairs: Iterable[tuple[str, Case]]) -> None:
        """Say which cases are going to be asked for, by their boards."""
        self._rounds.select(pairs)

    @property
    def expected(self) -> list[tuple[str, Case]]:
        """The boards and cases that were selected."""
        return self._rounds.selected

    def measured(
        self, board: str, case: Case, display: CaptureDisplay | None = None
    ) -> MeasuredCase:
        """The figures of one case; what has to be captured for it is told to ``display``.

        The first call for a board captures all windows of its selected cases; a case with another
        number of ``plan.attempt`` is captured anew. Of a stored case the worst attempt is returned.
        Raises the same :class:`~hil.model.errors.HilError` again at every further call.
        """
        stored = self._is_stored(board)
        for attempt in range(case.attempts) if stored else (case.plan.attempt,):
            for window in self._rounds.to_come(board, case.in_attempt(attempt)):
                self._capture(board, window, display or _NoDisplay())
        key = case_of(board, case)
        outcome: MeasuredCase | HilError | None = None
        if stored:
            outcome = self._judged(key).counted
        if outcome is None:
            outcome = self._outcome(key, 0 if stored else case.plan.attempt)
        if isinstance(outcome, HilError):
            raise outcome
        return outcome

    @property
    def results(self) -> Iterator[MeasuredCase]:
        """What was measured so far, in the order of the cases; also what no test has asked for.

        Of a case that was measured several times it is the worst attempt.
        """
        return (j.counted for j in self.judged if j.counted is not None)

    @property
    def judged(self) -> Iterator[JudgedAttempts]:
        """Every case with what came of all its attempts so far."""
        return map(self._judged, dict.fromkeys(key for key, _ in list(self._rounds.measured)))

    @property
    def errors(self) -> list[ErrorRecord]:
        """What went wrong, but for attempts without figures whose case was measured again."""
        replaced = {
            (key, number)
            for key in dict.fromkeys(key for key, number in self._rounds.measured if number)
            for number in self._judged(key).replaced
        }
        return [e for e in self._errors if (case_key(e), e.attempt) not in replaced]

    def _judged(self, key: CaseKey) -> JudgedAttempts:
        numbers = [number for other, number in list(self._rounds.measured) if other == key]
        outcomes = {number: self._outcome(key, number) for number in sorted(numbers)}
        tried = {n: o for n, o in outcomes.items() if not isinstance(o, CapabilityMissing)}
        return judge_attempts(key, tried)

    @property
    def stamps(self) -> int:
        """How many activations were captured so far."""
        return sum(
            int(track.stamps_us.size)
            for windows in self._rounds.measured.values()
            for capture in windows.captures
            for track in capture.tracks
        )

    @property
    def boards(self) -> list[BoardIdentity]:
        """The boards that could be opened."""
        return [s.identity for s in self._sources.values() if not isinstance(s, HilError)]

    def captures_of(self, board: str, case: Case) -> list[Capture]:
        """The valid captures of a case so far, one for each window."""
        windows = self._rounds.measured.get((case_of(board, case), case.plan.attempt))
        return [] if windows is None else list(windows.captures)

    def calibration(self, board: str) -> Calibration | None:
        """What the instrument of a board that is open measured of itself."""
        return self._source(board).calibration

    @property
    def info(self) -> RunInfo:
        """The run, with the time it has taken so far."""
        return replace(self._info, duration_s=round(time.monotonic() - self._started, 3))

    def close(self) -> None:
        """Let go of the boards and close the log; may be called again."""
        self._cleanup.close()
        log, self._log = self._log, None
        if log is not None:
            if not self._part and self.folder.is_latest:
                self._publish()  # a worker did, but for what is to be noted
            if not self._part and not self.folder.captures.joinpath(LOG_NAME).exists():
                self._log_failed(
                    CaptureError(
                        f"{self.folder.path} was removed while the run went on: "
                        "what was captured before is lost"
                    )
                )
            try:
                log.finish(self.info.duration_s, dict(self._temperatures()))
            except HilError as error:
                self._log_failed(error)

    def _temperatures(self) -> Iterator[tuple[str, float]]:
        """How warm the boards were when they were let go of, by their names."""
        for board in self.boards:
            if board.temperature_c is not None and board.temperature_c.after is not None:
                yield board.name, board.temperature_c.after

    def tell(self, record: ErrorRecord) -> None:
        """Keep an error for the report; a log that can't be written is an error of its own."""
        record = replace(
            record,
            error=KNOWN_SECRETS.masked(record.error),
            detail=KNOWN_SECRETS.masked(record.detail),
        )
        self._errors.append(record)
        if self._log is None:
            return
        try:
            self._log.error(record)
        except HilError as error:
            self._log_failed(error)

    def check_expected(self, answered: Sequence[BoardIdentity]) -> list[ErrorRecord]:
        """Tell the expected boards that are not among those that ``answered``; their errors."""
        asked = [spec.text for spec in self._options.boards]
        errors, told = check_expected(self._options.expected, answered, asked)
        for error in errors:
            self.tell(error)
        for skip in told:
            self._skip(skip)
        return errors

    def interrupted(self) -> None:
        """The run ends before its time: say how much of it was not measured."""
        planned = len(self.expected) or len(self._options.boards) * len(self._options.cases)
        first = (w for (_, attempt), w in self._rounds.measured.items() if not attempt)
        begun = [windows for windows in first if windows.taken]
        text = (
            f"the run was interrupted: {planned - len(begun)} of {planned} cases were not measured"
        )
        partly = sum(not windows.ended for windows in begun)
        if partly:
            text += f", and {partly} not in all of their windows"
        self.tell(ErrorRecord("-", "-", "-", text))

    def _log_failed(self, error: HilError) -> None:
        record = ErrorRecord("-", "-", "-", str(error))
        if record not in self._errors:
            self._errors.append(record)

    def abandon(self) -> None:
        """The run can't begin: leave nothing behind."""
        self.abandoned = True
        self.close()
        self.folder.discard()

    def _open(self, spec: BoardSpec, number: int) -> CaptureSource:
        source = open_source(
            spec,
            self.folder,
            number,
            wiring=self._options.wiring,
            faults=self._options.faults,
            loopback=any(map(uses_loopback, self._options.cases)),
            edges=self._options.edges,
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
        for text in source.leftover_activity:
            reason = f"its own program had left something running: {text}; a soft reset stopped it"
            self._skip(Skip(board, "any", "any", reason))
        if source.clock_warning is not None:
            self._skip(Skip(board, CLOCK, "any", source.clock_warning))
        for text in source.unreadable:
            self.tell(ErrorRecord(board, "-", "-", f"{LEFT_OUT}{text}"))

    def _tell_of_link(self, board: str, source: CaptureSource) -> None:
        """Say once of each board what a reader must know of the link to it."""
        for text in source.link_warnings:
            if (board, text) not in self._link_warnings:
                self._link_warnings.add((board, text))
                self._skip(Skip(board, LINK, "any", text))

    def _seed(self) -> int:
        """Of the order of the windows; another one for each run, but where runs are repeatable."""
        if self._options.seed is not None:
            return self._options.seed
        if all(spec.repeatable for spec in self._options.boards):
            return REPEATABLE_SEED
        return zlib.crc32(self.folder.id.encode())

    def _capture(self, board: str, window: Case, display: CaptureDisplay) -> None:
        """Capture one window of a case; a failure is kept with the case, and told."""
        key = case_of(board, window)
        windows = self._rounds.measured[key, window.plan.attempt]
        if windows.ended and not self._is_stored(board):
            display.pass_over(board, window)
            return
        windows.taken += 1
        try:
            with display.capturing(board, window) as observer:
                source = self._source(board)
                self._tell_of_board(board, source)
                try:
                    capture = source.take(window, observer)
                finally:
                    self._tell_of_link(board, source)
                # late: not before a capture
                from hil.recording.stored_run import with_host_clock
                from hil.recording.validity import require_valid

                self._tell_missing_edges(key, capture)
                require_valid(capture)
                windows.captures.append(with_host_clock(capture, self._info))
                self._publish()
        except CapabilityMissing as reason:
            windows.failure = windows.failure or reason
            if not windows.captures and not window.plan.attempt:
                self._skip(Skip(*key, str(reason)))
        except HilError as error:
            if windows.failure is None or self._is_stored(board):
                first = window.plan.window == 0  # the case ends with it
                told = None if first else window.plan
                self._tell_failure(key, error, told, window.plan.attempt)
            windows.failure = windows.failure or error
        except BaseException as cause:  # Ctrl-C, SIGTERM, a fault of our own: no silent gap
            text = "interrupted" if isinstance(cause, KeyboardInterrupt) else repr(cause)[:200]
            self._tell_failure(key, CaptureError(text), window.plan, window.plan.attempt)
            raise

    def _tell_missing_edges(self, key: CaseKey, capture: Capture) -> None:
        """Say once of a board which instrument's edges are missing, and why."""
        board, technique, load = key
        stored = self._is_stored(board)
        for text in missing_edges(capture, self._options.edges, stored=stored):
            if (board, text) not in self._missing_edges:
                self._missing_edges.add((board, text))
                first = f"{technique} {load}, window {capture.plan.window + 1}"
                # of no case: what the board stamped is whole
                self.tell(ErrorRecord(board, "-", "-", f"{text} (first in {first})"))

    def _outcome(self, key: CaseKey, attempt: int) -> MeasuredCase | HilError:
        """The figures of a case by what was captured of it, or why there are none."""
        if (key, attempt) not in self._outcomes:
            windows = self._rounds.measured[key, attempt]
            if not windows.captures:
                return windows.failure or CaptureError("it was not measured")
            from hil.experiments.evaluation import evaluate  # late: not before the first capture

            try:
                self._outcomes[key, attempt] = evaluate(windows.joined(), self._options.budgets)
            except HilError as error:
                self._tell_failure(key, error, None, attempt)
                self._outcomes[key, attempt] = error
        return self._outcomes[key, attempt]

    def _is_stored(self, board: str) -> bool:
        return any(spec.text == board and spec.stored_run for spec in self._options.boards)

    def _skip(self, skip: Skip) -> None:
        skip = replace(skip, reason=KNOWN_SECRETS.masked(skip.reason))
        self.skipped.append(skip)
        try:
            self._run_log.skip(skip)
        except HilError as error:
            self._log_failed(error)

    def _tell_failure(
        self, key: CaseKey, error: HilError, window: CapturePlan | None, attempt: int
    ) -> None:
        from hil.experiments.evaluation import error_record  # late: not before the first capture

        self.tell(error_record(key, error, window, attempt))


def _profile_name(options: RunOptions) -> str:
    """The profile; figures of a link that was given faults are never shown without them."""
    faults = f", faults {format_faults(options.faults)}" if options.faults else ""
    return options.profile.name + faults


def common_source(boards: Sequence[BoardIdentity]) -> Source:
    """The one source of all figures; of a mixed run the least artificial one."""
    sources = {board.source for board in boards}
    return next((source for source in SOURCES if source in sources), "hardware")
