"""Percentiles of a correlated series with order-statistics bounds."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from hil.analysis import limits
from hil.analysis.estimates import Bounds, Sheet
from hil.analysis.uncertainty import (
    FloatArray,
    cell_means,
    effective_samples,
    percentile,
)

_SAMPLE = 20_000


def add_percentiles(
    sheet: Sheet,
    prefix: str,
    series: FloatArray,
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
    ordered = np.sort(series)
    for name, quantile in limits.PERCENTILES:
        metric = f"{prefix}_{name}_us"
        refusal = limits.percentile_refusal(name, quantile, series.size)
        if refusal:
            sheet.refuse(metric, refusal, method=method)
            continue
        effective = float(series.size)
        if not unbounded:
            plain = float(ordered[math.ceil(quantile * series.size) - 1])
            effective = _effective(series, ordered, plain, quantile, slope, step_us)
        value, bounds = percentile(ordered, quantile, effective, step_us, common)
        if unbounded:
            bounds = Bounds(why_not=unbounded)
        if floor is not None:
            value = max(value, floor)
            lo, hi = (None if end is None else max(end, floor) for end in (bounds.lo, bounds.hi))
            bounds = replace(bounds, lo=lo, hi=hi)
        sheet.add(metric, value, series.size, bounds, note=note, method=method)


def _effective(
    series: FloatArray,
    ordered: FloatArray,
    value: float,
    quantile: float,
    slope: float,
    step_us: float,
) -> float:
    above = cell_means((series > value).astype(np.float32))
    expected = np.full(above.size, float(above.mean()))
    span = abs(slope) * series.size
    if span > 0.2 * float(ordered[-1] - ordered[0]) and span > step_us:
        expected = _expected(series, value, slope, above.size)
    return effective_samples(above, expected, series.size, quantile)


def _expected(series: FloatArray, value: float, slope: float, cells: int) -> FloatArray:
    """Share above ``value`` in each cell if the series were its drift plus stationary noise."""
    size = max(1, -(-series.size // cells))
    centre = (np.arange(cells) + 0.5) * size - 0.5
    every = max(1, series.size // _SAMPLE)
    place = np.arange(0, series.size, every)
    noise = np.sort(series[place] - slope * place)
    below = np.searchsorted(noise, value - slope * centre, side="right")
    result: FloatArray = 1.0 - below / noise.size
    return result
