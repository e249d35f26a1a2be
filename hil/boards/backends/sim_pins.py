"""The pins of an embedded board in virtual time, seen from outside."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Protocol

from hil.boards.backends.sim_edges import EDGE
from hil.boards.backends.sim_knobs import PINS
from hil.model.errors import ConfigurationError, TransportError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hil.model.board import PinId

_READ_BYTES = EDGE.size << 15
_ANSWER = 5


class _Process(Protocol):
    """The process of the board."""

    @property
    def edges_file(self) -> Path:
        """The file that its supervisor puts edges in."""

    def ask(self, command: str) -> list[str]:
        """The answer to a command."""


class SimPins:
    """See :class:`~hil.boards.backend.PinWatch`; the edges come when somebody stops listening."""

    name = "sim"
    resolution_ns = 1.0

    def __init__(self, process: _Process, now_ns: Callable[[], int]) -> None:
        self._process = process
        self.now_ns = now_ns
        self._listeners: dict[int, list[Callable[[int, int], None]]] = {}
        self._running = False

    def level(self, pin: PinId) -> int | None:
        """The level of a pin."""
        return bytes.fromhex(self._ask("state")[0])[_number(pin)]

    def listen(self, pin: PinId, notice: Callable[[int, int], None]) -> Callable[[], None]:
        """Call ``notice(ns, level)`` for each edge, once the result is called; none is lost."""
        listeners = self._listeners.setdefault(_number(pin), [])
        if not self._running:
            self._ask("start")
            self._running = True
        listeners.append(notice)

        def stop() -> None:
            self._collect()
            if notice in listeners:
                listeners.remove(notice)

        return stop

    def clock_pair(self) -> tuple[int, int] | None:
        """What ``ticks_us`` showed when the board stopped last, and since when; nothing runs on."""
        board_us, ns = (int(word) for word in self._ask("state")[1:3])
        return (board_us, ns) if ns else None

    def _collect(self) -> None:
        """All edges to those who listen, in the order of time."""
        if not self._running:
            return
        self._running = False
        left_out = int(self._ask("stop")[4])
        with self._process.edges_file.open("rb") as file:
            while data := file.read(_READ_BYTES):
                for edge in array("q", data):
                    for notice in self._listeners.get(edge >> 1 & PINS - 1, ()):
                        notice(edge >> 6, edge & 1)
        if left_out:
            raise TransportError(f"the embedded board made {left_out} edges too many")

    def _ask(self, what: str) -> list[str]:
        answer = self._process.ask(f"edges {what}")
        if len(answer) != _ANSWER:
            raise TransportError(f"the embedded board answered {' '.join(answer)[:80]!r}")
        return answer


def _number(pin: PinId) -> int:
    text = str(pin)
    if not (text.isascii() and text.isdigit() and len(text) <= 2 and int(text) < PINS):
        raise ConfigurationError(f"the embedded board has no pin {text[:40]!r}; it has 0 to 31")
    return int(text)
