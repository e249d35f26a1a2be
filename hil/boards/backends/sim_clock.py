"""The clock and the link of a session that keeps step with a board in virtual time.

:mod:`hil.boards.backends.sim_time` is the other side.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from functools import partial
from typing import TYPE_CHECKING

from hil.boards.backends.sim_knobs import EPOCH_S
from hil.boards.diagnosis import open_error
from hil.boards.serial_port import (
    READ_SIZE,
    BufferedPort,
    readable,
    refusal_reason,
    try_open,
)
from hil.model.errors import BoardTimeoutError, LinkLostError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any, Literal

    from mpremote.transport_serial import SerialTransport

ARRIVAL_TIMEOUT_S = 60.0
"""Real time that what an embedded board said may take through a pseudo-terminal."""

REAL_LIMIT_S = 120.0
"""How long the host waits in real time for an answer of the board's supervisor."""
_LEAST_NS = 1000
"""What passes in a shorter wait than a clock in floating seconds can tell: else it never ends."""


class VirtualClock:
    """The time of one embedded board; it passes only in :meth:`run` and :meth:`sleep`.

    Raises :class:`~hil.model.errors.LinkLostError` when the board is gone and
    :class:`~hil.model.errors.BoardTimeoutError` when it does not answer in real time.
    """

    kind: Literal["real", "virtual"] = "virtual"

    def __init__(self, control: Path) -> None:
        self._control = control
        self._socket: socket.socket | None = None
        self._rest = b""
        self._now_ns = 0
        self._written_before = self._read_before = self._told = 0
        self.written = 0
        self.arrived = 0
        """Bytes sent to the board and said by it since :meth:`attach`."""

    def attach(self) -> None:
        """Stop the board, and let it run only as far as is asked from now on.

        Bytes that it said before are gone.
        """
        self.close()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(REAL_LIMIT_S)
        try:
            self._socket.connect(str(self._control))
        except OSError as error:
            raise LinkLostError(f"the embedded board is gone ({error})") from None
        self._now_ns, self._written_before, self._read_before = self._ask("clock", "ok", 3)
        self.written = self.arrived = self._told = 0

    def close(self) -> None:
        """Let the board run freely again."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
        self._socket = None
        self._rest = b""

    def now_ns(self) -> int:
        """Nanoseconds since the board was first switched on, as it last said."""
        return self._now_ns

    def wall_s(self) -> float:
        """The board's time of day, were its clock not skewed."""
        return EPOCH_S + self._now_ns / 1e9

    def sleep(self, seconds: float) -> None:
        """Let the board run for so long, whatever it says meanwhile."""
        end_ns = self._now_ns + round(seconds * 1e9)
        while self._now_ns < end_ns:
            self.run((end_ns - self._now_ns) / 1e9)

    def run(self, seconds: float) -> None:
        """Let the board run for so long, less if it waits for input or has said something."""
        until_ns = self._now_ns + (round(seconds * 1e9) or _LEAST_NS * (seconds > 0))
        if until_ns == self._now_ns and self._told == self.written:
            return  # it stands still, and has heard nothing since
        self._told = self.written
        line = f"run {until_ns} {self._written_before + self.written}"
        self._now_ns, total = self._ask(line, "stop", 2)
        self.arrived = total - self._read_before

    def _ask(self, line: str, expected: str, numbers: int) -> list[int]:
        if self._socket is None:
            raise LinkLostError("the embedded board is not attached")
        try:
            self._socket.sendall(line.encode("ascii") + b"\n")
            while b"\n" not in self._rest:
                data = self._socket.recv(4096)
                if not data:
                    raise LinkLostError("the embedded board is gone")
                self._rest += data
        except TimeoutError:
            raise BoardTimeoutError(
                f"the embedded board did not stop within {REAL_LIMIT_S:.0f} s of real time",
                expected=expected,
                received=self._rest,
            ) from None
        except OSError as error:
            raise LinkLostError(f"the embedded board is gone ({error})") from None
        answer, _, self._rest = self._rest.partition(b"\n")
        word, *values = answer.decode("ascii", "replace").split()
        if word != expected or len(values) != numbers:
            raise LinkLostError(f"the embedded board answered {answer!r}")
        return [int(value) for value in values]


class SteppedPort(BufferedPort):
    """The port of a board in virtual time: it runs while the session waits, and at no other time.

    Opening it stops the board, closing it lets the board run freely again.
    """

    def __init__(self, clock: VirtualClock, port: Any) -> None:
        super().__init__(port, clock)
        self._step = clock
        self._received = 0
        # a program runs on to the end of a wait, whatever it said: let it run little
        self.first_slice_s = 0.0
        clock.attach()

    def write(self, data: bytes) -> int:
        """Send everything; the board hears it when it runs next."""
        self._check_usable()
        self._step.written += len(data)
        return super().write(data)

    def receive(self, timeout_s: float) -> bytes:
        """Let the board run, then take all that it said."""
        self._step.run(timeout_s)
        taken = bytearray()
        while self._received < self._step.arrived:
            assert self._fd is not None
            if not readable(self._fd, ARRIVAL_TIMEOUT_S):
                raise OSError(errno.EIO, "what the board said did not arrive")
            data = os.read(self._fd, READ_SIZE)
            self._received += len(data)
            taken += data
        return bytes(taken)

    def forget(self) -> None:
        """The port was closed."""
        super().forget()
        self._step.close()


def open_in_step(clock: VirtualClock, port: str, baudrate: int) -> SerialTransport:
    """An :data:`~hil.boards.serial_port.Opener` once ``clock`` is given."""
    transport = try_open(port, baudrate, partial(SteppedPort, clock))
    if transport is None:
        raise open_error(port, refusal_reason(port, baudrate))
    return transport
