"""Statistics of series that come a piece at a time, so that no array of their length is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.model.captures import FloatArray, IntArray

PIECE = 1 << 15
"""Samples worked on at a time: a few such arrays stay in the processor's cache."""
WHOLE_BELOW = 1_000_000
"""With fewer samples than this, one array of them all is kept where that is faster."""
DOT = 1 << 13
"""Longest array for one call of numpy's dot: for longer ones its library wakes other threads."""
CELLS = 1024


def pieces(n: int, size: int = PIECE) -> Iterator[tuple[int, int]]:
    """``(start, end)`` of the pieces of ``n`` samples."""
    for start in range(0, n, size):
        yield start, min(start + size, n)


def dot(a: FloatArray, b: FloatArray) -> float:
    """Sum of the products of two arrays (n,)."""
    ends = range(0, a.size, DOT)
    return float(sum(np.dot(a[at : at + DOT], b[at : at + DOT]) for at in ends))


class CellSums:
    """Sums over at most ``cells`` equal stretches of ``n`` values; the rest is left out."""

    def __init__(self, n: int, cells: int = CELLS) -> None:
        self.n = n
        self._size = max(1, -(-n // cells))
        self._sums = np.zeros(n // self._size)
        self._at = 0

    def add(self, part: FloatArray) -> None:
        """The next values."""
        start = self._at
        self._at += part.size
        part = part[: max(0, self._sums.size * self._size - start)]
        if not part.size:
            return
        first, last = start // self._size, (start + part.size - 1) // self._size
        edges = np.arange(first, last + 1) * self._size - start
        edges[0] = 0
        self._sums[first : last + 1] += np.add.reduceat(part, edges)

    @property
    def means(self) -> FloatArray:
        """Mean of each stretch."""
        result: FloatArray = self._sums / self._size
        return result


class SquareSums:
    """Of ``n`` deviations: mean square, sum of fourth powers, and mean squares of stretches."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.total = 0.0
        self.fourths = 0.0
        self._cells = CellSums(n)

    @classmethod
    def of(cls, squares: FloatArray) -> SquareSums:
        """From the squares themselves."""
        sums = cls(squares.size)
        sums.add_squares(squares)
        return sums

    def add(self, deviations: FloatArray) -> None:
        """The next deviations; their array is used up."""
        self.add_squares(np.square(deviations, out=deviations))

    def add_squares(self, squares: FloatArray) -> None:
        """The next squares."""
        self.total += float(squares.sum())
        self.fourths += dot(squares, squares)
        self._cells.add(squares)

    @property
    def mean(self) -> float:
        """Mean square; 0 for nothing."""
        return self.total / self.n if self.n else 0.0

    @property
    def cell_means(self) -> FloatArray:
        """Mean square of each stretch."""
        return self._cells.means


class Extremes:
    """Least and greatest value of a series, and the first index of each."""

    def __init__(self) -> None:
        self.low, self.high = np.inf, -np.inf
        self.low_at = self.high_at = -1

    def add(self, part: FloatArray, start: int, indices: IntArray | None = None) -> None:
        """The next values: at ``start`` and so on, or at ``start + indices``."""
        if not part.size:
            return
        low, high = int(part.argmin()), int(part.argmax())
        if part[low] < self.low:
            self.low = float(part[low])
            self.low_at = start + (low if indices is None else int(indices[low]))
        if part[high] > self.high:
            self.high = float(part[high])
            self.high_at = start + (high if indices is None else int(indices[high]))

    @property
    def spread(self) -> float:
        """Peak to peak."""
        return self.high - self.low

    @property
    def farthest_at(self) -> int:
        """Index of the value farthest from zero."""
        return self.high_at if self.high >= -self.low else self.low_at
