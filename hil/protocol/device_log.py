"""Text that a board prints besides frames: in order, bounded, with its uncaught exceptions."""

from __future__ import annotations

import re
from copy import copy
from typing import TYPE_CHECKING

from hil.model.printable import escaped_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MAX_LOG_CHARACTERS = 4_000_000
MAX_LOG_LINE = 500
_MAX_LINES = 200_000
_RESERVE = 10_000  # characters of tracebacks that are kept when all room is taken
_MOST_UNCAUGHT = 20
_BEGINS = re.compile(
    r"Traceback \(most recent call last\):"
    r"|(uncaught|unhandled) exception in "
    r"|Task exception wasn't retrieved"
    r"|MemoryError:",
    re.IGNORECASE,
)
_MAY_BEGIN = re.compile(rb"traceback|uncaught|unhandled|task exc|memoryerror", re.IGNORECASE)
"""All that :data:`_BEGINS` matches, and little else: most lines are sorted out by it."""
_BELONGS = re.compile(r"\s|[A-Za-z_][A-Za-z0-9_.]*(:|$)")


class DeviceLog:
    """Lines of text in the order of their arrival.

    ``suspect`` marks a line that may be what is left of a frame: whether it is shown is decided
    when the stream has been read (:meth:`lines`).
    """

    def __init__(self) -> None:
        self._entries: list[tuple[str, int]] = []
        self._room = MAX_LOG_CHARACTERS
        self._left_out = 0
        self._reserve = _RESERVE
        self._in_traceback = False

    def add(self, text: bytes, suspect: int = -1) -> None:
        """Store one line; a too long one is shortened and marked."""
        if self._room <= 0 and not self._is_traceback(text):
            self._left_out += 1
            return
        line = escaped_bytes(text[:MAX_LOG_LINE])
        if len(text) > MAX_LOG_LINE:
            line += f" ... ({len(text) - MAX_LOG_LINE} more bytes)"
        self._room -= max(len(line) + 1, MAX_LOG_CHARACTERS // _MAX_LINES)
        self._entries.append((line, suspect))

    def _is_traceback(self, text: bytes) -> bool:
        # without room: whether this line still goes into the reserve
        if not self._in_traceback and _MAY_BEGIN.match(text) is None:
            return False
        line = text[:MAX_LOG_LINE].decode("latin-1")
        self._in_traceback = bool(
            _BEGINS.match(line) or (self._in_traceback and _BELONGS.match(line))
        )
        if self._in_traceback:
            self._reserve -= len(line) + 1
        return self._in_traceback and self._reserve > 0

    def copy(self) -> DeviceLog:
        """As it is now, to go on by itself."""
        twin = copy(self)
        twin._entries = self._entries[:]
        return twin

    def lines(self, is_frame: Callable[[int], bool]) -> tuple[str, ...]:
        """All lines but the suspects that turned out to be frames."""
        lines = [line for line, suspect in self._entries if suspect < 0 or not is_frame(suspect)]
        if self._left_out:
            lines.append(f"... ({self._left_out} more lines)")
        return tuple(lines)


def uncaught_exceptions(log: Sequence[str]) -> tuple[str, ...]:
    """The first exception that nobody caught on the board, by the lines that it printed.

    A callback of a timer, a pin or the scheduler, a thread and a task end in that way: the board
    prints the traceback and goes on without them. Empty when there is none; how many more
    followed is said in a line before the last, so that the last one names the exception. A
    KeyboardInterrupt is none: it is the harness's own Ctrl-C, which came while a callback ran.
    """
    blocks: list[list[str]] = []
    rest = iter(log)
    for line in rest:
        if not _BEGINS.match(line):
            continue
        block = [line]
        head = 1
        while not line.startswith("Traceback") and head < 4:  # what it happened in, first
            if line.startswith("MemoryError") or not (line := next(rest, "")):
                break
            block.append(line)
            head += 1
        while line.startswith("Traceback") or line[:1] in (" ", "\t"):
            line = next(rest, "")
            block.append(line)
        if not block[-1].startswith("KeyboardInterrupt"):
            blocks.append(block)
    if not blocks:
        return ()
    first = blocks[0][:_MOST_UNCAUGHT] + blocks[0][_MOST_UNCAUGHT:][-1:]
    if len(blocks) > 1:
        first.insert(-1, f"... (and {len(blocks) - 1} more like this)")
    return tuple(first)
