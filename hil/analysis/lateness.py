"""Lateness, missed releases, overruns and dropped stamps of one task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.activations import activation_time_us, lateness_us
from hil.analysis.metric_sheet import EXACT, WANDERS, Bounds, extreme_bounds
from hil.analysis.streaming_stats import WHOLE_BELOW, CellSums, Extremes, pieces
from hil.analysis.uncertainty.correlated import ArraySamples, LateSamples, add_percentiles
from hil.analysis.uncertainty.order_statistics import covered_share
from hil.analysis.uncertainty.slope import (
    BLOCKS,
    CALMED_BELOW,
    SOME,
    Shape,
    slope_of,
    slope_of_blocks,
)

if TYPE_CHECKING:
    from hil.analysis.activations import Activations
    from hil.analysis.metric_sheet import MetricSheet
    from hil.analysis.uncertainty.correlated import Samples
    from hil.analysis.uncertainty.slope import Slope

DRIFTS = "no bounds: the lateness drifts, so its largest value grows with the window"


@dataclass(frozen=True, slots=True)
class LatenessStatistics:
    """The first look at a task's lateness, less the cost of reading the clock."""

    range: Extremes
    overruns: int
    slope: Slope | None


def look_at_lateness(act: Activations, tick_us: float, read_cost_us: float) -> LatenessStatistics:
    """Extremes, overruns and slope of a task's lateness in one pass over its activations."""
    n = act.n
    span = Extremes()
    over = 0
    sums, indices = CellSums(n, BLOCKS), CellSums(n, BLOCKS)
    for start, end in pieces(n):
        late, index = lateness_us(act, start, end), act.releases(start, end)
        over += int(np.count_nonzero(late >= act.period_us))
        span.add(late, start)
        late -= read_cost_us
        sums.add(late)
        indices.add(index)
    slope: Slope | None = None
    ends = act.some(np.array([0, n - 1]))[1] if n else np.zeros(2)
    if n >= 3 and ends[1] != ends[0]:
        if n <= CALMED_BELOW:
            slope = slope_of(act.releases(0, n), lateness_us(act) - read_cost_us, tick_us)
        else:
            stamps, some = act.some(np.arange(0, n, max(1, n // SOME)))
            late = stamps - some * act.period_us - read_cost_us
            shape = Shape(n, float(ends[1] - ends[0]), some, late)
            slope = slope_of_blocks(indices.means, sums.means, shape, tick_us)
    return LatenessStatistics(span, over, slope)


def add_counts(sheet: MetricSheet, act: Activations, over: int) -> None:
    """Add the counts of missed releases, overruns and dropped stamps to ``sheet``."""
    note = EXACT
    if act.dropped:
        note += f"; window shortened to the recorded stamps, {act.dropped} had no room"
    counts = (("missed", act.missed), ("overruns", over), ("dropped", act.dropped + act.lost))
    for metric, count in counts:
        sheet.add(metric, count, act.n, Bounds(float(count), float(count)), note=note)


def add_lateness(
    sheet: MetricSheet,
    act: Activations,
    late: LatenessStatistics,
    tick_us: float,
    read_cost_us: float,
) -> None:
    """Add percentiles and maximum of a task's lateness to ``sheet``, each with its bounds."""
    slope = late.slope
    wanders = slope is not None and slope.wander > 0.5
    if act.n >= WHOLE_BELOW:
        samples: Samples = LateSamples(act, read_cost_us, late.range.low, late.range.high)
    else:
        samples = ArraySamples(lateness_us(act) - read_cost_us)
    add_percentiles(
        sheet,
        "lateness",
        samples,
        step_us=tick_us,
        slope=slope.value if slope else 0.0,
        unbounded=WANDERS if wanders else None,
    )
    drift = abs(slope.value) * act.n if slope else 0.0
    if wanders:
        bounds = Bounds(why_not=WANDERS)
    elif drift > max(tick_us, 0.2 * late.range.spread):
        bounds = Bounds(why_not=DRIFTS)
    else:
        bounds = extreme_bounds(covered_share(act.n))
    sheet.add(
        "lateness_max_us",
        late.range.high - read_cost_us,
        act.n,
        bounds,
        where_us=activation_time_us(act, late.range.high_at),
    )
