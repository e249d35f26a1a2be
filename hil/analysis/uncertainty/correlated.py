"""Bounds that hold under correlation: means and root mean squares, of one window or several.

The samples of one capture are correlated, so the variance of a mean is not variance / n. It is
taken from the lowest cosine components of the series (equal-weighted cosines; Mueller 2007,
Lazarus, Lewis, Stock & Watson 2018, eq. 5), with Student's t for the number of components. Against
the moving-block bootstrap in ``tools/coverage.py`` this holds better at small n, needs
no random numbers and costs O(n): the series is first averaged to at most :data:`CELLS` cells.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.metric_sheet import Bounds
from hil.analysis.streaming_stats import CELLS, Cells, SquareSums, mean_of
from hil.analysis.uncertainty.distributions import normal_quantile, t_quantile
from hil.analysis.uncertainty.order_statistics import CONFIDENCE

if TYPE_CHECKING:
    from hil.model.captures import FloatArray, IntArray

FEW = 8
CARRIERS, CARRIERS_SHARE = 150.0, 3.5
OUTLIERS = Bounds(why_not="rests on a few outliers; a longer capture would give an upper bound")


def cell_means(series: FloatArray, cells: int = CELLS) -> FloatArray:
    """Means of at most ``cells`` equal stretches of ``series``; a rest at the end is left out."""
    return Cells.of(series, cells=cells).means


@lru_cache(maxsize=64)
def _cosines(cells: int) -> FloatArray:
    parts = max(4, int(0.4 * cells ** (2 / 3)))
    time = (np.arange(cells) + 0.5) / cells
    waves = np.cos(np.pi * np.outer(np.arange(1, parts + 1), time))
    result: FloatArray = waves * math.sqrt(2.0 / cells)
    return result


@dataclass(frozen=True, slots=True)
class MeanError:
    """Standard error of a mean and the degrees of freedom that it was estimated with.

    ``widening`` is what the variation between windows makes the interval wider by.
    """

    standard: float
    dof: int
    widening: float = 1.0

    def half_width(self, confidence: float = CONFIDENCE) -> float:
        """Half the width of the interval."""
        return t_quantile((1.0 + confidence) / 2, self.dof) * self.standard * self.widening


def mean_error(
    series: FloatArray, cells: int = CELLS, memory: int = 0, starts: IntArray | None = None
) -> MeanError:
    """Error of ``series.mean()`` as an estimate of the process mean, correlation included.

    ``memory`` is the number of samples over which neighbours are known to be correlated
    (overlapping windows): only cosines much slower than that are used then. ``starts`` are the
    indices at which the windows of the series begin.
    """
    return error_of_cells(Cells.of(series, starts, cells), memory)


def error_of_cells(cells: Cells, memory: int = 0) -> MeanError:
    """As :func:`mean_error`, from the means of equal stretches."""
    variance, dof = long_run_variance(cells, memory)
    ratio = window_ratio(cells, variance)
    widening = widened_by_windows(ratio, dof, len(cells.rows))
    used = sum(row.size for row in cells.rows) * cells.size
    return MeanError(math.sqrt(variance / max(used, 1)), dof, widening)


FEWEST_CELLS = 5
_TOO_UNEQUAL = 2.6


def long_run_variance(cells: Cells, memory: int = 0) -> tuple[float, int]:
    """What ``n`` times the variance of the mean of ``n`` samples tends to, and its dof.

    The mean square of the lowest cosine components of every window about the window's own mean.
    Where the lower half of them differs from the upper (a correlation that is longer than the
    upper ones see, an interference in their range) the lower half alone is used.
    """
    rows = [row for row in cells.rows if row.size >= FEWEST_CELLS] or [cells.means]
    powers = []
    for row in rows:
        parts = _cosines(row.size) @ (row - mean_of(row))
        powers.append(np.square(parts))
    count = min(power.size for power in powers)
    if memory:
        most = cells.n // (2 * memory * len(rows))
        count = max(4, min(count, most))
    power = np.sum([power[:count] for power in powers], axis=0) / len(rows)
    while count >= 2 * FEWEST_CELLS - 2:
        half = count // 2
        low, high = mean_of(power[:half]), mean_of(power[half:count])
        noise = math.sqrt(2.0 / (len(rows) * half) + 2.0 / (len(rows) * (count - half)))
        if low <= 0.0 or high <= 0.0 or abs(math.log(low / high)) <= _TOO_UNEQUAL * noise:
            break
        count = half
    return mean_of(power[:count]) * cells.size, count * len(rows)


def window_ratio(cells: Cells, variance: float) -> float:
    """Variance of the windows' means over what the variance within them explains; 0 for one."""
    if len(cells.rows) < 2:
        return 0.0
    weights = np.array([row.size for row in cells.rows], dtype=np.float64)
    means = np.array([row.mean() if row.size else 0.0 for row in cells.rows])
    middle = float(np.dot(weights, means) / weights.sum())
    between = float(np.dot(weights, np.square(means - middle)))
    between *= cells.size / (len(cells.rows) - 1)
    if variance > 0.0:
        return between / variance
    return math.inf if between > 0.0 else 0.0


_UNSEEN, _PLAIN = 0.8, 3.0


def widened_by_windows(ratio: float, dof: float, windows: int, confidence: float = 0.95) -> float:
    """How much wider than its windows' own error the interval of a mean must be.

    ``ratio`` as :func:`window_ratio` gives it, 1 in the mean where windows differ by chance. From 3
    on only the windows' means count: Student's t for ``windows - 1`` degrees of freedom. Below 0.8
    they tell of no variation of their own, and between the two the interval grows steadily. With
    three windows this holds the mean in at least 92 % for any variation between them, and makes
    the interval a quarter wider where there is none.
    """
    if windows < 2 or ratio <= _UNSEEN:
        return 1.0
    upper = (1.0 + confidence) / 2
    plain = t_quantile(upper, windows - 1) / t_quantile(upper, dof)
    if ratio >= _PLAIN:
        return max(1.0, plain * math.sqrt(ratio))
    part = math.log(ratio / _UNSEEN) / math.log(_PLAIN / _UNSEEN)
    return max(1.0, float((plain * math.sqrt(_PLAIN)) ** part))


def rms_bounds(
    squares: FloatArray | SquareSums, lost_dof: int, clock_variance: float, memory: int = 0
) -> Bounds:
    """Bounds of ``sqrt(E[squares])`` for a series of squared deviations, or what is known of them.

    On the log scale, where the estimate of a variance is nearly symmetric. ``lost_dof`` counts
    fitted parameters; ``clock_variance`` is what the clock's step adds to the mean square
    (step**2/6 per interval). A step that is not small against the figure hides up to step/2.
    Where fewer than 150 samples carry the sum (``(sum y)**2 / sum y**2``), or fewer than one in 3.5
    of a short series, only a lower end is given.
    """
    sums = squares if isinstance(squares, SquareSums) else SquareSums.of(squares)
    n = sums.n
    if n < FEW:
        return Bounds(why_not=f"needs {FEW} samples for bounds")
    mean = sums.mean * n / (n - lost_dof)
    if mean <= 3.0 * clock_variance:
        return Bounds(0.0, math.sqrt(mean + 3.0 * clock_variance))
    carriers = (mean * n) ** 2 / sums.fourths
    error = error_of_cells(sums.cells, memory)
    if carriers < min(CARRIERS, n / CARRIERS_SHARE):
        # the sum of few is skewed: too small more often than too large, so that its lower end holds
        least = mean - clock_variance
        least *= math.exp(-error.half_width(2.0 * CONFIDENCE - 1.0) / mean)
        return replace(OUTLIERS, lo=math.sqrt(min(least, sums.mean)))
    width = error.half_width() / mean
    value = mean * (n - lost_dof) / n
    true = mean - clock_variance
    low = math.sqrt(min(value, true * math.exp(-width)))
    high = math.sqrt(max(value, true * math.exp(width)))
    return Bounds(low, high)


def effective_samples(above: FloatArray, expected: FloatArray, n: int, quantile: float) -> float:
    """How many independent samples the indicator "above the percentile" is worth.

    ``above`` (cells,) is the share above the percentile in each cell, ``expected`` what a drift
    alone would make of it. Where only few samples lie above, an estimate that does not differ
    from independence beyond its own noise is not used.
    """
    rest = above - expected
    error = mean_error(rest)
    independent = quantile * (1.0 - quantile) / n
    ratio = error.standard**2 / independent if independent else 1.0
    z = normal_quantile((1.0 + CONFIDENCE) / 2)
    noise = math.sqrt(2.0 / error.dof) * z
    tail = n * min(quantile, 1.0 - quantile)
    if tail < 30 and ratio < 1.0 + noise * 1.3:
        return float(n)
    ratio *= (t_quantile((1.0 + CONFIDENCE) / 2, error.dof) / z) ** 2
    return float(n / max(ratio, 0.02))
