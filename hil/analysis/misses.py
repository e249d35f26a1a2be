"""Extra activations, missed and over-late releases as a share and per hour, and earliness."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from hil.analysis.metric_sheet import EXACT, Bounds
from hil.analysis.uncertainty.distributions import quantile_ranks
from hil.analysis.uncertainty.order_statistics import CONFIDENCE, percentile_refusal
from hil.analysis.uncertainty.proportion import effective_number, share_bounds

if TYPE_CHECKING:
    from hil.analysis.activations import Activations
    from hil.analysis.metric_sheet import MetricSheet
    from hil.analysis.uncertainty.effective_number import Samples

US_PER_HOUR = 3.6e9
EARLY_SHARE = 0.01
REFERENCE_SHARES = (0.5, 0.9, 0.99)
"""Shares of the lateness at whose percentiles its dependence is looked at where none was missed."""
_ROUNDING = 1e-3


def add_extra(sheet: MetricSheet, activations: Activations) -> None:
    """Add the number of activations that answer no release."""
    extra = float(activations.extra.size)
    sheet.add("extra", extra, activations.every.n, Bounds(extra, extra), note=EXACT)


def add_misses(
    sheet: MetricSheet,
    activations: Activations,
    samples: Samples,
    over: int,
    read_cost_us: float,
) -> None:
    """Add ``miss_ratio`` and ``misses_per_hour``: of releases that were missed or came too late.

    ``samples`` is the lateness of every release, less ``read_cost_us``; ``over`` of those that were
    answered came a period late or more.
    """
    n = samples.size
    hits = min(n, n - activations.n + over)
    limit_us = activations.period_us - read_cost_us - _ROUNDING
    levels = [samples.ordered.at(math.ceil(share * n) - 1) for share in REFERENCE_SHARES]
    bounds, worth = share_bounds(
        hits,
        n,
        samples.above(limit_us),
        (samples.above(level) for level in levels),
    )
    sheet.add("miss_ratio", hits / n, n, bounds, n_effective=worth)
    per_hour = US_PER_HOUR / activations.period_us
    lo, hi = (None if end is None else end * per_hour for end in (bounds.lo, bounds.hi))
    sheet.add(
        "misses_per_hour",
        hits / n * per_hour,
        n,
        replace(bounds, lo=lo, hi=hi),
        n_effective=worth,
    )


def add_earliness(sheet: MetricSheet, samples: Samples, tick_us: float) -> None:
    """Add ``earliness_p99_us``: all releases but a hundredth are answered no earlier than that.

    Order statistics with fractional ranks (Hutson 1999) for the number of independent samples; half
    a clock's step of the grid's origin on either side. What is late is early by 0.
    """
    n = samples.size
    refusal = percentile_refusal("p99", 1.0 - EARLY_SHARE, n)
    if refusal:
        sheet.mark_unavailable("earliness_p99_us", refusal)
        return
    ordered = samples.ordered
    at = ordered.at(math.ceil(EARLY_SHARE * n) - 1)
    worth = effective_number(samples.above(at), n)
    first, last = quantile_ranks(EARLY_SHARE, worth, CONFIDENCE)
    scale = (n + 1.0) / (worth + 1.0)
    most = -ordered.at(math.floor(first * scale) - 1) if first * scale >= 1.0 else None
    least = -ordered.at(min(n, math.ceil(last * scale)) - 1)
    bounds = Bounds(
        max(0.0, least - tick_us / 2.0),
        None if most is None else max(0.0, most + tick_us / 2.0),
        why_not="too few independent samples for an upper bound" if most is None else None,
    )
    sheet.add("earliness_p99_us", max(0.0, -at), n, bounds, n_effective=worth)
