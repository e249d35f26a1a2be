"""Samples in the order of time and in that of their size: in an array, or counted in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from hil.analysis.activations import lateness_us
from hil.analysis.streaming_stats import CellSums, pieces
from hil.analysis.uncertainty.correlated import cell_means
from hil.analysis.uncertainty.order_statistics import Counted, Sorted

if TYPE_CHECKING:
    from hil.analysis.activations import Activations
    from hil.analysis.uncertainty.order_statistics import Ranked
    from hil.model.captures import FloatArray, IntArray

_MOST_VALUES = 1 << 24


class Samples(Protocol):
    """Samples in the order of time."""

    @property
    def size(self) -> int:
        """How many."""

    @property
    def ordered(self) -> Ranked:
        """The same, sorted."""

    def share_above(self, value: float) -> FloatArray:
        """Share of the samples above ``value`` in each of at most ``CELLS`` stretches."""

    def some(self, indices: IntArray) -> FloatArray:
        """The samples at these indices."""


class ArraySamples:
    """Samples in an array."""

    def __init__(self, series: FloatArray) -> None:
        self._series = series
        self.ordered = Sorted(np.sort(series))

    @property
    def size(self) -> int:
        """How many."""
        return int(self._series.size)

    def share_above(self, value: float) -> FloatArray:
        """Share of the samples above ``value`` in each of at most ``CELLS`` stretches."""
        return cell_means((self._series > value).astype(np.float32))

    def some(self, indices: IntArray) -> FloatArray:
        """The samples at these indices."""
        return self._series[indices]


class LateSamples:
    """The lateness of a long capture, less ``cost_us``; ``low`` to ``high`` is its range.

    The clock counts whole microseconds, so a count of each of a few thousand values replaces the
    sorted array.
    """

    def __init__(self, task: Activations, cost_us: float, low: float, high: float) -> None:
        self._task = task
        self._cost_us = cost_us
        whole = float(task.period_us).is_integer() and high - low < _MOST_VALUES
        self.ordered: Ranked = self._count(int(low), int(high)) if whole else self._sort()

    @property
    def size(self) -> int:
        """How many."""
        return self._task.n

    def share_above(self, value: float) -> FloatArray:
        """Share of the samples above ``value`` in each of at most ``CELLS`` stretches."""
        sums = CellSums(self.size)
        for start, end in pieces(self.size):
            sums.add((self._part(start, end) > value).astype(np.float64))
        return sums.means

    def some(self, indices: IntArray) -> FloatArray:
        """The samples at these indices."""
        stamps, releases = self._task.some(indices)
        return stamps - releases * self._task.period_us - self._cost_us

    def _part(self, start: int, end: int) -> FloatArray:
        late = lateness_us(self._task, start, end)
        late -= self._cost_us
        return late

    def _count(self, low: int, high: int) -> Ranked:
        counts = np.zeros(high - low + 1, np.int64)
        for start, end in pieces(self.size):
            late = lateness_us(self._task, start, end).astype(np.int64)
            least = int(late.min())
            some = np.bincount(late - least)
            counts[least - low : least - low + some.size] += some
        return Counted(low, counts, self._cost_us)

    def _sort(self) -> Ranked:
        whole = np.empty(self.size)
        for start, end in pieces(self.size):
            whole[start:end] = self._part(start, end)
        whole.sort()
        return Sorted(whole)
