"""An array that grows where it is: no second copy, and no more memory than its values take."""

from __future__ import annotations

import contextlib
import mmap
import sys

import numpy as np

from hil.records import IntArray

_GROWTH = 1 << 21
_LARGE = 1 << 19


class GrowingArray:
    """int64 values, one stretch behind the other."""

    def __init__(self) -> None:
        self._values: IntArray = np.empty(0, np.int64)
        self._filled = 0
        self._pages: mmap.mmap | None = None

    def room(self, count: int) -> IntArray:
        """The next ``count`` places, to be filled now and not to be kept."""
        end = self._filled + count
        if end > self._values.size:
            self._grow(end + min(end, _GROWTH))
        room = self._values[self._filled : end]
        self._filled = end
        return room

    def give(self) -> IntArray:
        """All values; the array is empty afterwards."""
        values = self._values[: self._filled]
        self._values, self._filled, self._pages = np.empty(0, np.int64), 0, None
        return values

    def _grow(self, size: int) -> None:
        """The system moves the pages of a large array, it does not copy them.

        On Linux they are asked for in large pages: touching small ones for the first time takes
        longer than decoding what goes there.
        """
        if sys.platform != "linux" or size < _LARGE:
            self._values.resize(size, refcheck=False)
            return
        size_bytes = 8 * size
        if self._pages is not None:
            self._values = np.empty(0, np.int64)  # a map that is looked at can't be moved
            self._pages.resize(size_bytes)
            self._values = np.frombuffer(self._pages, np.int64)
            return
        kind = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        self._pages = mmap.mmap(-1, size_bytes, flags=kind)
        with contextlib.suppress(OSError):  # a kernel without them
            self._pages.madvise(mmap.MADV_HUGEPAGE)
        values = np.frombuffer(self._pages, np.int64)
        values[: self._filled] = self._values[: self._filled]
        self._values = values
