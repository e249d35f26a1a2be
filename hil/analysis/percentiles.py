"""Percentiles of a correlated series with order-statistics bounds."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Protocol

import numpy as np

from hil.analysis import limits
from hil.analysis.activations import Activations, lateness_us
from hil.analysis.estimates import Bounds, Sheet
from hil.analysis.passes import CellSums, pieces
from hil.analysis.ranked import Counted, Ranked, Sorted
from hil.analysis.uncertainty import (
    FloatArray,
    cell_means,
    effective_samples,
    percentile,
)
from hil.records import IntArray

_SAMPLE = 20_000
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

    def some(self, places: IntArray) -> FloatArray:
        """The samples at these places."""


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

    def some(self, places: IntArray) -> FloatArray:
        """The samples at these places."""
        return self._series[places]


class LateSamples:
    """The lateness of a long capture, less ``cost_us``; ``low`` to ``high`` is its range.

    The clock counts whole microseconds, so that all that sorting could tell is how often each of a
    few thousand values came.
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

    def some(self, places: IntArray) -> FloatArray:
        """The samples at these places."""
        stamps, releases = self._task.some(places)
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


def add_percentiles(
    sheet: Sheet,
    prefix: str,
    series: FloatArray | Samples,
    *,
    step_us: float,
    common: bool = True,
    slope: float = 0.0,
    unbounded: str | None = None,
    floor: float | None = None,
    note: str | None = None,
    method: str | None = None,
) -> None:
    """Add ``<prefix>_p50_us`` and so on, as far as the number of samples supports them.

    ``series`` (n,) us in the order of time. ``slope`` is a known drift per sample, whose part in
    the spread is certain and therefore kept out of the bounds. ``common`` says that all samples
    share one clock reading (see ``percentile``). ``unbounded`` is the reason when
    the series has no fixed distribution, and then no bounds are given. No figure or bound lies
    below ``floor``: a latency can't be negative, only smaller than the clock can tell.
    """
    samples = ArraySamples(series) if isinstance(series, np.ndarray) else series
    ordered, n = samples.ordered, samples.size
    for name, quantile in limits.PERCENTILES:
        metric = f"{prefix}_{name}_us"
        refusal = limits.percentile_refusal(name, quantile, n)
        if refusal:
            sheet.refuse(metric, refusal, method=method)
            continue
        effective = float(n)
        if not unbounded:
            plain = ordered.at(math.ceil(quantile * n) - 1)
            effective = _effective(samples, plain, quantile, slope, step_us)
        value, bounds = percentile(ordered, quantile, effective, step_us, common)
        if unbounded:
            bounds = Bounds(why_not=unbounded)
        if floor is not None:
            value = max(value, floor)
            lo, hi = (None if end is None else max(end, floor) for end in (bounds.lo, bounds.hi))
            bounds = replace(bounds, lo=lo, hi=hi)
        worth = None if unbounded else effective
        sheet.add(metric, value, n, bounds, note=note, method=method, n_effective=worth)


def _effective(
    samples: Samples, value: float, quantile: float, slope: float, step_us: float
) -> float:
    ordered, n = samples.ordered, samples.size
    above = samples.share_above(value)
    expected = np.full(above.size, float(above.mean()))
    span = abs(slope) * n
    if span > 0.2 * (ordered.at(-1) - ordered.at(0)) and span > step_us:
        expected = _expected(samples, value, slope, above.size)
    return effective_samples(above, expected, n, quantile)


def _expected(samples: Samples, value: float, slope: float, cells: int) -> FloatArray:
    """Share above ``value`` in each cell if the series were its drift plus stationary noise."""
    size = max(1, -(-samples.size // cells))
    centre = (np.arange(cells) + 0.5) * size - 0.5
    place = np.arange(0, samples.size, max(1, samples.size // _SAMPLE))
    noise = np.sort(samples.some(place) - slope * place)
    below = np.searchsorted(noise, value - slope * centre, side="right")
    result: FloatArray = 1.0 - below / noise.size
    return result
