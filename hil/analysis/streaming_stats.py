"""Statistics of series that come a piece at a time, so that no array of their length is needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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


def mean_of(values: FloatArray | IntArray) -> float:
    """As ``values.mean()`` of an array (n,), to the last bit; quicker by far for short ones."""
    return float(np.add.reduce(values, dtype=np.float64)) / values.size


@dataclass(frozen=True, slots=True)
class Cells:
    """Means of equal stretches of a series, window by window.

    ``rows`` has one array for each window, of the means of stretches of ``size`` samples each;
    ``n`` is the number of samples, rests that fill no stretch counted too.
    """

    rows: tuple[FloatArray, ...]
    size: int
    n: int

    @classmethod
    def of(cls, series: FloatArray, starts: IntArray | None = None, cells: int = CELLS) -> Cells:
        """Of a series (n,) in an array; ``starts`` are the indices at which windows begin."""
        size = max(1, -(-series.size // cells))
        first = [0] if starts is None else [int(start) for start in starts]
        rows = []
        for start, end in zip(first, [*first[1:], series.size], strict=True):
            count = (end - start) // size
            part = series[start : start + count * size]
            if size == 1:
                rows.append(part.astype(np.float64))
            else:
                rows.append(part.reshape(count, size).mean(axis=1, dtype=np.float64))
        return cls(tuple(rows), size, int(series.size))

    @property
    def means(self) -> FloatArray:
        """All of them in one array."""
        return self.rows[0] if len(self.rows) == 1 else np.concatenate(self.rows)

    def less(self, expected: FloatArray) -> Cells:
        """The same less what was ``expected`` of each, (cells,)."""
        ends = np.cumsum([row.size for row in self.rows])[:-1]
        parts = np.split(expected, ends)
        rows = tuple(row - part for row, part in zip(self.rows, parts, strict=True))
        return Cells(rows, self.size, self.n)


class CellSums:
    """Sums over at most ``cells`` equal stretches of ``n`` values, none across a window's start.

    ``starts`` are the indices at which windows begin, the first of them 0. What fills no stretch at
    the end of a window is left out.
    """

    def __init__(self, n: int, cells: int = CELLS, starts: Sequence[int] = (0,)) -> None:
        self.n = n
        self._size = max(1, -(-n // cells))
        self._counts = []
        first = [np.zeros(0, np.int64)]
        for start, end in zip(starts, [*starts[1:], n], strict=True):
            self._counts.append((end - start) // self._size)
            # one more that takes the rest
            first.append(start + self._size * np.arange(self._counts[-1] + 1))
        self._first = np.concatenate(first)
        self._sums = np.zeros(self._first.size)
        self._at = 0

    def add(self, part: FloatArray) -> None:
        """The next values."""
        if not part.size:
            return
        start = self._at
        self._at += part.size
        low, after = np.searchsorted(self._first, (start, self._at - 1), side="right")
        edges = self._first[low - 1 : after] - start
        edges[0] = 0
        # a stretch for the rest may be empty: it begins where the next one does
        keep = np.append(np.diff(edges) > 0, True)
        self._sums[low - 1 : after][keep] += np.add.reduceat(part, edges[keep])

    @property
    def cells(self) -> Cells:
        """Means of the stretches, window by window."""
        rows, at = [], 0
        for count in self._counts:
            rows.append(self._sums[at : at + count] / self._size)
            at += count + 1
        return Cells(tuple(rows), self._size, self.n)

    @property
    def means(self) -> FloatArray:
        """Mean of each stretch."""
        return self.cells.means


class SquareSums:
    """Of ``n`` deviations: mean square, sum of fourth powers, and mean squares of stretches."""

    def __init__(self, n: int, starts: Sequence[int] = (0,)) -> None:
        self.n = n
        self.total = 0.0
        self.fourths = 0.0
        self._cells = CellSums(n, starts=starts)

    @classmethod
    def of(cls, squares: FloatArray, starts: Sequence[int] = (0,)) -> SquareSums:
        """From the squares themselves."""
        sums = cls(squares.size, starts)
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
    def cells(self) -> Cells:
        """Mean square of each stretch, window by window."""
        return self._cells.cells

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
