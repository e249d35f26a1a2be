"""Lateness, missed releases, overruns and dropped stamps of one task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.activations import activation_time_us, lateness_us
from hil.analysis.grid_slope import grid_of
from hil.analysis.late_samples import lateness_samples
from hil.analysis.metric_sheet import EXACT, WANDERS, Bounds, extreme_bounds
from hil.analysis.missed_releases import missed_releases_of
from hil.analysis.streaming_stats import Extremes, pieces
from hil.analysis.uncertainty.correlated import add_percentiles
from hil.analysis.uncertainty.order_statistics import covered_share

if TYPE_CHECKING:
    from hil.analysis.activations import Activations
    from hil.analysis.grid_slope import Grid
    from hil.analysis.late_samples import Samples
    from hil.analysis.metric_sheet import MetricSheet
    from hil.analysis.uncertainty.line_spectra import Slope

DRIFTS = "no bounds: the lateness drifts, so its largest value grows with the window"


@dataclass(frozen=True, slots=True)
class LatenessStatistics:
    """The first look at a task's lateness, the cost of reading the clock not taken off."""

    range: Extremes
    overruns: int
    grid: Grid | None

    @property
    def slope(self) -> Slope | None:
        """The slope of the lateness over the releases, us a release."""
        return self.grid.slope if self.grid else None


def look_at_lateness(activations: Activations, tick_us: float) -> LatenessStatistics:
    """Extremes, overruns and grid of a task's lateness."""
    n = activations.n
    span = Extremes()
    over = 0
    for start, end in pieces(n):
        late = lateness_us(activations, start, end)
        over += int(np.count_nonzero(late >= activations.period_us))
        span.add(late, start)
    return LatenessStatistics(span, over, grid_of(activations, tick_us))


def add_counts(sheet: MetricSheet, activations: Activations, over: int) -> None:
    """Add the counts of missed releases, overruns and dropped stamps to ``sheet``."""
    note = EXACT
    if activations.dropped:
        note += f"; window shortened to the recorded stamps, {activations.dropped} had no room"
    counts = (
        ("missed", activations.missed),
        ("overruns", over),
        ("dropped", activations.dropped + activations.lost),
    )
    for metric, count in counts:
        sheet.add(metric, count, activations.n, Bounds(float(count), float(count)), note=note)


def add_lateness(
    sheet: MetricSheet,
    activations: Activations,
    late: LatenessStatistics,
    tick_us: float,
    read_cost_us: float,
) -> Samples:
    """Add percentiles and maximum of a task's lateness to ``sheet``, each with its bounds.

    Gives the lateness of every release, missed ones too, in the order of time.
    """
    slope = late.slope
    wanders = slope is not None and slope.wander > 0.5
    missed = missed_releases_of(activations)
    span = late.range
    samples = lateness_samples(activations, missed, read_cost_us, span.low, span.high)
    add_percentiles(
        sheet,
        "lateness",
        samples,
        step_us=tick_us,
        slope=slope.value if slope else 0.0,
        unbounded=WANDERS if wanders else None,
    )
    drift = abs(slope.value) * activations.n if slope else 0.0
    if wanders:
        bounds = Bounds(why_not=WANDERS)
    elif drift > max(tick_us, 0.2 * late.range.spread):
        bounds = Bounds(why_not=DRIFTS)
    else:
        bounds = extreme_bounds(covered_share(samples.size))
    worst, where_us = late.range.high, activation_time_us(activations, late.range.high_at)
    longest = int(missed.waited_us.argmax()) if missed.n else -1
    if missed.n and missed.waited_us[longest] > worst:
        worst, where_us = float(missed.waited_us[longest]), float(missed.due_us[longest])
    sheet.add("lateness_max_us", worst - read_cost_us, samples.size, bounds, where_us=where_us)
    return samples
