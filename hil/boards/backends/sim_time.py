"""How time passes on a board in virtual time: freely, or in step with a client.

The board runs up to the moment that it was granted, then says so and stands until it is granted
more. It also stops where its main program waits for input. Without a client it is always granted
more, so it runs as fast as it can; where it waits for input, at the pace of real time.

A client (:class:`hil.boards.backends.sim_client.StepClient`) asks to run until a moment. The answer
comes when the board got there, waits for input, or has said something and waits at its prompt.
Between requests the board stands still, so all that the client sends arrives at a moment that does
not depend on how fast either of them is.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import struct
import time
from typing import TYPE_CHECKING

from hil.boards.backends.sim_client import StepClient
from hil.boards.backends.sim_edges import ROOM, SharedEdges
from hil.boards.backends.sim_knobs import VirtualStart
from hil.boards.backends.sim_program import SharedState
from hil.boards.backends.sim_standstill import STUCK_IN_TIME, SliceWatch

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from hil.boards.backends.sim_client import Terminal
    from hil.boards.backends.sim_vm import VmProcess

CTRL_C = b"\x03"
SLICE_NS = 50_000_000
"""The most that is granted at once: a board that never stops is noticed."""
_LEAVES_S = 1.0
_WAKE_AGAIN_S = 0.02
_PACE_S = 0.01
_LOOK_S, _MOST_LOOK_S = 0.00005, 0.002
_RECORD = struct.Struct("<Bq")
_BOOTED, _HORIZON, _INPUT, _ATTENTION, _SIGNAL, _END, _EDGES_FULL = b"bhiacxe"
_RESET, _SLEPT = b"RD"
_INTERRUPT, _STIMULI, _AT_PROMPT = 1, 2, 4


class VirtualTime:
    """Grants time to one board, run after run of its VM.

    ``feed`` hands bytes to the VM; ``reset`` starts it anew, with the kind of its notice. With
    ``hold`` the board stands still after it was switched on until the first client keeps step.
    """

    def __init__(
        self,
        terminal: Terminal,
        selector: selectors.BaseSelector,
        feed: Callable[[bytes], None],
        reset: Callable[[bytes], None],
        hold: bool = False,
    ) -> None:
        self._hold = hold
        self.terminal = terminal
        self._selector = selector
        self._feed = feed
        self._reset = reset
        self._shared = SharedState()
        self._vm: VmProcess
        self.now_ns = 0
        self._horizon_ns = 0  # how far it may run
        self._records = b""
        self._stopped = 0  # the kind of the notice that waits for an answer
        self._ready = False
        self._at_prompt = False
        self._woken = False  # out of a read of its input, the prompt's or a program's
        self._interrupt = self._stimuli = False
        self._woken_at = 0.0
        self._marked = 0.0  # when a read of a program was interrupted
        self._queue = bytearray()
        self._received = 0
        self.client = StepClient(selector, self._client_changed)
        self._said = False
        self._look_s = _LOOK_S
        self._pace_end = 0.0
        self._watch = SliceWatch(self._shared.sched_state_address)
        self.edges = SharedEdges()

    def start(self) -> VirtualStart:
        """How the next run of the VM starts."""
        return VirtualStart(
            *(self.now_ns, self._shared.attention_address, self._shared.sched_state_address),
            *(self.edges.address, ROOM),
        )

    def adopt(self, vm: VmProcess) -> None:
        """The next run of the VM has begun."""
        self._vm = vm
        self._records = b""
        self._stopped = 0
        self._ready = self._at_prompt = self._woken = False
        self._interrupt = self._stimuli = False
        self._marked = 0.0
        self._shared.withdraw()
        self._shared.set_reading(False)
        self._watch.begin()
        self._selector.register(vm.output, selectors.EVENT_READ, self.drain)
        self._selector.register(vm.notice, selectors.EVENT_READ, self._notices)

    def leave(self) -> None:
        """This run of the VM is over: take what it left."""
        self._notices(answer=False)
        self.drain()
        self.edges.switched_off(self.now_ns)
        for fd in (self._vm.output, self._vm.notice):
            if fd in self._selector.get_map():
                self._selector.unregister(fd)

    @property
    def wait_s(self) -> float | None:
        """How long at most until :meth:`step` is called again."""
        if self._pace_end:
            return max(0.0, self._pace_end - time.monotonic())
        if not self._stopped and (self.client.goal or self.client.attaching or self._queue):
            return self._look_s
        return None if self._stopped else 0.5

    def receive(self, data: bytes) -> None:
        """What came from the terminal."""
        self._received += len(data)
        self._queue += data
        self._look_s = _LOOK_S
        self.step()

    def drain(self) -> None:
        """Pass on what the VM wrote."""
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self._vm.output, 65536):
                self._said = True
                self.terminal.write(data)
            if self._vm.output in self._selector.get_map():  # at its end
                self._selector.unregister(self._vm.output)

    def stimulate(self, pin: int, level: int) -> bool:
        """A level from outside on a pin; false while too many wait."""
        try:
            os.write(self._vm.host, bytes((pin & 255, level)))
        except (BlockingIOError, BrokenPipeError):
            return False
        self._stimuli = True
        if not self._stopped:
            if self._vm.waits_for_input():
                self._wake()
            else:
                self._shared.ask()
        return True

    def attach(self, client: socket.socket) -> None:
        """``client`` keeps step from now on; any earlier one is let go."""
        self.client.attach(client)
        self.step()

    def step(self) -> None:
        """Do what can be done now."""
        self._pass_input()
        if self._stopped:
            self._watch.moved()
            self._answer_board()
        elif self._ready and (self.client.attaching or self.client.goal or self._shared.asked):
            self._look_at_prompt()
        if not self._stopped and self._watch.is_stuck(self._vm):
            self.terminal.write(STUCK_IN_TIME)
            self._said = True
            self._reset(b"S")

    def close(self) -> None:
        """Let go of the client."""
        self.client.let_go()
        self.terminal.close()

    # the board

    def _notices(self, *, answer: bool = True) -> None:
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._vm.notice, 4096)
            if not data and self._vm.notice in self._selector.get_map():
                self._selector.unregister(self._vm.notice)
            self._records += data
        while len(self._records) >= _RECORD.size:
            kind, self.now_ns = _RECORD.unpack(self._records[: _RECORD.size])
            self._records = self._records[_RECORD.size :]
            if not answer or kind == _END:
                continue
            if kind in (_RESET, _SLEPT):
                self._reset(bytes((kind,)))
                return
            if kind == _EDGES_FULL:
                self.edges.take()
                self._answer(0, self._horizon_ns)
                continue
            if kind == _SIGNAL:
                self._vm.mark_interrupt()
                self._grant(self.now_ns)
                continue
            self._ready = self._ready or kind == _BOOTED
            self._stopped = kind
            self.drain()
            self.step()

    def _grant(self, until_ns: int, flags: int = 0) -> None:
        flags |= _INTERRUPT * self._interrupt | _STIMULI * self._stimuli
        self._interrupt = self._stimuli = False
        self._stopped = 0
        self._marked = 0.0
        self._pace_end = 0.0
        self._look_s = _LOOK_S
        self._watch.begin()
        self._horizon_ns = until_ns
        self.edges.take()
        self._answer(flags, until_ns)

    def _answer(self, flags: int, until_ns: int) -> None:
        self.edges.gone_on()
        with contextlib.suppress(BrokenPipeError):
            os.write(self._vm.grant, _RECORD.pack(flags, until_ns))

    def _answer_board(self) -> None:
        if self._stopped == _ATTENTION and self._woken:  # else a program, or on its way out of one
            self._at_prompt = not self._interrupt
        self._woken = False
        if self.client.attaching:
            self._welcome()
        if not self.client.present:
            if not self._hold:
                self._run_freely()
            return
        goal = self.client.goal
        if goal is None or self._received < goal.written or self._queue:
            return
        if self._at_prompt:
            if not self._vm.input_is_empty:  # that comes first
                self._at_prompt = False
                self._grant(self.now_ns)
            elif self.now_ns >= goal.until_ns or self._said:
                self._at_prompt = False
                self._reply()
                self._grant(self.now_ns)
            else:
                self._grant(min(goal.until_ns, self.now_ns + SLICE_NS), _AT_PROMPT)
        elif self.now_ns >= goal.until_ns or self._stopped == _INPUT:
            if self._stopped == _INPUT:
                self._stopped = _HORIZON  # it says once that it waits
            self._reply()
        else:
            self._grant(min(goal.until_ns, self.now_ns + SLICE_NS))

    def _run_freely(self) -> None:
        if self._at_prompt:
            self._at_prompt = False
            self._grant(self.now_ns)
            return
        if self._stopped == _INPUT and not self._interrupt:
            now = time.monotonic()
            if not self._pace_end:
                self._pace_end = now + _PACE_S
            if now < self._pace_end and not self._has_input():
                return
            self._grant(self.now_ns + round(_PACE_S * 1e9))
            return
        self._grant(self.now_ns + SLICE_NS)

    def _has_input(self) -> bool:
        return bool(self._queue) or not self._vm.input_is_empty

    def _look_at_prompt(self) -> None:
        """A board that neither stops nor runs is at its prompt: nothing happens there by itself.

        It may have stopped before the moment up to which it may run: then it is asked for its time,
        and may run no further.
        """
        leaves = self._marked and not self._said and time.monotonic() - self._marked < _LEAVES_S
        if leaves or not self._vm.waits_for_input():
            self._look_s = min(2 * self._look_s, _MOST_LOOK_S)
            return
        self._watch.moved()
        self._marked = 0.0
        self.drain()
        goal = self.client.goal
        if self._horizon_ns == self.now_ns:
            if self.client.attaching:
                self._welcome()
            if goal is not None and self._received >= goal.written and not self._queue:
                if self._said or self.now_ns >= goal.until_ns:
                    self._reply()
                    return
            elif not self._shared.asked:
                return
        elif goal is not None and (self._received < goal.written or self._queue):
            return
        self._look_s = min(2 * self._look_s, _MOST_LOOK_S)
        # it may have left its read for an interrupt that came before, and read again
        if not self._shared.asked or time.monotonic() - self._woken_at > _WAKE_AGAIN_S:
            self._wake()

    def _wake(self) -> None:
        """Make a board that is blocked in a read of its input stop; that takes it no time."""
        self._shared.set_reading(True)
        self._shared.ask()
        self._woken = True
        self._woken_at = time.monotonic()
        self._vm.wake_prompt()

    def _hand_over(self, data: bytes) -> None:
        """Give the board what it may read; from now on it may run a program."""
        self._shared.set_reading(False)
        self._feed(data)

    # what is typed

    def _pass_input(self) -> None:
        while self._queue and self._ready:
            if self._is_leaving():  # what follows is not for the program that was interrupted
                self._look_s = min(2 * self._look_s, _MOST_LOOK_S)
                return
            at = self._queue.find(CTRL_C)
            if at:
                piece = bytes(self._queue[:at] if at > 0 else self._queue)
                del self._queue[: len(piece)]
                self._hand_over(piece)
                continue
            if self._stopped:
                if self._vm.catches_interrupt:
                    self._interrupt = True
                    self._at_prompt = False
                    self._shared.set_reading(False)
                else:
                    self._hand_over(CTRL_C)
            elif self._vm.waits_for_input():
                if self._vm.catches_interrupt:
                    self._shared.withdraw()  # it would stop again on its way to the prompt
                    self._shared.set_reading(False)
                    self._vm.interrupt_read()
                    self._marked = time.monotonic()
                    self._said = False
                else:
                    self._hand_over(CTRL_C)
            else:
                if not self.client.present:  # else it stops by itself, at a moment that is the same
                    self._shared.ask()
                self._look_s = min(2 * self._look_s, _MOST_LOOK_S)
                return
            del self._queue[:1]

    def _is_leaving(self) -> bool:
        """Whether a program was interrupted in a read of its input, and has not noticed yet."""
        if not self._marked or time.monotonic() - self._marked > _LEAVES_S:
            return False
        return self._vm.waits_for_input() and self._vm.catches_interrupt

    # the client

    def _client_changed(self) -> None:
        self._look_s = _LOOK_S
        self.step()

    def _welcome(self) -> None:
        self._hold = self._said = False
        self.terminal.forget()
        self.client.welcome(self.now_ns, self._received, self.terminal.total)

    def _reply(self) -> None:
        self._said = False
        self.client.answer(self.now_ns, self.terminal.total)
