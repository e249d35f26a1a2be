"""The edges of an embedded board's pins in virtual time: in memory that the board shares.

The board notes every level, and while it is asked to every edge, at its own nanosecond. The
supervisor takes the edges where the board stops and puts them in a file: one number of 64 bits
each, ``ns * 64 + pin * 2 + level``.
"""

from __future__ import annotations

import ctypes
import mmap
import struct
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

ROOM = 65536
"""Edges that the board notes before it stops for them to be taken."""
EDGES_FILE = "edges"
"""Its name, beside the control socket."""
MAX_EDGES = 20_000_000
"""In one file; what comes after them is only counted."""
EDGE = struct.Struct("<q")
_HEAD = 4096
_COUNT = slice(8, 16)
_CLOCK = slice(16, 32)
_LEVELS = 64
_PINS = 32
_PAIR = struct.Struct("<qq")


class SharedEdges:
    """The memory, and the file that edges go to while they are wanted."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _HEAD + EDGE.size * ROOM)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        self._file: IO[bytes] | None = None
        self._taken = 0  # of those in memory
        self.stored = self.left_out = 0
        """Edges in the file, and those that it has no room for."""

    def command(self, what: str, path: Path) -> str:
        """Do what the control socket is told; the answer is one line."""
        if what == "start":
            self.start(path)
        elif what == "stop":
            self.stop()
        elif what != "state":
            return "unknown command"
        board_us, ns = self.clock_pair
        return f"ok {self.levels.hex()} {board_us} {ns} {self.stored} {self.left_out}"

    def start(self, path: Path) -> None:
        """From now on every edge goes to a new file."""
        self.stop()
        self._file = path.open("wb")
        self.stored = self.left_out = 0
        self._taken = self._count
        self._memory[0] = 1

    def stop(self) -> None:
        """Take what there is; the file is whole then."""
        self._memory[0] = 0
        self.take()
        if self._file is not None:
            self._file.close()
        self._file = None

    def take(self) -> None:
        """Put what the board has noted into the file; it stands still."""
        first, self._taken = self._taken, self._count
        self._store(self._memory[_HEAD + EDGE.size * first : _HEAD + EDGE.size * self._taken])

    def gone_on(self) -> None:
        """The board begins its memory anew."""
        self._taken = 0
        self._memory[_COUNT] = bytes(EDGE.size)

    def switched_off(self, now_ns: int) -> None:
        """The VM has ended: what was high is low."""
        self.take()
        fallen = [pin for pin, level in enumerate(self.levels) if level]
        self._store(b"".join(EDGE.pack(now_ns * 64 + pin * 2) for pin in fallen))
        self._memory[_LEVELS : _LEVELS + _PINS] = bytes(_PINS)
        self.gone_on()

    @property
    def levels(self) -> bytes:
        """The level of every pin, 0 or 1."""
        return self._memory[_LEVELS : _LEVELS + _PINS]

    @property
    def clock_pair(self) -> tuple[int, int]:
        """What ``ticks_us`` showed when the board stopped last, and the ns since when it did."""
        board_us, ns = _PAIR.unpack(self._memory[_CLOCK])
        return board_us, ns

    @property
    def _count(self) -> int:
        return min(ROOM, max(0, int(EDGE.unpack(self._memory[_COUNT])[0])))

    def _store(self, edges: bytes) -> None:
        if self._file is None or not edges:
            return
        room = EDGE.size * (MAX_EDGES - self.stored)
        part = edges[: max(0, room)]
        self._file.write(part)
        self.stored += len(part) // EDGE.size
        self.left_out += (len(edges) - len(part)) // EDGE.size
