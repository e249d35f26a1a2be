"""From whatever state a board is in to its raw REPL, or to a diagnosis.

The board may run a program, print without end, be half-way through a line, in paste mode, in the
middle of a transfer, or still starting because opening the port reset it. So nothing is taken for
granted: the interrupt is repeated until the greeting comes, then a short program proves that code
runs and that nothing old is left in the stream. Its times tell how slow the board is.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.boards.silent_board import next_step
from hil.boards.slowness import LOOP
from hil.model.errors import BoardTimeoutError
from hil.recording.boot_messages import find_boot_loop
from hil.recording.interfaces import seconds

if TYPE_CHECKING:
    from hil.boards.serial_port import BufferedPort
    from hil.boards.slowness import Slowness

GREETING = b"raw REPL; CTRL-B to exit\r\n"
_STOP, _RAW, _FRIENDLY, _SOFT_RESET, _RETURN = b"\x03\x03", b"\x01", b"\x02", b"\x04", b"\r"
_REBOOT = b"soft reboot"
_SPACING_S = (0.1, 0.2, 0.4, 0.8)
_FLOOD_SPACING_S, _FLOOD_S = 0.02, 1.5
_TAIL = 2000
_MOST_BY_GREETING = 10.0
_SLICE_S = 0.1
_TIMED_SLICE_S = 0.001
_END, _PROMPT = b"\x04", b">"
_FIRST_NUMBER = 1000


@dataclass(frozen=True, slots=True)
class AttachLimits:
    """How long a usual board may take, in seconds; a slower one gets its factor more.

    ``first_answer_s`` is the only limit that a board can't stretch, for nothing is known of it
    before. ``usual_answer_s`` is a generous round trip of a real board on a slow line.
    """

    first_answer_s: float = 5.0
    usual_answer_s: float = 0.1
    prompt_s: float = 2.0
    reboot_s: float = 5.0
    boot_s: float = 10.0


class Attach:
    """Brings the board behind ``port`` to its raw REPL; ``name`` is for the error texts.

    ``slowness`` is what is known of the board's, and learns from it.
    """

    def __init__(
        self, port: BufferedPort, name: str, limits: AttachLimits, slowness: Slowness
    ) -> None:
        self._port = port
        self._clock = port.clock
        self._name = name
        self._limits = limits
        self._slowness = slowness
        self._numbers = itertools.count(_FIRST_NUMBER)
        self._seen = bytearray()
        self._greeting_s = 0.0
        self.reset_asked = False
        """Whether a soft reset was asked for on the way to the prompt; a port may go with it."""

    @property
    def scale(self) -> float:
        """The factor on every limit; until code has run, the first answer may raise it a little."""
        by_greeting = min(self._greeting_s / self._limits.usual_answer_s, _MOST_BY_GREETING)
        return max(self._slowness.factor, by_greeting)

    def reach(self, *, booting: bool = False) -> None:
        """Interrupt what runs and get the raw REPL's greeting.

        ``booting`` says that the board just started: it is interrupted as early as can be.
        """
        limit_s = self._limits.first_answer_s * self.scale
        if not self.reset_asked:  # else what came since the reset tells why it does not come
            self._seen.clear()
        self._drain()
        begin = seconds(self._clock)
        for attempt in itertools.count():
            spacing = _SPACING_S[min(attempt, len(_SPACING_S) - 1)] * self._slowness.factor
            if booting and seconds(self._clock) - begin < _FLOOD_S:
                spacing = _FLOOD_SPACING_S
            self._port.write(_STOP + _RAW)
            left = begin + limit_s - seconds(self._clock)
            if self._wait_for(GREETING, min(spacing, left)):
                self._greeting_s = seconds(self._clock) - begin
                return
            if left <= spacing:
                break
        loop = find_boot_loop(bytes(self._seen))
        if loop is not None:
            raise loop.error(self._name, when="again and again")
        self._port.write(_RETURN)  # a prompt of another kind shows itself at the end of a line
        self._wait_for(GREETING, _SPACING_S[1] * self._slowness.factor)
        raise self._silence("no MicroPython prompt behind this port", "the raw REPL's greeting")

    def reset_softly(self) -> None:
        """From the raw REPL: a fresh start that does not run ``main.py``, back in the raw REPL."""
        self.reset_asked = True
        if not self._resets() and not (self._ran_a_line() and self._resets()):
            raise self._silence("the board does not reset softly", "'soft reboot'")
        self._seen.clear()
        if not self._wait_for(GREETING, self._limits.boot_s * self.scale):
            self.reach()  # boot.py does not come to an end

    def _resets(self) -> bool:
        self._seen.clear()
        self._port.write(_SOFT_RESET)
        return self._wait_for(_REBOOT, self._limits.reboot_s * self.scale)

    def _ran_a_line(self) -> bool:
        """Whether something else stood on the line, which ran then; if so, back at the prompt."""
        if not self._seen.endswith(_END + _PROMPT):
            return False
        self.reach()
        return True

    def reset_blindly(self) -> None:
        """From an unknown state: leave every mode that is known, then ask for a soft reset."""
        self._port.write(_STOP + _FRIENDLY + _STOP)
        self._wait_for(b">>> ", 0.3 * self.scale)
        self.reset_asked = True
        self._port.write(_SOFT_RESET)
        self._wait_for(_REBOOT, min(1.0, self._limits.reboot_s) * self.scale)

    def measure(self) -> None:
        """Time the board before a reset, which takes what that leaves in its heap; back at the
        prompt. Nothing is run where enough is known of it.
        """
        if self._slowness.wants_sample:
            self.prove()
            self.expect_prompt()

    def prove(self, *, timed: bool = True) -> None:
        """Run a program that only prints, and leave the stream before the next prompt.

        Answers to earlier requests come before its own, so the stream is in step afterwards. While
        little is known of the board's slowness, the program works a little, too, if it may be
        ``timed``; where its times say that the board is slow, again.
        """
        self._run_proof(timed=timed)
        while timed and self._slowness.doubtful:
            self.expect_prompt()
            self._run_proof(timed=True)
        self._greeting_s = 0.0

    def _run_proof(self, *, timed: bool) -> None:
        number = next(self._numbers)
        timed = timed and self._slowness.wants_sample
        loop = b"\n" + LOOP if timed else b""
        limit_s = self._limits.prompt_s * self.scale
        slice_s = _TIMED_SLICE_S if timed else _SLICE_S
        begin = seconds(self._clock)
        self._port.write(b"print('hil',%d+1)" % number + loop + _END)
        printed = self._wait_for(b"hil %d" % (number + 1), limit_s, slice_s)
        said = seconds(self._clock)
        # behind its output come the ends of output and errors
        ended = printed and self._wait_for(_END, limit_s, slice_s)
        end = seconds(self._clock)
        if not (ended and self._wait_for(_END, limit_s)):
            raise self._silence("the board's REPL does not run code", f"'hil {number + 1}'")
        if timed:
            self._slowness.add(said - begin, end - said, self._limits.usual_answer_s)

    def expect_prompt(self) -> None:
        """Make sure that the board waits for code, and read its prompt."""
        if not self._wait_for(_PROMPT, self._limits.prompt_s * self.scale):
            raise self._silence("the board is not at its prompt", "'>'")

    def _drain(self) -> None:
        for _ in range(64):
            data = self._port.read_answer(0.0)
            if not data:
                return
            self._remember(data)

    def _wait_for(self, mark: bytes, limit_s: float, slice_s: float = _SLICE_S) -> bool:
        """Read until ``mark`` came, at most so long; what follows it stays unread.

        A board in step with the session runs on to the end of a slice, whatever it said.
        """
        end = seconds(self._clock) + limit_s
        recent = b""
        while True:
            data = self._port.read_answer(max(0.0, min(slice_s, end - seconds(self._clock))))
            recent += data
            at = recent.find(mark)
            if at >= 0:
                rest = recent[at + len(mark) :]
                self._port.push_back(rest)
                self._remember(data[: len(data) - len(rest)])
                return True
            self._remember(data)
            recent = recent[-len(mark) :]
            if seconds(self._clock) >= end:
                return False

    def _remember(self, data: bytes) -> None:
        self._seen += data
        del self._seen[:-_TAIL]

    def _silence(self, what: str, expected: str) -> BoardTimeoutError:
        seen = bytes(self._seen)
        return BoardTimeoutError(
            f"{self._name}: {what}: {next_step(self._name, seen, was_reset=self.reset_asked)}",
            expected=expected,
            received=seen,
        )
