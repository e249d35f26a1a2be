"""All figures of one periodic task, from its activations."""

from __future__ import annotations

import math

import numpy as np

from hil.analysis import intervals as iv
from hil.analysis.activations import Activations, FloatArray, lateness_us
from hil.analysis.drift import Slope, slope_of
from hil.analysis.estimates import Bounds, Sheet
from hil.analysis.limits import covered_share, covered_share_of_range
from hil.analysis.percentiles import add_percentiles
from hil.analysis.tie import tie_us
from hil.analysis.uncertainty import FEW, mean_error, rms_bounds

EXACT = "counted, exact for this window"
WANDERS = "wanders like a random walk, so it grows with the window and holds for this one only"
DRIFTS = "no bounds: the lateness drifts, so its largest value grows with the window"
_PAIRS = 20_000


def measure_task(activations: Activations, tick_us: float, read_cost_us: float) -> Sheet:
    """Every figure of one task; ``tick_us`` is the clock's step.

    ``read_cost_us``, the cost of reading the clock, is taken off the lateness.
    """
    sheet = Sheet(activations.task)
    late = lateness_us(activations)
    _counts(sheet, activations, late)
    late -= read_cost_us
    slope = _slope(activations, late, tick_us)
    if activations.n:
        _lateness(sheet, activations, late, slope, tick_us)
    else:
        for part in ("p50", "p99", "p999", "max"):
            sheet.refuse(f"lateness_{part}_us", "no activation was recorded")
    del late
    _intervals(sheet, activations, slope, tick_us)
    _grid(sheet, activations, slope, tick_us)
    return sheet


def extreme(share: float) -> Bounds:
    """No bounds for a largest value, but what can be said: a one-sided tolerance statement."""
    return Bounds(
        why_not="no bounds: an extreme grows with the window; "
        f"95 % sure that it covers {math.floor(1e5 * share) / 1e3:g} % of what this process does"
    )


def _slope(act: Activations, late: FloatArray, tick_us: float) -> Slope | None:
    if act.n < 3 or act.index[-1] == act.index[0]:
        return None
    return slope_of(act.index, late, tick_us)


def _counts(sheet: Sheet, act: Activations, late: FloatArray) -> None:
    over = int(np.count_nonzero(late >= act.period_us))
    note = EXACT
    if act.dropped:
        note += f"; window shortened to the recorded stamps, {act.dropped} had no room"
    counts = (("missed", act.missed), ("overruns", over), ("dropped", act.dropped + act.lost))
    for metric, count in counts:
        sheet.add(metric, count, act.n, Bounds(float(count), float(count)), note=note)


def _lateness(
    sheet: Sheet, act: Activations, late: FloatArray, slope: Slope | None, tick_us: float
) -> None:
    wanders = slope is not None and slope.wander > 0.5
    add_percentiles(
        sheet,
        "lateness",
        late,
        step_us=tick_us,
        slope=slope.value if slope else 0.0,
        unbounded=WANDERS if wanders else None,
    )
    worst = int(np.argmax(late))
    drift = abs(slope.value) * act.n if slope else 0.0
    if wanders:
        bounds = Bounds(why_not=WANDERS)
    elif drift > max(tick_us, 0.2 * float(np.ptp(late))):
        bounds = Bounds(why_not=DRIFTS)
    else:
        bounds = extreme(covered_share(act.n))
    sheet.add(
        "lateness_max_us",
        late[worst],
        act.n,
        bounds,
        where_us=float(act.stamps_us[worst]),
    )


def _intervals(sheet: Sheet, act: Activations, slope: Slope | None, tick_us: float) -> None:
    gaps, paired = iv.intervals_us(act)
    n = int(gaps.size)
    change: FloatArray | None = None
    if n < 1:
        sheet.refuse("period_mean_us", "needs two activations with no lost stamp between them")
    else:
        sheet.add("period_mean_us", gaps.mean(), n, _mean_bounds(act, gaps, slope, tick_us))
    if n < 2:
        for metric in ("period_jitter_rms_us", "period_jitter_pp_us"):
            sheet.refuse(metric, "needs three activations with no lost stamp between them")
    else:
        away = gaps
        away -= gaps.mean()
        ends = act.stamps_us[1:][act.joined] if act.lost else act.stamps_us[1:]
        far = float(ends[_farthest(away)])
        spread = float(away.max() - away.min())
        # the change from interval to interval is the same without the mean
        change = iv.cycle_to_cycle_us(away, paired)
        share = covered_share_of_range(n)
        np.square(away, out=away)
        value = math.sqrt(float(away.mean()))
        sheet.add("period_jitter_rms_us", value, n, rms_bounds(away, 1, tick_us**2 / 6.0))
        sheet.add("period_jitter_pp_us", spread, n, extreme(share), where_us=far)
        del gaps, away
    if change is None or change.size < 1:
        for metric in ("c2c_jitter_rms_us", "c2c_jitter_max_us"):
            sheet.refuse(metric, "needs three activations with no lost stamp between them")
        return
    ends = act.stamps_us[2:] if not act.lost else act.stamps_us[1:][act.joined][1:][paired]
    np.abs(change, out=change)
    worst = int(np.argmax(change))
    largest = float(change[worst])
    np.square(change, out=change)
    m = int(change.size)
    value = math.sqrt(float(change.mean()))
    sheet.add("c2c_jitter_rms_us", value, m, rms_bounds(change, 0, tick_us**2 / 2.0))
    sheet.add(
        "c2c_jitter_max_us",
        largest,
        m,
        extreme(covered_share(m)),
        where_us=float(ends[worst]),
    )


def _farthest(values: FloatArray) -> int:
    """Place of the value farthest from zero."""
    high, low = int(values.argmax()), int(values.argmin())
    return high if values[high] >= -values[low] else low


def _mean_bounds(act: Activations, gaps: FloatArray, slope: Slope | None, tick_us: float) -> Bounds:
    """Bounds of the mean interval, which hangs on the first and the last activation only.

    White error: from how far random pairs of stamps are off the line. Random walk: from the
    correlation of the intervals themselves.
    """
    n = gaps.size
    if n < FEW or slope is None:
        return Bounds(why_not=f"needs {FEW} intervals for bounds")
    mean = float(gaps.mean())
    clock = 0.95 * tick_us / n
    if slope.wander > 0.5 or act.lost:
        width = mean_error(gaps).half_width()
    else:
        rng = np.random.default_rng(1)
        one, two = rng.integers(0, act.n, (2, _PAIRS))
        apart = act.stamps_us[one] - act.stamps_us[two]
        apart -= (act.index[one] - act.index[two]) * (act.period_us + slope.value)
        width = float(np.quantile(np.abs(apart[one != two]), 0.95)) / n
    width = math.hypot(width, clock)
    return Bounds(mean - width, mean + width)


def _grid(sheet: Sheet, act: Activations, slope: Slope | None, tick_us: float) -> None:
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
    error = tie_us(act)
    far = _farthest(error)
    spread = float(error.max() - error.min())
    np.square(error, out=error)
    wanders = slope.wander > 0.5
    sheet.add(
        "tie_rms_us",
        math.sqrt(float(error.mean())),
        act.n,
        Bounds(why_not=WANDERS) if wanders else rms_bounds(error, 2, tick_us**2 / 12.0),
    )
    sheet.add(
        "tie_pp_us",
        spread,
        act.n,
        Bounds(why_not=WANDERS) if wanders else extreme(covered_share_of_range(act.n)),
        where_us=float(act.stamps_us[far]),
    )
