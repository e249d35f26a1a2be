"""Embedded boards for the tests: each is a process of its own behind a real pseudo-terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mpremote.transport_serial import SerialTransport

from hil.transport.vm import VirtualBoard

STAMPS = """
import machine, time
from array import array
def lateness(n, period_ms, hard):
    # Stamps of a periodic timer against its own grid, in us of the board's clock.
    global stamps, k
    stamps = array("l", [0] * n)
    k = 0
    def cb(t):
        global k
        if k < n:
            stamps[k] = time.ticks_us()
            k += 1
    t = machine.Timer(-1)
    origin = time.ticks_us()
    t.init(period=period_ms, callback=cb, hard=hard)
    while k < n:
        time.sleep_ms(5)
    t.deinit()
    return [time.ticks_diff(stamps[i], origin) - 1000 * period_ms * (i + 1) for i in range(n)]
"""


class Board:
    """A running board with its raw REPL."""

    def __init__(self, knobs: str, root: Path | None) -> None:
        self.virtual = VirtualBoard(f"clock=virtual,{knobs}", root=root)
        self.link = SerialTransport(self.virtual.port, timeout=0.5)

    def enter(self, *, soft_reset: bool = False) -> Board:
        self.link.enter_raw_repl(soft_reset=soft_reset, timeout_overall=10)
        return self

    def exec(self, code: str, timeout: float = 15) -> str:
        out, err = self.link.exec_raw(code, timeout=timeout)
        assert not err, err.decode()
        return out.decode()

    def eval(self, code: str, result: str, timeout: float = 15) -> Any:
        """Run ``code``, then read the value of ``result``: numbers, tuples and lists of them."""
        return eval(self.exec(f"{code}\nprint(repr({result}))", timeout).splitlines()[-1])

    def late(self, n: int, period_ms: int = 3, hard: bool = True) -> list[int]:
        """Lateness of ``n`` activations of a periodic timer against its own grid, in us."""
        return self.eval(STAMPS, f"lateness({n}, {period_ms}, {hard})", timeout=30)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.link.close()
        self.virtual.stop()


@pytest.fixture
def start() -> Iterator[Callable[..., Board]]:
    """Start boards; they end with the test."""
    with contextlib.ExitStack() as stack:

        def start(knobs: str = "", root: Path | None = None) -> Board:
            board = Board(knobs, root)
            stack.callback(board.close)
            return board

        yield start


@pytest.fixture
def board(start: Callable[..., Board]) -> Board:
    """A board without knobs, in its raw REPL."""
    return start().enter()
