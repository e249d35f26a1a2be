"""All figures of one periodic task, from its activations."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hil.analysis.activations import Activations, lateness_us
from hil.analysis.drift import (
    BLOCKS,
    CALMED_BELOW,
    SOME,
    Shape,
    Slope,
    slope_of,
    slope_of_blocks,
)
from hil.analysis.estimates import Bounds, Sheet
from hil.analysis.intervals import Intervals, look_at_intervals
from hil.analysis.limits import covered_share, covered_share_of_range
from hil.analysis.passes import WHOLE_BELOW, CellSums, Extremes, pieces
from hil.analysis.percentiles import ArraySamples, LateSamples, Samples, add_percentiles
from hil.analysis.tie import look_at_tie
from hil.analysis.uncertainty import FEW, error_of_cells, rms_bounds

EXACT = "counted, exact for this window"
WANDERS = "wanders like a random walk, so it grows with the window and holds for this one only"
DRIFTS = "no bounds: the lateness drifts, so its largest value grows with the window"
_PAIRS = 20_000


@dataclass(frozen=True, slots=True)
class _Late:
    """The first look at a task's lateness, less the cost of reading the clock."""

    range: Extremes
    overruns: int
    slope: Slope | None


def measure_task(activations: Activations, tick_us: float, read_cost_us: float) -> Sheet:
    """Every figure of one task; ``tick_us`` is the clock's step.

    ``read_cost_us``, the cost of reading the clock, is taken off the lateness. Memory: a few pieces
    of :data:`~hil.analysis.passes.PIECE` stamps for a long capture.
    """
    sheet = Sheet(activations.task)
    late = _look(activations, tick_us, read_cost_us)
    _counts(sheet, activations, late.overruns)
    if activations.n:
        _lateness(sheet, activations, late, tick_us, read_cost_us)
    else:
        for part in ("p50", "p99", "p999", "max"):
            sheet.refuse(f"lateness_{part}_us", "no activation was recorded")
    _intervals(sheet, activations, late.slope, tick_us)
    _grid(sheet, activations, late, tick_us)
    return sheet


def _look(act: Activations, tick_us: float, read_cost_us: float) -> _Late:
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
    return _Late(span, over, slope)


def extreme(share: float) -> Bounds:
    """No bounds for a largest value, but what can be said: a one-sided tolerance statement."""
    return Bounds(
        why_not="no bounds: an extreme grows with the window; "
        f"95 % sure that it covers {math.floor(1e5 * share) / 1e3:g} % of what this process does"
    )


def _counts(sheet: Sheet, act: Activations, over: int) -> None:
    note = EXACT
    if act.dropped:
        note += f"; window shortened to the recorded stamps, {act.dropped} had no room"
    counts = (("missed", act.missed), ("overruns", over), ("dropped", act.dropped + act.lost))
    for metric, count in counts:
        sheet.add(metric, count, act.n, Bounds(float(count), float(count)), note=note)


def _lateness(
    sheet: Sheet, act: Activations, late: _Late, tick_us: float, read_cost_us: float
) -> None:
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
        bounds = extreme(covered_share(act.n))
    sheet.add(
        "lateness_max_us",
        late.range.high - read_cost_us,
        act.n,
        bounds,
        where_us=_when(act, late.range.high_at),
    )


def _when(act: Activations, place: int) -> float:
    return float(act.some(np.array([place]))[0][0])


def _intervals(sheet: Sheet, act: Activations, slope: Slope | None, tick_us: float) -> None:
    gaps = look_at_intervals(act)
    n = gaps.n
    if n < 1:
        sheet.refuse("period_mean_us", "needs two activations with no lost stamp between them")
    else:
        sheet.add("period_mean_us", gaps.mean, n, _mean_bounds(act, gaps, slope, tick_us))
    if n < 2:
        for metric in ("period_jitter_rms_us", "period_jitter_pp_us"):
            sheet.refuse(metric, "needs three activations with no lost stamp between them")
    else:
        value = math.sqrt(gaps.away.mean)
        bounds = rms_bounds(gaps.away, 1, tick_us**2 / 6.0)
        sheet.add("period_jitter_rms_us", value, n, bounds)
        share = extreme(covered_share_of_range(n))
        where = _when(act, gaps.range.farthest_at + 1)
        sheet.add("period_jitter_pp_us", gaps.range.spread, n, share, where_us=where)
    m = gaps.change.n
    if m < 1:
        for metric in ("c2c_jitter_rms_us", "c2c_jitter_max_us"):
            sheet.refuse(metric, "needs three activations with no lost stamp between them")
        return
    value = math.sqrt(gaps.change.mean)
    sheet.add("c2c_jitter_rms_us", value, m, rms_bounds(gaps.change, 0, tick_us**2 / 2.0))
    sheet.add(
        "c2c_jitter_max_us",
        gaps.largest.high,
        m,
        extreme(covered_share(m)),
        where_us=_when(act, gaps.largest.high_at + 2),
    )


def _mean_bounds(act: Activations, gaps: Intervals, slope: Slope | None, tick_us: float) -> Bounds:
    """Bounds of the mean interval, which hangs on the first and the last activation only.

    White error: from how far random pairs of stamps are off the line. Random walk: from the
    correlation of the intervals themselves.
    """
    n = gaps.n
    if n < FEW or slope is None:
        return Bounds(why_not=f"needs {FEW} intervals for bounds")
    clock = 0.95 * tick_us / n
    if slope.wander > 0.5 or act.lost:
        width = error_of_cells(gaps.cells.means, n).half_width()
    else:
        rng = np.random.default_rng(1)
        one, two = rng.integers(0, act.n, (2, _PAIRS))
        (first, k), (second, j) = act.some(one), act.some(two)
        apart = first - second
        apart -= (k - j) * (act.period_us + slope.value)
        width = float(np.quantile(np.abs(apart[one != two]), 0.95)) / n
    width = math.hypot(width, clock)
    return Bounds(gaps.mean - width, gaps.mean + width)


def _grid(sheet: Sheet, act: Activations, late: _Late, tick_us: float) -> None:
    slope = late.slope
    if slope is None:
        for metric in ("tie_rms_us", "tie_pp_us", "schedule_drift_ppm"):
            sheet.refuse(metric, "needs three activations")
        return
    scale = 1e6 / act.period_us
    bounds = (
        Bounds(why_not=f"needs {FEW} activations for bounds")
        if slope.lo is None or slope.hi is None
        else Bounds(slope.lo * scale, slope.hi * scale)
    )
    sheet.add("schedule_drift_ppm", slope.value * scale, act.n, bounds)
    error = look_at_tie(act)
    wanders = slope.wander > 0.5
    sheet.add(
        "tie_rms_us",
        math.sqrt(error.squares.mean),
        act.n,
        Bounds(why_not=WANDERS) if wanders else rms_bounds(error.squares, 2, tick_us**2 / 12.0),
    )
    sheet.add(
        "tie_pp_us",
        error.range.spread,
        act.n,
        Bounds(why_not=WANDERS) if wanders else extreme(covered_share_of_range(act.n)),
        where_us=_when(act, error.range.farthest_at),
    )
