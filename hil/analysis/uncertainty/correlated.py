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
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.metric_sheet import Bounds
from hil.analysis.streaming_stats import CELLS, SquareSums
from hil.analysis.uncertainty import order_statistics
from hil.analysis.uncertainty.distributions import normal_quantile, t_quantile
from hil.analysis.uncertainty.order_statistics import CONFIDENCE, percentile

if TYPE_CHECKING:
    from hil.analysis.late_samples import Samples
    from hil.analysis.metric_sheet import MetricSheet
    from hil.model.captures import FloatArray

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

    ``memory`` is the number of samples over which neighbours are known to be correlated
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


_SAMPLE = 20_000


def add_percentiles(
    sheet: MetricSheet,
    prefix: str,
    samples: Samples,
    *,
    step_us: float,
    common: bool = True,
    slope: float = 0.0,
    unbounded: str | None = None,
    note: str | None = None,
    method: str | None = None,
) -> None:
    """Add ``<prefix>_p50_us`` and so on, as far as the number of samples supports them.

    ``samples`` are us in the order of time. ``slope`` is a known drift per sample, whose part in
    the spread is certain and therefore not part of the bounds. ``common`` says that all samples
    share one clock reading (see ``percentile``). ``unbounded`` is the reason when
    the series has no fixed distribution, and then no bounds are given.
    """
    ordered, n = samples.ordered, samples.size
    for name, quantile in order_statistics.PERCENTILES:
        metric = f"{prefix}_{name}_us"
        refusal = order_statistics.percentile_refusal(name, quantile, n)
        if refusal:
            sheet.mark_unavailable(metric, refusal, method=method)
            continue
        effective = float(n)
        if not unbounded:
            plain = ordered.at(math.ceil(quantile * n) - 1)
            effective = _effective(samples, plain, quantile, slope, step_us)
        value, bounds = percentile(ordered, quantile, effective, step_us, common)
        if unbounded:
            bounds = Bounds(why_not=unbounded)
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
    positions = np.arange(0, samples.size, max(1, samples.size // _SAMPLE))
    noise = np.sort(samples.some(positions) - slope * positions)
    below = np.searchsorted(noise, value - slope * centre, side="right")
    result: FloatArray = 1.0 - below / noise.size
    return result
