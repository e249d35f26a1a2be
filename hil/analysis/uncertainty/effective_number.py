"""How many independent samples the correlated ones of a capture are worth.

In the middle of a distribution the error of the share above a value tells it, see
:mod:`hil.analysis.uncertainty.correlated`. In the tail only a few samples lie above, and what
matters is whether they come one by one or several at a time: the extremal index, the reciprocal of
the mean number that come together (Leadbetter 1983).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from hil.analysis.streaming_stats import Cells
from hil.analysis.uncertainty.correlated import (
    long_run_variance,
    widened_by_windows,
    window_ratio,
)
from hil.analysis.uncertainty.distributions import normal_quantile, t_quantile
from hil.analysis.uncertainty.order_statistics import CONFIDENCE

if TYPE_CHECKING:
    from hil.analysis.uncertainty.order_statistics import Ranked
    from hil.model.captures import FloatArray, IntArray

_UPPER = (1.0 + CONFIDENCE) / 2
_Z = normal_quantile(_UPPER)
_FEW_ABOVE, _SOME_ABOVE = 4, 15
_CERTAINLY_UNEQUAL = 7.0
_BEYOND_CHANCE = 1.3 * _Z
_PERSISTENT, _ALIKE, _UNEQUAL = 1.64, 0.5, 3.0
_MOST_PER_SAMPLE = 50.0
_STRETCHES, _LONG = 64, 1 << 18
_NOISE_SAMPLE = 20_000


class Samples(Protocol):
    """Samples in the order of time, in one window or several."""

    @property
    def size(self) -> int:
        """How many."""

    @property
    def starts(self) -> IntArray:
        """Indices at which the windows begin, (windows,); the first is 0."""

    @property
    def ordered(self) -> Ranked:
        """The same, sorted."""

    def above(self, value: float) -> Cells:
        """Share of the samples above ``value`` in each of some 1024 stretches."""

    def some(self, indices: IntArray) -> FloatArray:
        """The samples at these indices."""


@dataclass(frozen=True, slots=True)
class Stretches:
    """A series in the order of time, (n,), that begins anew at the indices ``starts``."""

    series: FloatArray
    starts: IntArray
    ordered: FloatArray

    @classmethod
    def of(cls, series: FloatArray, starts: IntArray | None = None) -> Stretches:
        """Of a series in an array; one window unless ``starts`` says otherwise."""
        first = np.zeros(1, np.int64) if starts is None else starts
        return cls(series, first, np.sort(series))

    @classmethod
    def of_samples(cls, samples: Samples, slope: float = 0.0) -> Stretches:
        """Of samples less their drift of ``slope`` per sample from each window's start on.

        Of more than 260,000 samples 64 stretches are looked at, evenly spaced.
        """
        n, starts = samples.size, samples.starts
        indices = np.arange(min(n, _LONG))
        first = starts
        if n > _LONG:
            length = _LONG // _STRETCHES
            first = np.arange(_STRETCHES) * length
            begin = np.linspace(0, n - length, _STRETCHES).astype(np.int64)
            indices = (begin[:, None] + np.arange(length)).reshape(-1)
        series = samples.some(indices)
        if slope:
            window = np.searchsorted(starts, indices, side="right") - 1
            series = series - slope * (indices - starts[window])
        return cls.of(series, first)

    @property
    def size(self) -> int:
        """How many samples."""
        return int(self.series.size)


def extremal_index(positions: IntArray, n: int, gap: int) -> float:
    """Reciprocal mean size of the clusters in which the samples at ``positions`` of ``n`` come.

    The estimate of Suveges and Davison (Annals of Applied Statistics 4, 2010, section 3) where
    samples of one cluster are at most ``gap`` apart, less the share of neighbours that come so
    close by chance.
    """
    share = positions.size / n
    if positions.size < 3:
        return 1.0
    apart = np.maximum(np.diff(positions) - gap, 0) * share
    inside = int(np.count_nonzero(apart == 0.0))
    between, total = apart.size - inside, float(apart.sum())
    if not between:
        return 1.0 / positions.size
    middle = total + inside + 2 * between
    root = math.sqrt(max(0.0, middle * middle - 8.0 * between * total))
    index = 2.0 * between / middle if total == 0.0 else (middle - root) / (2.0 * total)
    return float(min(1.0, index / (1.0 - gap * share)))


def tail_number(look: Stretches, share: float) -> float:
    """Independent samples per sample, at most 1, for what lies above the upper ``share``.

    The least of what several levels tell, ``share``, twice that, and so on: as far as eight times
    the share, 30 samples above, and what three independent samples would exceed. At each counts in
    how large clusters the samples above come, at several scales, and from 15 of them on by how much
    their number varies, within windows and from window to window.
    """
    n = look.size
    best, level, done = 1.0, share, 0
    while level <= 0.5:
        count = math.ceil(level * n)
        if count >= n or level > max(8.0 * share, 30.0 / n, 4.5 / (n * best)):
            break
        level *= 2.0
        above = look.series > look.ordered[n - 1 - count]
        if 2 * np.count_nonzero(above) < count:  # nearly all of them are equal
            above = look.series >= look.ordered[n - 1 - count]
        positions = np.flatnonzero(above)
        if positions.size == n:
            break
        if positions.size < _FEW_ABOVE or positions.size == done:
            continue
        done = int(positions.size)
        gap = 1
        while gap == 1 or gap * done <= 0.1 * n:
            if gap * done > 0.3 * n:
                break
            best = min(best, extremal_index(positions, n, gap))
            gap *= 2
        if done >= _SOME_ABOVE:
            best = min(best, 1.0 / _excess(above, look.starts, done / n))
    return max(best, len(look.starts) / n)


def _excess(above: IntArray, starts: IntArray, share: float) -> float:
    """Variance of the number above against that of independent samples, if beyond chance."""
    cells = Cells.of(above.astype(np.float64), starts)
    variance, dof = long_run_variance(cells)
    independent = share * (1.0 - share)
    ratio, windows = variance / independent, len(cells.rows)
    excess = 1.0
    if ratio > 1.0 + _BEYOND_CHANCE * math.sqrt(2.0 / dof):
        excess = ratio
    between = window_ratio(cells, max(excess * independent, variance))
    if between > _CERTAINLY_UNEQUAL:
        excess = max(excess, ratio)
        wider = widened_by_windows(between, dof, windows) * t_quantile(_UPPER, dof) / _Z
        excess *= wider * wider
    return excess


def middle_number(samples: Samples, look: Stretches, value: float, slope: float = 0.0) -> float:
    """How many independent samples the share above ``value`` is worth.

    ``look`` is what :meth:`Stretches.of_samples` gives for the same samples and ``slope``. The
    variance of the share is the larger one of that which its lowest cosines tell and that of a
    first-order autoregression with the correlation of neighbours (of the indicator, of the ranks):
    in a short capture the cosines do not reach as low as a slow error goes.
    """
    n = samples.size
    cells = samples.above(value)
    means = cells.means
    share = float(means.mean())
    independent = share * (1.0 - share)
    if independent <= 0.0:
        return float(n)
    chance = independent
    if slope:
        expected = _expected(cells, look, value, slope)
        chance = float(np.mean(expected * (1.0 - expected)))
        cells = cells.less(expected)
    variance, dof = long_run_variance(cells)
    between = window_ratio(cells, variance)
    if math.isinf(between):  # each window is whole on one side: they are the samples
        return float(len(cells.rows))
    level = look.ordered[min(look.size - 1, int((1.0 - share) * look.size))] if slope else value
    ranks = np.searchsorted(look.ordered, look.series).astype(np.float64)
    for series in ((look.series > level).astype(np.float64), ranks):
        root = _neighbours(series, look.starts)
        if root > _PERSISTENT / math.sqrt(look.size):
            variance = max(variance, chance * (1.0 + root) / (1.0 - root))
    between = window_ratio(cells, variance)
    wider = widened_by_windows(between, dof, len(cells.rows))
    wider *= t_quantile(_UPPER, dof) / _Z
    excess = variance / independent * wider * wider
    return float(n / max(excess, 1.0 / _MOST_PER_SAMPLE))


def _neighbours(series: FloatArray, starts: IntArray) -> float:
    """Correlation of neighbours within windows, its bias in short ones taken off; below 1."""
    above = below = 0.0
    for start, end in zip(starts, [*starts[1:], series.size], strict=True):
        away = series[start:end] - series[start:end].mean()
        above += float(np.dot(away[1:], away[:-1]))
        below += float(np.dot(away, away))
    if below <= 0.0:
        return 0.0
    root = above / below
    # Marriott and Pope, Biometrika 41 (1954)
    return min(root + (1.0 + 3.0 * root) * len(starts) / series.size, 0.999)


def slow_number(look: Stretches) -> float:
    """Independent samples per sample, at most 1, where neighbours or whole windows are alike.

    What the tail can't show in a short capture: a correlation of neighbours' ranks above 1/2, and
    windows whose mean ranks differ beyond chance.
    """
    ranks = np.searchsorted(look.ordered, look.series).astype(np.float64)
    number = 1.0
    root = _neighbours(ranks, look.starts)
    if root > _ALIKE:
        number = min(number, 2.0 * (1.0 - root) / (1.0 + root))
    spread = float(ranks.var())
    if len(look.starts) > 1 and spread > 0.0:
        cells = Cells.of(ranks, look.starts)
        variance, dof = long_run_variance(cells)
        between = window_ratio(cells, variance)
        if math.isinf(between):
            return len(cells.rows) / look.size
        if between > _UNEQUAL:
            wider = widened_by_windows(between, dof, len(cells.rows))
            number = min(number, spread / (variance * wider * wider))
    return max(number, 1.0 / look.size)


def _expected(cells: Cells, look: Stretches, value: float, slope: float) -> FloatArray:
    """Share above ``value`` in each cell if the series were its drift plus stationary noise."""
    noise = look.ordered[:: max(1, look.size // _NOISE_SAMPLE)]
    parts = []
    for row in cells.rows:
        centre = (np.arange(row.size) + 0.5) * cells.size - 0.5
        below = np.searchsorted(noise, value - slope * centre, side="right")
        parts.append(1.0 - below / noise.size)
    return np.concatenate(parts)
