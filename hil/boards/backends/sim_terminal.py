"""The master's side of a virtual board's terminal: what the board says goes through its supervisor.

So the supervisor knows what was said before the board stopped, and how much it was.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import termios
from collections import deque


class Terminal:
    """A terminal that is written to without waiting; ``total`` counts what was sent."""

    def __init__(self, master: int, slave: int, selector: selectors.BaseSelector) -> None:
        self._fd = os.dup(master)
        self._slave = slave
        self._selector = selector
        self._rest: deque[bytes] = deque()
        os.set_blocking(self._fd, False)
        self.total = 0

    def write(self, data: bytes) -> None:
        """Send ``data`` behind what waits."""
        self.total += len(data)
        self._rest.append(data)
        self._flush()

    def forget(self) -> None:
        """Throw away what nobody has read."""
        self._rest.clear()
        self._watch(False)
        termios.tcflush(self._slave, termios.TCIFLUSH)

    def close(self) -> None:
        """Close this side's own descriptor."""
        with contextlib.suppress(OSError):
            os.close(self._fd)

    def _flush(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._rest:
                done = os.write(self._fd, self._rest[0])
                if done < len(self._rest[0]):
                    self._rest[0] = self._rest[0][done:]
                else:
                    self._rest.popleft()
        self._watch(bool(self._rest))

    def _watch(self, wanted: bool) -> None:
        if wanted != (self._fd in self._selector.get_map()):
            if wanted:
                self._selector.register(self._fd, selectors.EVENT_WRITE, self._flush)
            else:
                self._selector.unregister(self._fd)
