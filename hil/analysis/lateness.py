"""Lateness, missed releases, overruns and dropped stamps of one task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.activations import activation_time_us, lateness_us
from hil.analysis.grid_slope import grid_of
from hil.analysis.late_samples import lateness_samples
from hil.analysis.metric_sheet import EXACT, WANDERS, Bounds
from hil.analysis.missed_releases import missed_releases_of
from hil.analysis.streaming_stats import Extremes, pieces
from hil.analysis.uncertainty.effective_number import Stretches
from hil.analysis.uncertainty.extremes import extreme_number, extreme_of
from hil.analysis.uncertainty.percentiles import add_percentiles

if TYPE_CHECKING:
    from hil.analysis.activations import Activations
    from hil.analysis.grid_slope import Grid
    from hil.analysis.metric_sheet import MetricSheet
    from hil.analysis.uncertainty.effective_number import Samples
    from hil.analysis.uncertainty.line_spectra import Slope

FEWEST_WINDOWS = 3
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
    naive, windows = activations.rule == "sequence", len(activations.begins)
    slope = late.slope
    # what a loop that keeps no grid does in one window, only more windows tell
    wanders = naive and windows < FEWEST_WINDOWS and slope is not None and slope.wander > 0.5
    missed = missed_releases_of(activations)
    span = late.range
    samples = lateness_samples(activations, missed, read_cost_us, span.low, span.high)
    add_percentiles(
        sheet,
        "lateness",
        samples,
        step_us=tick_us,
        slope=0.0 if naive else _certain(slope),
        unbounded=WANDERS if wanders else None,
    )
    worth, bounds = None, Bounds()
    if wanders:
        bounds = Bounds(why_not=WANDERS)
    elif _certain(slope) and abs(_certain(slope)) * activations.n > max(
        tick_us, 0.2 * late.range.spread
    ):
        bounds = Bounds(why_not=DRIFTS)
    else:
        worth = extreme_number(Stretches.of_samples(samples), samples.size)
    worst, where_us = late.range.high, activation_time_us(activations, late.range.high_at)
    longest = int(missed.waited_us.argmax()) if missed.n else -1
    if missed.n and missed.waited_us[longest] > worst:
        worst, where_us = float(missed.waited_us[longest]), float(missed.due_us[longest])
    worst -= read_cost_us
    if worth is not None:
        bounds = extreme_of(worst, worth, tick_us)
    sheet.add(
        *("lateness_max_us", worst, samples.size, bounds),
        where_us=where_us,
        n_effective=worth,
    )
    return samples


def _certain(slope: Slope | None) -> float:
    """The slope where it is certainly none of chance: more than twice as far from 0 as its ends."""
    if slope is None or slope.lo is None or slope.hi is None:
        return 0.0
    width = max(slope.hi - slope.value, slope.value - slope.lo)
    return slope.value if abs(slope.value) > 2.0 * width else 0.0
