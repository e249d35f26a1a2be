"""Bounds that hold under correlation: means, root mean squares, percentiles.

The samples of one capture are correlated, so the variance of a mean is not variance / n. It is
taken from the lowest cosine components of the series (equal-weighted cosines; Mueller 2007,
Lazarus, Lewis, Stock & Watson 2018, eq. 5), with Student's t for the number of components. Against
the moving-block bootstrap in ``tools/coverage.py`` this holds better at small n, needs
no random numbers and costs O(n): the series is first averaged to at most :data:`CELLS` cells.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hil.analysis.distributions import normal_quantile, quantile_ranks, t_quantile
from hil.analysis.estimates import Bounds
from hil.analysis.limits import CONFIDENCE
from hil.analysis.passes import CELLS, SquareSums
from hil.analysis.ranked import Ranked, Sorted

FloatArray = NDArray[np.float64]

FEW = 8
CARRIERS = 60.0
OUTLIERS = Bounds(why_not="rests on a few outliers; a longer capture would give bounds")


def cell_means(series: FloatArray, cells: int = CELLS) -> FloatArray:
    """Means of at most ``cells`` equal stretches of ``series``; a rest at the end is left out."""
    size = max(1, -(-series.size // cells))
    whole = series.size // size
    means: FloatArray = series[: whole * size].reshape(whole, size).mean(axis=1, dtype=np.float64)
    return means


@lru_cache(maxsize=16)
def _cosines(cells: int) -> FloatArray:
    parts = max(4, int(0.4 * cells ** (2 / 3)))
    time = (np.arange(cells) + 0.5) / cells
    waves = np.cos(np.pi * np.outer(np.arange(1, parts + 1), time))
    result: FloatArray = waves * math.sqrt(2.0 / cells)
    return result


@dataclass(frozen=True, slots=True)
class MeanError:
    """Standard error of a mean and the degrees of freedom that it was estimated with."""

    standard: float
    dof: int

    def half_width(self, confidence: float = CONFIDENCE) -> float:
        """Half the width of the interval."""
        return t_quantile((1.0 + confidence) / 2, self.dof) * self.standard


def mean_error(series: FloatArray, cells: int = CELLS, memory: int = 0) -> MeanError:
    """Error of ``series.mean()`` as an estimate of the process mean, correlation included.

    ``memory`` is the number of samples over which neighbours are known to hang together
    (overlapping windows): only cosines much slower than that are used then.
    """
    means = series if series.size <= cells else cell_means(series, cells)
    return error_of_cells(means, series.size, memory)


def error_of_cells(means: FloatArray, n: int, memory: int = 0) -> MeanError:
    """As :func:`mean_error`, from the means of equal stretches of ``n`` samples."""
    waves = _cosines(means.size)
    if memory:
        waves = waves[: max(4, min(len(waves), n // (2 * memory)))]
    parts = waves @ (means - means.mean())
    variance = float(np.dot(parts, parts)) / len(parts)
    return MeanError(math.sqrt(variance / means.size), len(parts))


def rms_bounds(
    squares: FloatArray | SquareSums, lost_dof: int, clock_variance: float, memory: int = 0
) -> Bounds:
    """Bounds of ``sqrt(E[squares])`` for a series of squared deviations, or what is known of them.

    On the log scale, where the estimate of a variance is nearly symmetric. ``lost_dof`` counts
    fitted parameters; ``clock_variance`` is what the clock's step adds to the mean square
    (step**2/6 per interval). A step that is not small against the figure hides up to step/2.
    Where fewer than 60 samples carry the sum (``(sum y)**2 / sum y**2``) no bounds are given.
    """
    sums = squares if isinstance(squares, SquareSums) else SquareSums.of(squares)
    n = sums.n
    if n < FEW:
        return Bounds(why_not=f"needs {FEW} samples for bounds")
    mean = sums.mean * n / (n - lost_dof)
    if mean <= 3.0 * clock_variance:
        return Bounds(0.0, math.sqrt(mean + 3.0 * clock_variance))
    carriers = (mean * n) ** 2 / sums.fourths
    if carriers < min(CARRIERS, n / 6.0):
        return OUTLIERS
    error = error_of_cells(sums.cell_means, n, memory)
    width = error.half_width() / mean
    value = mean * (n - lost_dof) / n
    true = mean - clock_variance
    low = math.sqrt(min(value, true * math.exp(-width)))
    high = math.sqrt(max(value, true * math.exp(width)))
    return Bounds(low, high)


def percentile(
    samples: FloatArray | Ranked,
    quantile: float,
    effective: float,
    step_us: float,
    common: bool = True,
) -> tuple[float, Bounds]:
    """A percentile of sorted samples and order-statistics bounds of the population's.

    ``effective`` is the number of independent samples that the correlated ones are worth.
    ``step_us`` is the clock's step. With ``common`` one reading (the grid's origin) is shared by
    all samples and shifts them all by up to half a step, which is added on either side. Without,
    the rounding differs from sample to sample: where the samples spread over several steps each is
    taken as spread evenly over its step (grouped data), else half a step is added.
    """
    ordered = Sorted(samples) if isinstance(samples, np.ndarray) else samples
    n = ordered.size
    spread = ordered.at(math.ceil(0.9 * n) - 1) - ordered.at(math.ceil(0.1 * n) - 1)
    grouped = not common and spread >= 2.0 * step_us
    value = _at(ordered, math.ceil(quantile * n), step_us if grouped else 0.0)
    worth = max(effective, 1.0)
    low_rank, high_rank = quantile_ranks(quantile, worth, CONFIDENCE)
    scale = (n + 1.0) / (worth + 1.0)
    if high_rank * scale > n:
        return value, Bounds(why_not="too few independent samples for an upper bound")
    if low_rank * scale < 1.0:
        return value, Bounds(why_not="too few independent samples for a lower bound")
    low = _at(ordered, low_rank * scale, step_us if grouped else 0.0)
    high = _at(ordered, high_rank * scale, step_us if grouped else 0.0)
    shift = 0.0 if grouped else 0.475 * step_us
    if grouped:
        # rounding widens the distribution by step**2/4; undone here as for a normal one
        some = ordered.every(max(1, n // 10_000))
        variance = float(some.var())
        narrow = math.sqrt(max(0.0, 1.0 - step_us**2 / 4.0 / variance))
        centre = float(some.mean())
        low = min(low, centre + (low - centre) * narrow)
        high = max(high, centre + (high - centre) * narrow)
    return value, Bounds(
        value - math.hypot(value - min(low, value), shift),
        value + math.hypot(max(high, value) - value, shift),
    )


def _at(ordered: Ranked, rank: float, step_us: float) -> float:
    """The value at a fractional 1-based rank, spread over the clock's step if that is not 0."""
    below = min(ordered.size - 1, max(0, math.floor(rank) - 1))
    above = min(ordered.size - 1, below + 1)
    part = rank - math.floor(rank)
    low, high = ordered.at(below), ordered.at(above)
    if step_us == 0.0:
        return low + part * (high - low)
    nearest = high if part >= 0.5 else low
    first = ordered.below(nearest - step_us / 2.0)
    after = ordered.up_to(nearest + step_us / 2.0)
    return nearest + step_us * ((rank - 0.5 - first) / (after - first) - 0.5)


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
