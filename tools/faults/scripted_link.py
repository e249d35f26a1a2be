"""How a session reaches a scripted board: a port and a backend that stand in for a real board's."""

from __future__ import annotations

import contextlib
import errno
import random
from collections.abc import Callable
from functools import partial

from mpremote.transport_serial import SerialTransport

from hil.boards.backend import Backend, BoardSpec
from hil.boards.port_board import PortBoard
from hil.boards.serial_port import BufferedPort
from hil.model.board import Source
from hil.model.errors import BoardNotFoundError
from tools.faults.repl_board import ReplBoard
from tools.faults.scripted_board import ScriptedDevice

NAME = "scripted"
MOST_BYTES = 50_000_000


class Wire:
    """The cable between them, and what happens to the bytes on it.

    ``gone_until``: the port is away. ``change`` makes of what came what arrives. Every byte that
    arrived is counted; who takes more than any run has is stopped.
    """

    def __init__(self, board: ReplBoard) -> None:
        self.board = board
        self.gone_until = 0.0
        self.generation = 0
        self.change: Callable[[bytes], bytes] = lambda data: data
        self.arrived = 0
        self.opened = 0

    def unplug(self, seconds: float) -> None:
        """The port goes away, and comes back after so long as another one of the same name."""
        self.gone_until = self.board.clock.now + seconds
        self.generation += 1


class ScriptedPort(BufferedPort):
    """The port, read on the board's clock."""

    def __init__(self, wire: Wire) -> None:
        super().__init__(ScriptedDevice(self._send), wire.board.clock)
        self._wire = wire
        self._generation = wire.generation

    def _check(self) -> None:
        if self._generation != self._wire.generation:
            raise OSError(errno.EIO, "Input/output error")

    def _send(self, data: bytes) -> int:
        self._check()
        count = self._wire.board.write(data)
        self._check()
        return count

    def receive(self, timeout_s: float) -> bytes:
        """What the board says first, waiting for it so long."""
        self._check()
        data = self._wire.board.read(timeout_s)
        self._check()
        self._wire.arrived += len(data)
        if self._wire.arrived > MOST_BYTES:
            raise AssertionError("a run without an end")
        return self._wire.change(data)


class _Transport(SerialTransport):  # type: ignore[misc]
    """mpremote's transport on a port that is open already."""

    def __init__(self, port: ScriptedPort) -> None:
        self.in_raw_repl = self.mounted = False
        self.use_raw_paste = True
        self.device_name = NAME
        self.is_pty = True  # else mpremote sleeps in real time between polls
        self.serial = port


def _open(wire: Wire, port: str, _baudrate: int) -> SerialTransport:
    if wire.board.clock.now < wire.gone_until:
        raise BoardNotFoundError(f"{port}: no such port; is the board plugged in?")
    wire.opened += 1
    return _Transport(ScriptedPort(wire))


class ScriptedBackend(Backend):
    """A scripted board as hardware: everything that is done with such a board is done with it."""

    name = NAME
    forms = NAME
    source: Source = "hardware"
    takes_slow = True

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def open(self, spec: BoardSpec) -> PortBoard:
        """The board, whose port is opened later."""
        return PortBoard(
            spec,
            NAME,
            contextlib.ExitStack(),
            opener=partial(_open, self._wire),
            reset_button=self._wire.board.press_reset,
        )


def spec_of(wire: Wire, slow: float | None = None) -> BoardSpec:
    """The board as a ``--board`` text would mean it."""
    return BoardSpec(NAME, ScriptedBackend(wire), target=NAME, slow=slow)


def stolen(chance: random.Random, share: float) -> Callable[[bytes], bytes]:
    """Another program reads the same port: now and then it has what would have come here."""

    def change(data: bytes) -> bytes:
        if not data or chance.random() >= share:
            return data
        at = chance.randrange(len(data))
        return data[:at] + data[at + chance.randint(1, len(data)) :]

    return change


def interspersed(
    chance: random.Random, lines: tuple[bytes, ...], every_bytes: float
) -> Callable[[bytes], bytes]:
    """Lines of the system below stand in what the board says, at chance places."""

    def change(data: bytes) -> bytes:
        if data and chance.random() < len(data) / every_bytes:
            at = chance.randrange(len(data) + 1)
            return data[:at] + chance.choice(lines) + data[at:]
        return data

    return change
