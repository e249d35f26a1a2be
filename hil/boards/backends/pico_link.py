"""The clock and the link of a session with an emulated Pico, which runs while the session waits.

Session time is that of a host or an instrument beside the board. The board's crystal may differ
from it by a constant rate; a moment of one is a moment of the other to the emulator's tick.
"""

from __future__ import annotations

import time
from fractions import Fraction
from typing import TYPE_CHECKING

from mpremote.transport_serial import SerialTransport

from hil.boards.backends.sim_knobs import EPOCH_S
from hil.boards.serial_port import BufferedPort
from hil.model.errors import BoardTimeoutError

if TYPE_CHECKING:
    from typing import Literal, Protocol

    class Machine(Protocol):
        """What the link needs of :class:`~hil.boards.backends.pico_emulator.EmulatedPico`."""

        @property
        def ticks(self) -> int:
            """The machine's own time."""

        def run(self, until: int, *, to_output: bool = False) -> None:
            """Run up to a moment, or to the first output."""

        def run_to_connection(self, until: int) -> bool:
            """Run until the serial port is there."""

        def send(self, data: bytes) -> None:
            """Send now."""

        def take(self) -> bytes:
            """What was said."""


TICKS_PER_NS = 16
USB_LIMIT_S = 5.0
"""Board time that the firmware may take to bring up its serial port."""
_LEAST_NS = 1000
_PACED_STEP_S = 0.01
_MOST_BEHIND_S = 0.05


class PicoClock:
    """Session time; it passes only in :meth:`run` and :meth:`sleep`.

    ``ppm``: the board counts so many millionths more of its own seconds. ``pace``: it passes no
    faster than the host's time.
    """

    kind: Literal["real", "virtual"] = "virtual"

    def __init__(
        self, machine: Machine, *, ppm: Fraction = Fraction(0), pace: bool = False
    ) -> None:
        self._machine = machine
        ratio = TICKS_PER_NS * (1 + ppm / 1_000_000)
        self._ticks, self._ns = ratio.numerator, ratio.denominator
        self._pace = pace
        self._ahead_of = time.monotonic()

    def at(self, ticks: int) -> int:
        """The session time of a moment of the emulator, in whole nanoseconds."""
        return ticks * self._ns // self._ticks

    def ticks_at(self, ns: int) -> int:
        """The first tick of the emulator that is not before a session time."""
        return -(-ns * self._ticks // self._ns)

    def now_ns(self) -> int:
        """Nanoseconds since the board was built."""
        return self.at(self._machine.ticks)

    def wall_s(self) -> float:
        """The session's time of day."""
        return EPOCH_S + self.now_ns() / 1e9

    def sleep(self, seconds: float) -> None:
        """Let the board run for so long, whatever it says meanwhile."""
        self._run(seconds, to_output=False)

    def run(self, seconds: float) -> None:
        """Let the board run for so long, or until it has said something."""
        self._run(seconds, to_output=True)

    def _run(self, seconds: float, *, to_output: bool) -> None:
        # a wait that is shorter than floating seconds can tell must end too
        end_ns = self.now_ns() + (round(seconds * 1e9) or _LEAST_NS * (seconds > 0))
        if not self._pace:
            self._machine.run(self.ticks_at(end_ns), to_output=to_output)
            return
        while (now_ns := self.now_ns()) < end_ns:
            step_ns = min(end_ns - now_ns, round(_PACED_STEP_S * 1e9))
            self._machine.run(self.ticks_at(now_ns + step_ns), to_output=to_output)
            self._wait_for_host(self.now_ns() - now_ns)
            if self.now_ns() < now_ns + step_ns:
                return  # it spoke

    def _wait_for_host(self, passed_ns: int) -> None:
        now = time.monotonic()
        self._ahead_of = max(self._ahead_of, now - _MOST_BEHIND_S) + passed_ns / 1e9
        if self._ahead_of > now:
            time.sleep(self._ahead_of - now)


class _SerialPort:
    """What the board's USB port has of pyserial's names."""

    dtr = rts = True

    def __init__(self, machine: Machine) -> None:
        self.write = machine.send

    def close(self) -> None:
        """The board stays as it is, and may be opened again."""


class PicoPort(BufferedPort):
    """The board's USB serial port: the board runs while the session waits, and at no other time."""

    def __init__(self, machine: Machine, clock: PicoClock) -> None:
        super().__init__(_SerialPort(machine), clock)
        self._machine = machine
        self._step = clock

    def receive(self, timeout_s: float) -> bytes:
        """What the board says first, waiting for it so long."""
        said = self._machine.take()
        if not said and timeout_s > 0:
            self._step.run(timeout_s)
            said = self._machine.take()
        return said


class PicoTransport(SerialTransport):  # type: ignore[misc]
    """mpremote's transport on a port that is open already."""

    def __init__(self, port: PicoPort, name: str) -> None:
        self.in_raw_repl = self.mounted = False
        self.use_raw_paste = True
        self.device_name = name
        self.is_pty = True  # else mpremote sleeps in real time between polls
        self.serial = port


def open_pico(machine: Machine, clock: PicoClock, port: str, baudrate: int) -> SerialTransport:  # noqa: ARG001
    """An :data:`~hil.boards.serial_port.Opener` once the board and its clock are given.

    Raises :class:`~hil.model.errors.BoardTimeoutError` when no serial port comes up.
    """
    limit = clock.ticks_at(clock.now_ns() + round(USB_LIMIT_S * 1e9))
    if not machine.run_to_connection(limit):
        raise BoardTimeoutError(
            f"{port}: the firmware brought up no USB serial port within {USB_LIMIT_S:.0f} s of its "
            "time; is it MicroPython for the Pico?"
        )
    return PicoTransport(PicoPort(machine, clock), port)
