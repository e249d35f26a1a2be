"""Percentiles of samples that follow one another, each with its bounds.

Order statistics for the number of independent samples that the correlated ones are worth (see
:mod:`hil.analysis.uncertainty.effective_number`). Where that supports one end only, that end is
given; where it does not even support the median, three windows still do: their own medians.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.metric_sheet import Bounds
from hil.analysis.uncertainty import order_statistics
from hil.analysis.uncertainty.budget import combined, evenly, widened
from hil.analysis.uncertainty.distributions import t_quantile
from hil.analysis.uncertainty.effective_number import Stretches, middle_number, tail_number
from hil.analysis.uncertainty.order_statistics import CONFIDENCE, percentile_interval, step_reach

if TYPE_CHECKING:
    from hil.analysis.metric_sheet import MetricSheet
    from hil.analysis.uncertainty.effective_number import Samples

_TAIL = 0.9
_FEWEST_ALONE, _FEWEST = 8.0, 6.0
_SOME_OF_A_WINDOW = 20_000
_WORTH_LEVELS = 100_000
_WINDOWS, _INSIDE, _TOLERANCE = 3, 1.3, 7.5
CLOCK_STEP = "the clock's step"
FOLLOW = "the samples follow one another too closely: they are worth {worth} independent ones"


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

    ``samples`` are us in the order of time. ``slope`` is a known drift per sample from each
    window's start on, whose part in the spread is certain and therefore not part of the bounds.
    ``common`` says that all samples share one clock reading (see
    :func:`~hil.analysis.uncertainty.order_statistics.step_reach`). ``unbounded`` is the reason when
    the series has no fixed distribution, and then no bounds are given.
    """
    n = samples.size
    look = None if unbounded or not n else Stretches.of_samples(samples, _drift(samples, slope))
    for name, quantile in order_statistics.PERCENTILES:
        metric = f"{prefix}_{name}_us"
        refusal = order_statistics.percentile_refusal(name, quantile, n)
        if refusal:
            sheet.mark_unavailable(metric, refusal, method=method)
            continue
        value, bounds, worth = _percentile(
            samples, look, quantile, step_us, common, _drift(samples, slope)
        )
        if unbounded:
            bounds = Bounds(why_not=unbounded)
        sheet.add(metric, value, n, bounds, note=note, method=method, n_effective=worth)


def _percentile(
    samples: Samples,
    look: Stretches | None,
    quantile: float,
    step_us: float,
    common: bool,
    slope: float,
) -> tuple[float, Bounds, float | None]:
    """The value, its bounds, and how many independent samples they rest on."""
    n, ordered = samples.size, samples.ordered
    if look is None:
        return percentile_interval(ordered, quantile, float(n), step_us, common)[0], Bounds(), None
    reach = step_reach(ordered, quantile, step_us, common)
    systematic = (evenly(CLOCK_STEP, reach),) if reach else ()
    if quantile > _TAIL:
        worth = n * tail_number(look, 1.0 - quantile)
        value, interval = percentile_interval(ordered, quantile, worth, step_us, common)
        if interval.hi is None:
            interval = _reaching_across_windows(samples, quantile, value, interval)
        return value, widened(value, interval, systematic), worth
    worth = _middle(samples, look, quantile, slope)
    value, interval = percentile_interval(ordered, quantile, worth, step_us, common)
    windows = len(samples.starts)
    fewest = _FEWEST if windows > 1 else _FEWEST_ALONE
    if worth < fewest or interval.lo is None or interval.hi is None:
        of_windows = _of_windows(samples, quantile, value)
        if of_windows is None:
            why = FOLLOW.format(worth=f"{max(worth, 1.0):.2g}")
            return value, Bounds(why_not=why), worth
        return value, combined(value, of_windows, systematic, dof=windows - 1), worth
    return value, combined(value, interval, systematic), worth


def _drift(samples: Samples, slope: float) -> float:
    """``slope`` where it makes a part of the spread, else 0."""
    if not slope or not samples.size:
        return 0.0
    ordered, n = samples.ordered, samples.size
    ends = np.append(samples.starts[1:], n)
    span = abs(slope) * float((ends - samples.starts).max())
    middle = ordered.at(math.ceil(0.9 * n) - 1) - ordered.at(math.ceil(0.1 * n) - 1)
    return slope if span > 0.2 * middle else 0.0


def _middle(samples: Samples, look: Stretches, quantile: float, slope: float) -> float:
    """The least number of three levels: the percentile, and about where its bounds will be."""
    n, ordered = samples.size, samples.ordered
    value = ordered.at(math.ceil(quantile * n) - 1)
    equal = ordered.up_to(value) - ordered.below(value)
    if equal > 1 and ordered.up_to(value) - quantile * n > quantile * n - ordered.below(value):
        value = math.nextafter(value, -math.inf)
    worth = middle_number(samples, look, value, slope)
    if n > _WORTH_LEVELS or worth < _FEWEST:
        return worth
    away = 1.5 * math.sqrt(quantile * (1.0 - quantile) / worth)
    for level in (quantile - away, quantile + away):
        if 0.1 < level < _TAIL:
            at = ordered.at(math.ceil(level * n) - 1)
            if at != value:
                worth = min(worth, middle_number(samples, look, at, slope))
    return worth


def _reaching_across_windows(
    samples: Samples, quantile: float, value: float, interval: Bounds
) -> Bounds:
    """``interval`` with an upper end from how the windows' own percentiles differ, and a lower one
    that is not above the least of them.

    For a tail whose samples come together, or whose windows differ: what one more window would
    bring is not known from one, but from the spread of several. Each must be long enough to have
    the percentile inside it. The windows are few and the percentile lies near their upper end, so
    the factor is that of a tolerance limit rather than that of a mean.
    """
    least = min(np.diff(np.append(samples.starts, samples.size)))
    own = _own_percentiles(samples, quantile) if least * (1.0 - quantile) >= _INSIDE else []
    if len(own) < _WINDOWS:
        return interval
    lo = min(own) if interval.lo is None else min(interval.lo, *own)
    return Bounds(lo, value + _TOLERANCE * float(np.std(own, ddof=1)))


def _of_windows(samples: Samples, quantile: float, value: float) -> Bounds | None:
    """Student's interval from the windows' own percentiles; ``None`` for fewer than three.

    For a task whose lateness hardly changes within a window, or wanders in it, the windows are the
    only independent samples.
    """
    own = _own_percentiles(samples, quantile)
    if len(own) < _WINDOWS:
        return None
    error = float(np.std(own, ddof=1)) / math.sqrt(len(own))
    width = t_quantile((1.0 + CONFIDENCE) / 2, len(own) - 1) * error
    return Bounds(value - width, value + width)


def _own_percentiles(samples: Samples, quantile: float) -> list[float]:
    """The percentile of each window by itself; none where one is empty."""
    starts = samples.starts
    own: list[float] = []
    for start, end in zip(starts, [*starts[1:], samples.size], strict=True):
        if start == end:
            return []
        part = np.sort(
            samples.some(np.arange(start, end, max(1, (end - start) // _SOME_OF_A_WINDOW)))
        )
        own.append(float(part[math.ceil(quantile * part.size) - 1]))
    return own
