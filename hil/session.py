"""A conversation with one board: know it, put agents on it, capture, leave it clean."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from hil import agents, small_agents
from hil.agent_config import agent_config
from hil.boards.identity import SMALL_HEAP, identity_from_probe, is_sim, parse_probe
from hil.boards.spec import BoardSpec
from hil.boards.wiring import NO_WIRING, Wiring, check_answer, find_wiring
from hil.capture import Observer, run_capture
from hil.connection import INTERRUPT, Connection
from hil.errors import CapabilityMissing, HilError, LinkLostError, RemoteCodeError
from hil.lives import MODES, lives_asked
from hil.plan import extra_s
from hil.records import BoardIdentity, CapturePlan
from hil.store import CaptureWriter
from hil.survival import survive
from hil.transport.deadline import Deadline
from hil.transport.faults import LinkFaults
from hil.transport.raw_repl import RawRepl
from hil.user_agent import PROGRAM as USER_PROGRAM
from hil.user_agent import UserAgent
from hil.web_load import WEB, web_client
from hil.wifi import wifi_config

CODE_TIMEOUT_S = 20.0
PROBE_PIECE_BYTES = 250
INTERRUPT_AFTER_S = 0.3
WINDOW_SLACK_S = 30.0
IDLE_SLACK_S = 15.0
SECONDS_PER_BYTE = 10 / 115_200
_NOT_CLEAN = "; the board did not come back to its prompt, timers and pins may still be active"


class Session:
    """One board, opened; every method raises :class:`~hil.errors.HilError` kinds only.

    Use as a context manager. ``wiring`` overrides what is matched from the board's own words;
    ``faults`` happen to the link while it captures, on purpose.
    """

    def __init__(
        self,
        spec: BoardSpec,
        *,
        wiring: Wiring | None = None,
        faults: LinkFaults | None = None,
    ) -> None:
        self.spec = spec
        self._faults = faults
        self._wiring = wiring
        self._cleanup = contextlib.ExitStack()
        self._connection = Connection(spec, faults=faults)
        self._on_board: set[str] = set()
        self._why: dict[str, str] = {}
        self.identity: BoardIdentity

    def __enter__(self) -> Session:
        return self.open()

    def __exit__(self, *exc: object) -> None:
        self.close()

    def open(self, *, gently: bool = False) -> Session:
        """Open the port, reset the board softly and learn what it is.

        A board that does not answer is also reset by its lines or its power, unless ``gently``.
        """
        try:
            self._cleanup.callback(self._connection.close)
            self._connection.open(gently=gently)
            self.identity = self._identify(self._connection.port)
        except BaseException:
            self.close()
            raise
        return self

    @property
    def strays(self) -> tuple[str, ...]:
        """What the board's own program had left running when it was opened; it is stopped now."""
        return self._connection.strays

    def clean(self) -> None:
        """Bring the board back to a fresh start: no timers, no threads, nothing of ours."""
        self._on_board.clear()
        self._connection.recover()

    @property
    def wiring(self) -> Wiring:
        """The pins that may be used: the given ones, or those of the board's shipped file."""
        return self._wiring or NO_WIRING

    def missing_jumper(self) -> str | None:
        """Why the board's loopback pair can't be used, as found when it was opened."""
        return self._why.get("loopback")

    def run(self, code: str) -> bytes:
        """Run a short program at the prompt and return what it printed."""
        return self._repl.exec(code, timeout_s=CODE_TIMEOUT_S)

    def close(self) -> None:
        """Leave the board at its prompt and free the port; never raises."""
        self._cleanup.close()

    def capture(
        self,
        plan: CapturePlan,
        path: Path,
        *,
        observer: Observer | None = None,
        agent: UserAgent | None = None,
    ) -> None:
        """Run one agent for its window and store what it sends in ``path``.

        ``agent`` is the user's own program, which is interrupted at the window's end and whose
        timers end with a soft reset.

        Raises :class:`~hil.errors.CapabilityMissing` when the board can't run it. Whatever came
        before another error is in ``path`` all the same, with the error as its outcome.
        """
        self._connection.check()
        program = USER_PROGRAM if agent else plan.technique
        agents.require(program, plan.load, self.identity.capabilities, self._why)
        try:
            self._deploy(program, plan)
            for piece in agent.pieces if agent else ():
                self._repl.exec(piece, timeout_s=CODE_TIMEOUT_S)
        except HilError as error:
            error.args = (f"{error}{self._recover(error)}", *error.args[1:])
            raise
        config = dict(agent_config(plan, self._wiring or NO_WIRING, self.identity))
        if agent:
            config.update(technique=program, pins=())
        if plan.load == WEB and self.identity.source != "sim":
            config.update(wifi_config())
        window_s, more_s = plan.duration_us / 1e6, extra_s(plan)
        slow = self._repl.slowness
        with CaptureWriter(path, self.identity, plan) as writer, web_client(plan.load) as web:
            try:
                if self._faults is not None and plan.tasks:
                    self._faults.arm()
                self._start(config, writer)
                rest = run_capture(
                    self._repl,
                    writer,
                    Deadline(
                        2 * window_s + more_s + WINDOW_SLACK_S * slow + _transfer_s(plan),
                        window_s + more_s + IDLE_SLACK_S * slow,
                    ),
                    observer=observer,
                    companion=web,
                    ping_every_s=1.0 if plan.streaming else None,
                    interrupt_after_s=window_s + INTERRUPT_AFTER_S if agent else None,
                )
                self._repl.unread(rest)
                self._repl.end_of_program(Deadline(CODE_TIMEOUT_S * slow))
                if self._faults is not None:
                    self._faults.disarm()
                if any(lives_asked(mode, plan.options) for mode in MODES):
                    self._on_board.clear()
                    survive(self._connection, self.identity, plan.options, writer.values)
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
                        error.args = (f"{error}{left}", *error.args[1:])
                        status = f"error: {error}"
                    with contextlib.suppress(HilError):
                        writer.finish(status)
                raise
            if web is not None:
                web.close()
                web.keep(writer.values)
            writer.finish("ok")
        if agent:
            self._on_board.clear()
            self._repl.enter()

    def _check_same_board(self) -> None:
        """A port that was away may have come back with another board behind it."""
        facts = self._probe()
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

    def _probe(self) -> dict[str, str]:
        pieces = agents.pieces("lib/probe.py", piece_bytes=PROBE_PIECE_BYTES)
        return parse_probe(
            b"".join(self._repl.exec(piece, timeout_s=CODE_TIMEOUT_S) for piece in pieces)
        )

    def _identify(self, port: str) -> BoardIdentity:
        facts = self._probe()
        if self._wiring is None:
            self._wiring = find_wiring(
                agents.agents_folder() / "wiring", facts.get("machine", ""), facts.get("uid", "")
            )
        wired = self._check_wiring(self._wiring)
        return identity_from_probe(
            facts,
            name=self.spec.text,
            port=port,
            source="sim" if is_sim(facts) else self.spec.source,
            wired=wired,
            clock_jump_us=self._wiring.clock_jump_us,
        )

    def _check_wiring(self, wiring: Wiring) -> tuple[str, ...]:
        """What the wiring adds to the capabilities: the loopback only if a signal comes through."""
        if wiring.loopback is None:
            return wiring.capabilities
        try:
            for piece in agents.pieces("lib/wiring_check.py"):
                self._repl.exec(piece, timeout_s=CODE_TIMEOUT_S)
            source, sink = wiring.loopback
            output = self._repl.exec(
                f"hil_check_wiring({source!r},{sink!r})", timeout_s=CODE_TIMEOUT_S
            )
            found, reason = check_answer(parse_probe(output), wiring)
        except RemoteCodeError as error:
            reason = f"the loopback pair could not be checked: {error}"
            found = tuple(word for word in wiring.capabilities if word != "loopback")
        if reason:
            self._why["loopback"] = reason
        return found

    def _start(self, config: Mapping[str, object], writer: CaptureWriter) -> None:
        """Start the agent; on a small heap in stages, of which the last one is left running.

        Raises :class:`~hil.errors.CapabilityMissing` where even those do not fit.
        """
        if SMALL_HEAP not in self.identity.capabilities:
            self._repl.start(agents.start_code(config))
            return
        free = self.identity.free_bytes or 0
        self._repl.enter()
        first = True
        for stage in small_agents.stages(config, self.identity.capabilities, free):
            if not first:
                limit_s = WINDOW_SLACK_S * self._repl.slowness
                self._repl.unread(run_capture(self._repl, writer, Deadline(limit_s)))
                self._repl.end_of_program(Deadline(CODE_TIMEOUT_S * self._repl.slowness))
            first = False
            try:
                for piece in stage.pieces:
                    self._exec_again(piece)
                    self._exec_again("gc.collect()")
            except RemoteCodeError as error:
                if "MemoryError" not in str(error):
                    raise
                raise CapabilityMissing(
                    f"it does not fit into the board's memory ({free} bytes of heap are free; "
                    f"{str(error).rpartition('raised ')[2]})"
                ) from error
            self._repl.start(stage.start)

    def _exec_again(self, code: str, times: int = 3) -> None:
        """Execute code on a small board: again if its serial port lost characters of it.

        A piece that found no room is tried again too: what a conservative collector keeps differs
        from one attempt to the next. Both are harmless, the pieces only define names.
        """
        for left in reversed(range(times)):
            try:
                self._repl.exec(code, timeout_s=CODE_TIMEOUT_S)
                return
            except RemoteCodeError as error:
                told = ("SyntaxError", "IndentationError", "MemoryError")
                if not left or not any(name in str(error) for name in told):
                    raise

    def _deploy(self, program: str, plan: CapturePlan) -> None:
        """Execute the files that are not on the board yet; nothing reaches its flash."""
        if SMALL_HEAP in self.identity.capabilities:
            return
        files = agents.sources(program, plan.load, self.identity.capabilities, options=plan.options)
        for name, pieces in files:
            if name in self._on_board:
                continue
            for piece in pieces:
                try:
                    self._repl.exec(piece, timeout_s=CODE_TIMEOUT_S)
                except RemoteCodeError as error:
                    raise RemoteCodeError(
                        f"{self.spec.text}: could not load {name}: {error}",
                        traceback=error.traceback,
                    ) from error
            self._on_board.add(name)

    @property
    def _repl(self) -> RawRepl:
        return self._connection.repl

    def _recover(self, error: BaseException) -> str:
        """Bring the board back to a fresh prompt; what the reader must know of it, often nothing.

        Who interrupts the run does not wait for resets.
        """
        self._on_board.clear()
        if isinstance(error, LinkLostError):
            self._connection.lost()
        opened, port = self._connection.reopened, self._connection.port
        try:
            by = self._connection.recover(gently=not isinstance(error, HilError))
            if self._connection.reopened != opened:
                self._check_same_board()
        except HilError as failure:
            return f"{_NOT_CLEAN} ({failure})"
        if self._connection.port != port:
            return f"; the board came back at {self._connection.port}"
        return "" if by == INTERRUPT else f"; the board came back after a {by}"


def _transfer_s(plan: CapturePlan) -> float:
    """Generous time to send the stamps over a slow UART after the window."""
    stamps = sum(plan.duration_us // task.period_us + 1 for task in plan.tasks)
    return 3 * stamps * SECONDS_PER_BYTE * 4
