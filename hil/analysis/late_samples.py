"""Samples in the order of time and in that of their size: in an array, or counted in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.activations import lateness_us
from hil.analysis.streaming_stats import WHOLE_BELOW, Cells, CellSums, pieces
from hil.analysis.uncertainty.order_statistics import Counted, Sorted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hil.analysis.activations import Activations
    from hil.analysis.missed_releases import MissedReleases
    from hil.analysis.uncertainty.effective_number import Samples
    from hil.analysis.uncertainty.order_statistics import Ranked
    from hil.model.captures import FloatArray, IntArray

_MOST_VALUES = 1 << 24


class ArraySamples:
    """Samples in an array."""

    def __init__(self, series: FloatArray, starts: Sequence[int] = (0,)) -> None:
        self._series = series
        self.starts = np.array(starts, np.int64)
        self.ordered = Sorted(np.sort(series))

    @property
    def size(self) -> int:
        """How many."""
        return int(self._series.size)

    def above(self, value: float) -> Cells:
        """Share of the samples above ``value`` in each of some ``CELLS`` stretches."""
        return Cells.of((self._series > value).astype(np.float32), self.starts)

    def some(self, indices: IntArray) -> FloatArray:
        """The samples at these indices."""
        return self._series[indices]


def lateness_samples(
    task: Activations, missed: MissedReleases, cost_us: float, low: float, high: float
) -> Samples:
    """The lateness of each release of ``task``, less ``cost_us``, and of the ``missed`` ones.

    ``low`` to ``high`` is the range of the activations' lateness. A long capture is not held as one
    array of these.
    """
    if task.n + missed.n >= WHOLE_BELOW:
        return LateSamples(task, cost_us, low, high, missed)
    late = lateness_us(task)
    if missed.n:
        late = np.insert(late, missed.places, missed.waited_us)
    return ArraySamples(late - cost_us, _sample_starts(task, missed.places).tolist())


def _sample_starts(task: Activations, places: IntArray) -> IntArray:
    """Where windows begin among activations and missed releases: one just before is the later's."""
    return task.begins + np.searchsorted(places, task.begins)


class LateSamples:
    """The lateness of a long capture, less ``cost_us``; ``low`` to ``high`` is its range.

    ``missed`` releases are among them in their places. The clock counts whole microseconds, so a
    count of each of a few thousand values replaces the sorted array.
    """

    def __init__(
        self,
        task: Activations,
        cost_us: float,
        low: float,
        high: float,
        missed: MissedReleases | None = None,
    ) -> None:
        self._task = task
        self._cost_us = cost_us
        self._places = np.empty(0, np.int64) if missed is None else missed.places
        self._waited_us = np.empty(0) if missed is None else missed.waited_us
        self.starts = _sample_starts(task, self._places)
        if self._places.size:
            high = max(high, float(self._waited_us.max()))
        whole = float(task.period_us).is_integer() and high - low < _MOST_VALUES
        self.ordered: Ranked = self._count(int(low), int(high) + 1) if whole else self._sort()

    @property
    def size(self) -> int:
        """How many."""
        return self._task.n + int(self._places.size)

    def above(self, value: float) -> Cells:
        """Share of the samples above ``value`` in each of some ``CELLS`` stretches."""
        sums = CellSums(self.size, starts=self.starts.tolist())
        for part in self._parts():
            sums.add((part - self._cost_us > value).astype(np.float64))
        return sums.cells

    def some(self, indices: IntArray) -> FloatArray:
        """The samples at these indices."""
        positions = self._places + np.arange(self._places.size)
        before = np.searchsorted(positions, indices)
        is_missed = np.append(positions, -1)[before] == indices
        at = np.minimum(indices - before, self._task.n - 1)
        stamps, releases = self._task.some(at)
        late = stamps - releases * self._task.period_us
        late = np.where(is_missed, np.append(self._waited_us, 0.0)[before], late)
        return late - self._cost_us

    def _parts(self) -> Iterator[FloatArray]:
        """All samples in the order of time, ``cost_us`` not taken off, a piece at a time."""
        n = self._task.n
        for start, end in pieces(n):
            late = lateness_us(self._task, start, end)
            first, last = np.searchsorted(self._places, (start, end + (end == n))).tolist()
            if first < last:
                places = self._places[first:last] - start
                late = np.insert(late, places, self._waited_us[first:last])
            yield late

    def _count(self, low: int, high: int) -> Ranked:
        counts = np.zeros(high - low + 1, np.int64)
        for part in self._parts():
            late = part.astype(np.int64)
            least = int(late.min())
            some = np.bincount(late - least)
            counts[least - low : least - low + some.size] += some
        return Counted(low, counts, self._cost_us)

    def _sort(self) -> Ranked:
        whole = np.concatenate(list(self._parts()))
        whole -= self._cost_us
        whole.sort()
        return Sorted(whole)
