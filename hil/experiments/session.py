"""One board: opened, identified, given agents, captured from, and left clean."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from hil.agents import bundle
from hil.agents.deploy import CODE_TIMEOUT_S, Deployment, agent_config, start_agent
from hil.boards.connection import Connection
from hil.boards.identity import identify, probe_board
from hil.boards.port_board import INTERRUPT_STEP
from hil.experiments.plan import extra_s
from hil.experiments.workloads.reset_persistence import run_reset_experiment
from hil.experiments.workloads.user_program import USER_PROGRAM
from hil.experiments.workloads.web_traffic import WEB_LOAD, web_client, wifi_config
from hil.model.board import NO_WIRING
from hil.model.errors import HilError, LinkLostError
from hil.model.reset_rows import RESET_MODES, reset_count
from hil.recording.capture_file import CaptureWriter
from hil.recording.capture_loop import run_capture

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hil.boards.backend import BoardSpec
    from hil.boards.fault_injection import LinkFaults
    from hil.experiments.workloads.user_program import UserProgram
    from hil.model.board import BoardIdentity, Wiring
    from hil.model.captures import CapturePlan
    from hil.recording.interfaces import Clock, Observer, Prompt

INTERRUPT_AFTER_S = 0.3
WINDOW_SLACK_S = 30.0
IDLE_SLACK_S = 15.0
SECONDS_PER_BYTE = 10 / 115_200
_NOT_CLEAN = "; the board did not come back to its prompt, timers and pins may still be active"


class Session:
    """One board, opened; every method raises :class:`~hil.model.errors.HilError` kinds only.

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
        self._on_board = Deployment(spec.text)
        self._why: Mapping[str, str] = {}
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
            self._cleanup.callback(self._tidy)
            self._connection.open(gently=gently)
            port = self._connection.port
            found = identify(self._repl, self.spec, port, self._wiring)
            self.identity, self._wiring, self._why = found.identity, found.wiring, found.why
            self._connection.traits = found.traits or self._connection.traits
        except BaseException:
            self.close()
            raise
        return self

    @property
    def strays(self) -> tuple[str, ...]:
        """What the board's own program had left running when it was opened; it is stopped now."""
        return self._connection.leftover_activity

    @property
    def clock(self) -> Clock:
        """The time that the board lives in: the host's, or the board's own virtual one."""
        return self._connection.clock

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
        """Leave the board at its prompt with nothing of ours, and free the port; never raises."""
        self._cleanup.close()

    def capture(
        self,
        plan: CapturePlan,
        path: Path,
        *,
        observer: Observer | None = None,
        agent: UserProgram | None = None,
    ) -> None:
        """Run one agent for its window and store what it sends in ``path``.

        ``agent`` is the user's own program, which is interrupted at the window's end and whose
        timers end with a soft reset.

        Raises :class:`~hil.model.errors.CapabilityMissing` when the board can't run it. Whatever
        came before another error is in ``path`` all the same, with the error as its outcome.
        """
        self._connection.check()
        program = USER_PROGRAM if agent else plan.technique
        bundle.require_capabilities(program, plan.load, self.identity.capabilities, self._why)
        try:
            self._on_board.put(self._repl, program, plan, self.identity)
            for piece in agent.pieces if agent else ():
                self._repl.exec(piece, timeout_s=CODE_TIMEOUT_S)
        except HilError as error:
            error.args = (f"{error}{self._recover(error)}", *error.args[1:])
            raise
        config = dict(agent_config(plan, self._wiring or NO_WIRING, self.identity))
        if agent:
            config.update(technique=program, pins=())
        if plan.load == WEB_LOAD and self._connection.traits.network == "wifi":
            config.update(wifi_config())
        window_s, more_s = plan.duration_us / 1e6, extra_s(plan)
        slow = self._repl.slowness
        with CaptureWriter(path, self.identity, plan) as writer, web_client(plan.load) as web:
            try:
                if self._faults is not None and plan.tasks:
                    self._faults.arm()
                start_agent(self._repl, config, self.identity, writer)
                rest = run_capture(
                    self._repl,
                    writer,
                    self._repl.deadline(
                        2 * window_s + more_s + WINDOW_SLACK_S * slow + _transfer_s(plan),
                        window_s + more_s + IDLE_SLACK_S * slow,
                    ),
                    observer=observer,
                    companion=web,
                    ping_every_s=1.0 if plan.streaming else None,
                    interrupt_after_s=window_s + INTERRUPT_AFTER_S if agent else None,
                    clock=self._repl.clock,
                )
                self._repl.unread(rest)
                self._repl.end_of_program(self._repl.deadline(CODE_TIMEOUT_S * slow))
                if self._faults is not None:
                    self._faults.disarm()
                if any(reset_count(mode, plan.options) for mode in RESET_MODES):
                    self._on_board.clear()
                    run_reset_experiment(
                        self._connection, self.identity, plan.options, writer.values
                    )
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

    def _tidy(self) -> None:
        """Take our files off a board that can be left as it is otherwise."""
        if self._on_board and not self._connection.broken:
            with contextlib.suppress(HilError):
                self._repl.enter()

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
        return "" if by == INTERRUPT_STEP else f"; the board came back after a {by}"


def _transfer_s(plan: CapturePlan) -> float:
    """Generous time to send the stamps over a slow UART after the window."""
    stamps = sum(plan.duration_us // task.period_us + 1 for task in plan.tasks)
    return 3 * stamps * SECONDS_PER_BYTE * 4
