"""Embedded boards for the tests: each is a process of its own behind a real pseudo-terminal.

``board`` and ``start`` give boards in virtual time, kept in step: what is asserted is exact.
``real_board`` and ``start_real`` give boards on the host's clock, of which nothing is asserted that
a slow or busy machine could change.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hil.boards.backends.sim import VirtualBoard
from hil.model.errors import RemoteCodeError
from hil.recording.interfaces import END_OF_OUTPUT

STAMPS = """
import machine, time
from array import array
def lateness(n, period_ms, hard):
    # Stamps of a periodic timer against its own grid, in us of the board's clock.
    global stamps, origin, k
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
VIRTUAL = "clock=virtual"
WHOLE_US = "read_us=1,pin_us=1,entry_us=1"
"""Costs in whole microseconds, so that nothing depends on the fraction at which a test begins."""


class Board:
    """A running board with its raw REPL; in virtual time its clock is that of the test."""

    def __init__(self, knobs: str, root: Path | None = None) -> None:
        self.virtual = VirtualBoard(knobs, root=root, hold=knobs.startswith(VIRTUAL))
        try:
            self.repl = self.virtual.open_repl()
            self.clock = self.repl.clock
        except BaseException:
            self.virtual.stop()
            raise

    def enter(self, *, soft_reset: bool = False) -> Board:
        self.repl.enter(soft_reset=soft_reset)
        return self

    def exec(self, code: str, timeout: float = 60) -> str:
        return self.repl.exec(code, timeout_s=timeout).decode()

    def eval(self, code: str, result: str, timeout: float = 60) -> Any:
        """Run ``code``, then read the value of ``result``: numbers, tuples and lists of them."""
        return eval(self.exec(f"{code}\nprint(repr({result}))", timeout).splitlines()[-1])

    def late(self, n: int, period_ms: int = 3, hard: bool = True) -> list[int]:
        """Lateness of ``n`` activations of a periodic timer against its own grid, in us."""
        return self.eval(STAMPS, f"lateness({n}, {period_ms}, {hard})")

    def start(self, code: str) -> None:
        """Let ``code`` run."""
        self.repl.start(code)

    def sleep(self, seconds: float) -> None:
        """Let time pass on the board, exactly so much in virtual time."""
        self.clock.sleep(seconds)

    def type(self, data: bytes) -> None:
        """Send ``data`` to the running program."""
        self.repl.write(data)

    def ended(self, timeout: float = 60) -> tuple[str, str]:
        """What the started program printed until its end, and the traceback that it ended with."""
        deadline = self.repl.deadline(timeout)
        out = bytearray()
        while END_OF_OUTPUT not in out:
            assert not deadline.expired, bytes(out[-200:])
            out += self.repl.read(min(0.2, max(0.0, deadline.remaining_s)))
        out, _, rest = out.partition(END_OF_OUTPUT)
        self.repl.unread(bytes(rest))
        try:
            self.repl.end_of_program(deadline)
        except RemoteCodeError as error:
            return out.decode(), error.traceback
        return out.decode(), ""

    def close(self) -> None:
        self.repl.close()
        self.virtual.stop()


@pytest.fixture
def boards() -> Iterator[Callable[..., Board]]:
    """Start boards with all their knobs; they end with the test."""
    with contextlib.ExitStack() as stack:

        def start(knobs: str = "", root: Path | None = None) -> Board:
            board = Board(knobs, root)
            stack.callback(board.close)
            return board

        yield start


@pytest.fixture
def start(boards: Callable[..., Board]) -> Callable[..., Board]:
    """Start boards in virtual time."""
    return lambda knobs="", root=None: boards(f"{VIRTUAL},{knobs}", root)


@pytest.fixture
def board(start: Callable[..., Board]) -> Board:
    """A board in virtual time whose costs are whole microseconds, in its raw REPL."""
    return start(WHOLE_US).enter()


@pytest.fixture
def start_real(boards: Callable[..., Board]) -> Callable[..., Board]:
    """Start boards on the host's clock."""
    return boards


@pytest.fixture
def real_board(boards: Callable[..., Board]) -> Board:
    """A board on the host's clock, in its raw REPL."""
    return boards().enter()
