"""One board: opened, identified, given agents, captured from, and left clean."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from hil.agents.deploy import Deployment, execute
from hil.agents.upload import CODE_TIMEOUT_S
from hil.boards.connection import RECOVERY_PER_SLOWNESS_S, RECOVERY_S, Connection
from hil.boards.identity import identify, probe_board
from hil.boards.idle_watch import watch_idle_board
from hil.boards.port_board import INTERRUPT_STEP
from hil.boards.slowness import LEAST_TOLD
from hil.boards.thermometer import read_temperature
from hil.experiments.edge_instruments import open_instruments, window_sources
from hil.experiments.given_secrets import learn_secrets
from hil.experiments.registry import EDGE_SOURCES, STAMP_SOURCES
from hil.experiments.stamp_sources.board_recorder import BoardRecorder
from hil.experiments.workload import MeasuredBoard
from hil.experiments.workload_hints import tell_error, tell_refusal
from hil.model.board import NO_WIRING, SOURCES, VIRTUAL_TIME, Temperature
from hil.model.captures import CALIBRATE, HOST_PAUSES
from hil.model.errors import (
    BoardResetError,
    BoardTimeoutError,
    HilError,
    HostSleptError,
    LinkLostError,
)
from hil.recording.capture_file import CaptureWriter
from hil.recording.capture_loop import CountingSink, follow_sources
from hil.recording.host_pauses import HostClocks, PauseWatch, describe_pauses
from hil.recording.interfaces import seconds
from hil.recording.stopped_processes import any_stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from hil.boards.backend import BoardSpec
    from hil.boards.fault_injection import LinkFaults
    from hil.experiments.edge_instruments import EdgeInstrument
    from hil.experiments.plan import CaptureJob
    from hil.model.board import BoardIdentity, Wiring
    from hil.model.captures import Channel
    from hil.model.edge_sources import EdgeSourceSpec
    from hil.recording.interfaces import Clock, Observer, Prompt, StampSource

_IDENTIFY_S, _IDENTIFY_PER_SLOWNESS_S, _IDENTIFY_BITS = 30.0, 15.0, 200_000
_CLOSE = (20.0, 1.0)
_RECOVERY = (RECOVERY_S, RECOVERY_PER_SLOWNESS_S)
_NOT_CLEAN = "; the board did not come back to its prompt, timers and pins may still be active"


class Session:
    """One board, opened; every method raises :class:`~hil.model.errors.HilError` kinds only.

    Use as a context manager. ``wiring`` overrides what is matched from the board's own words;
    ``faults`` happen to the link while it captures, on purpose. ``edges`` are the instruments that
    watch the board while it is captured from.
    """

    def __init__(
        self,
        spec: BoardSpec,
        *,
        wiring: Wiring | None = None,
        faults: LinkFaults | None = None,
        edges: Sequence[EdgeSourceSpec] = (),
    ) -> None:
        self.spec = spec
        self._edges = edges
        self._instruments: list[EdgeInstrument] = []
        self._faults = faults
        self._wiring = wiring
        self._cleanup = contextlib.ExitStack()
        self._connection = Connection(spec, faults=faults)
        self._on_board = Deployment(spec.text)
        self._why: Mapping[str, str] = {}
        self._begun_s = 0.0
        self.identity: BoardIdentity

    def __enter__(self) -> Session:
        return self.open()

    def __exit__(self, *exc: object) -> None:
        self.close()

    def open(self, *, gently: bool = False) -> Session:
        """Open the port, reset the board softly and learn what it is.

        A board that does not answer is also reset by its lines or its power, unless ``gently``.
        """
        learn_secrets()
        try:
            self._cleanup.callback(self._connection.close)
            self._cleanup.callback(self._tidy)
            self._connection.open(gently=gently)
            port = self._connection.port
            limit_s = _IDENTIFY_S + _IDENTIFY_BITS / self.spec.baudrate
            with (
                self._connection.stage("identified"),
                self._connection.within("identifying it", limit_s, _IDENTIFY_PER_SLOWNESS_S),
            ):
                try:
                    known = identify(self._repl, self.spec, port, self._wiring)
                except LinkLostError:  # its USB may be set up anew some time after a reset
                    self._connection.lost()
                    self._connection.rejoin()
                    port = self._connection.port
                    known = identify(self._repl, self.spec, port, self._wiring)
            self.identity, self._wiring, self._why = known.identity, known.wiring, known.why
            if self._repl.slowness >= LEAST_TOLD:
                factor = float(f"{self._repl.slowness:.2g}")
                self.identity = replace(self.identity, slowness=factor)
            self._connection.traits = known.traits or self._connection.traits
            self._look_at_temperature()
            self._instruments = open_instruments(
                self._edges, EDGE_SOURCES, self.board, self._cleanup
            )
        except BaseException:
            self.close()
            raise
        return self

    def _look_at_temperature(self) -> None:
        """Ask for the temperature before the run; a board that does not answer is recovered."""
        if not SOURCES[self.identity.source].thermometer:
            return
        try:
            with self._connection.within("reading its temperature", *_CLOSE):
                before = read_temperature(self._repl)
        except HilError:
            self._connection.recover()
            return
        if before is not None:
            self.identity = replace(self.identity, temperature_c=Temperature(before))

    def look_at_temperature_again(self) -> None:
        """Ask for the temperature after the run, if it was known before; never raises."""
        temperature = self.identity.temperature_c
        if temperature is None or self._connection.broken:
            return
        with (
            contextlib.suppress(HilError),
            self._connection.within("reading its temperature", *_CLOSE),
        ):
            self._repl.enter(soft_reset=False)
            after = read_temperature(self._repl)
            known = replace(temperature, after=after)
            self.identity = replace(self.identity, temperature_c=known)

    @property
    def leftover_activity(self) -> tuple[str, ...]:
        """What the board's own program had left running when it was opened; it is stopped now."""
        return self._connection.leftover_activity

    @property
    def link_warnings(self) -> tuple[str, ...]:
        """What a reader of the run must know of the link to the board so far, a sentence each."""
        return self._connection.link_warnings

    def look_for_second_readers(self) -> str:
        """Who takes bytes of the board away, for the warnings of the link; empty if nobody does."""
        return self._connection.board.look_for_second_readers()

    @property
    def clock(self) -> Clock:
        """The time that the board runs in: the host's, or the board's own virtual one."""
        return self._connection.clock

    def clean(self) -> None:
        """Bring the board back to a fresh start: no timers, no threads, nothing of ours."""
        self._on_board.clear()
        opened = self._connection.reopened
        with self._connection.within("bringing it back", *_RECOVERY, alone=True):
            self._connection.recover()
            if self._connection.reopened != opened:
                self._check_same_board()

    @property
    def wiring(self) -> Wiring:
        """The pins that may be used: the given ones, or those of the board's shipped file."""
        return self._wiring or NO_WIRING

    def missing_jumper(self) -> str | None:
        """Why the board's loopback pair can't be used, as found when it was opened."""
        return self._why.get("loopback")

    def run(self, code: str) -> bytes:
        """Run a short program at the prompt and return what it printed."""
        with self._connection.within("running a short program", *_RECOVERY):
            return self._repl.exec(code, timeout_s=CODE_TIMEOUT_S)

    def watch_idle(self, duration_s: float, tell: Callable[[float], None]) -> None:
        """See :func:`~hil.boards.idle_watch.watch_idle_board`."""
        watch_s = 2 * duration_s + _CLOSE[0]
        with self._connection.within("watching it", watch_s, _CLOSE[1]):
            watch_idle_board(self._repl, duration_s, tell)

    def close(self) -> None:
        """Leave the board at its prompt with nothing of ours, and free the port; never raises."""
        self._cleanup.close()

    @property
    def board(self) -> MeasuredBoard:
        """The open board, for :func:`~hil.experiments.plan.capture_job` and the workloads."""
        return MeasuredBoard(
            identity=self.identity,
            wiring=self.wiring,
            connection=self._connection,
            before_reset=self._on_board.clear,
            why_missing=self._why,
        )

    def capture(self, job: CaptureJob, path: Path, *, observer: Observer | None = None) -> None:
        """Do ``job``, which was made for this board, and store what its sources send in ``path``.

        Whatever came before an error is in ``path`` all the same, with the error as its outcome.
        """
        self._connection.check()
        what = f"the capture of {job.plan.technique} under {job.plan.load}"
        with self._connection.within(what, job.case_limit_s):
            self._capture(job, path, observer)

    def _capture(self, job: CaptureJob, path: Path, observer: Observer | None) -> None:
        plan = job.plan
        self._begun_s = seconds(self.clock)
        try:
            self._connection.board.silence_log()
            with self._connection.stage("given its program"):
                self._on_board.put(
                    self._repl, job.program, plan.load, self.identity, after=job.after_files
                )
                for code in job.statements:
                    execute(self._repl, code, self.identity)
        except HilError as error:
            tell_refusal(error, job, self._recover(error))
            raise
        with CaptureWriter(path, self.identity, plan) as writer, contextlib.ExitStack() as opened:
            for file in job.files:
                writer.program_file(file)

            def keep(channel: Channel, numbers: Sequence[int]) -> None:
                writer.values(channel.stored, numbers)

            board = self.board
            companions = [
                companion
                for workload, options in job.workloads
                if (companion := workload.companion(board, options)) is not None
            ]
            for companion in companions:
                opened.callback(companion.close)
            made = [make(board, job, companions) for make in STAMP_SOURCES.values()]
            sources = [source for source in made if source is not None]
            sources += self._connection.board.stamp_sources
            sources += window_sources(self._instruments, board, job)
            watch = self._pause_watch(opened)
            try:
                if self._faults is not None and plan.tasks:
                    self._faults.arm()
                with self._stage(job):
                    self._record(job, sources, writer, observer, watch)
                if self._faults is not None:
                    self._faults.disarm()
                for workload, options in job.workloads:
                    workload.after(board, keep, options)
                if watch is not None:
                    watch.look(None)
                for companion in companions:
                    companion.close()
                    companion.keep(keep)
            except BaseException as error:
                if self._faults is not None:
                    self._faults.disarm()
                # the disk may be what failed: the first cause is what the caller must see, and
                # the board is stopped whatever became of the file
                left = _NOT_CLEAN
                try:
                    left = self._recover(error)
                finally:
                    status = f"interrupted{left}"
                    if isinstance(error, HilError):
                        status = tell_error(error, job, left)
                    with contextlib.suppress(HilError):
                        if watch is not None and watch.pauses:
                            keep(HOST_PAUSES, watch.numbers())
                        writer.finish(status)
                if watch is not None and watch.pauses and isinstance(error, HilError):
                    text = f"{describe_pauses(watch.pauses)}; then: {error}"
                    raise HostSleptError(text) from error
                raise
            if watch is not None and watch.pauses:
                keep(HOST_PAUSES, watch.numbers())
            writer.finish("ok")
        if job.interrupt:
            self._start_afresh()

    def _pause_watch(self, opened: contextlib.ExitStack) -> PauseWatch | None:
        """What finds pauses of the host; a board in virtual time stands still with it."""
        if self.clock.kind == VIRTUAL_TIME:
            return None
        clocks = HostClocks()
        opened.callback(clocks.close)
        pid = self._connection.board.process_id
        return PauseWatch(clocks.read, None if pid is None else partial(any_stopped, pid))

    def _stage(self, job: CaptureJob) -> contextlib.AbstractContextManager[None]:
        if job.interrupt:  # what does not end at Ctrl-C is not only slow
            return contextlib.nullcontext()
        calibrating = job.plan.technique == CALIBRATE
        return self._connection.stage("calibrated" if calibrating else "measured")

    def _record(
        self,
        job: CaptureJob,
        sources: Sequence[StampSource],
        writer: CaptureWriter,
        observer: Observer | None,
        watch: PauseWatch | None,
    ) -> None:
        """Let the sources record until the first one is at its end; it begins last, ends first."""
        sink = CountingSink(writer, observer)
        with contextlib.ExitStack() as begun:
            for source in reversed(sources):
                begun.callback(source.end)
                source.begin(job.plan, sink)
            deadline = self._repl.deadline(job.limit_s, job.idle_limit_s)
            if watch is not None:
                watch.look(None)
            own = next((source for source in sources if isinstance(source, BoardRecorder)), None)
            end_window = own.end_window if own is not None and job.plan.streaming else None
            follow_sources(sources, sink, deadline, watch=watch, end_window=end_window)

    def _tidy(self) -> None:
        """Take our files off a board that can be left as it is otherwise."""
        if self._on_board and not self._connection.broken:
            with (
                contextlib.suppress(HilError),
                self._connection.within("leaving the board clean", *_CLOSE, alone=True),
            ):
                self._connection.start_afresh()

    def _start_afresh(self) -> None:
        """Between captures, with the board at its prompt."""
        self._on_board.clear()
        opened = self._connection.reopened
        self._connection.start_afresh()
        if self._connection.reopened != opened:
            self._check_same_board()

    def _check_same_board(self) -> None:
        """A port that was away may have come back with another board behind it."""
        facts = probe_board(self._repl)
        now = (facts.get("uid") or None, facts.get("machine", "unknown"))
        before = (self.identity.unique_id, self.identity.machine)
        port = self._connection.port
        if now != before:
            raise self._connection.give_up(f"another board ({now[1]}) is at {port} now")
        if self._connection.guessed and now[0] is None:
            raise self._connection.give_up(
                f"a board of this kind is at {port} now, but neither USB nor the board has a "
                "number that tells whether it is the same one; run again with its new port"
            )
        self.identity = replace(self.identity, port=port)

    @property
    def _repl(self) -> Prompt:
        return self._connection.repl

    def _recover(self, error: BaseException) -> str:
        """Bring the board back to a fresh prompt; what the reader must know of it, often nothing.

        Who interrupts the run does not wait for resets.
        """
        self._on_board.clear()
        connection = self._connection
        if isinstance(error, BoardResetError):
            given_up = connection.count_reset(error.cause, str(error))
            if given_up:
                return f"; {given_up}"
        lost, begun_s = isinstance(error, LinkLostError), self._begun_s
        if lost:
            connection.lost()
        opened, port = connection.reopened, connection.port
        told = ""
        try:
            with connection.within("bringing it back", *_RECOVERY, alone=True):
                by = connection.recover(
                    gently=not isinstance(error, HilError),
                    ask=lost or isinstance(error, BoardTimeoutError),
                )
                told = self._silent_reset(None if lost else begun_s, error)
                if connection.reopened != opened:
                    self._check_same_board()
        except HilError as failure:
            return f"{told}{_NOT_CLEAN} ({failure})"
        if connection.port != port:
            return f"{told}; the board came back at {connection.port}"
        return told if by == INTERRUPT_STEP else f"{told}; the board came back after a {by}"

    def _silent_reset(self, begun_s: float | None, error: BaseException) -> str:
        """What the board tells afterwards of a reset that it did not announce, often nothing.

        With ``begun_s`` one that was before that is none of it.
        """
        told = self._connection.last_reset.describe(begun_s)
        if not told:
            return ""
        given_up = self._connection.count_reset("silent", f"{error}; {told}")
        return f"; {told}" + (f"; {given_up}" if given_up else "")
