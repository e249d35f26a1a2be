"""How many stamps of tasks have come, counted as the bytes arrive: for who watches, no figure."""

from __future__ import annotations

from hil.protocol.frames import FIRST, MARK, MAX_BLOCK, MAX_FRAME, read_word

_BLOCK = MARK + b"S"
_CHANNEL, _COUNT, _HEAD = 4, 6, 17
"""Where a block's channel and count are behind its ``~``, and how long it is at least."""


class StampCount:
    """Counts the values in blocks of channels below ``tasks``; a check of the frames is left out.

    What is wrong with a frame, the decoder finds out afterwards.
    """

    def __init__(self, tasks: int) -> None:
        self._tasks = tasks
        self._line = b""
        self.stamps = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        if b"\n" not in data:
            self._line = (self._line + data)[-MAX_FRAME:]
            return
        lines = (self._line + data).split(b"\n")
        self._line = lines.pop()[-MAX_FRAME:]
        for line in lines:
            at = line.rfind(_BLOCK)
            if at < 0 or len(line) < at + _HEAD:
                continue
            if 0 <= line[at + _CHANNEL] - FIRST < self._tasks:
                count = _word(line, at + _COUNT)
                if 1 <= count <= MAX_BLOCK:
                    self.stamps += count


def _word(line: bytes, at: int) -> int:
    try:
        return read_word(line, at)
    except ValueError:
        return 0
