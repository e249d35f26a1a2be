"""Intervals, period and cycle-to-cycle jitter (JEDEC JESD65B), time interval error and drift."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.activations import activation_time_us, lateness_us
from hil.analysis.metric_sheet import WANDERS, Bounds, extreme_bounds
from hil.analysis.streaming_stats import CellSums, Extremes, SquareSums, dot, pieces
from hil.analysis.uncertainty.correlated import FEW, error_of_cells, rms_bounds
from hil.analysis.uncertainty.order_statistics import covered_share, covered_share_of_range

if TYPE_CHECKING:
    from hil.analysis.activations import Activations
    from hil.analysis.lateness import LatenessStatistics
    from hil.analysis.metric_sheet import MetricSheet
    from hil.analysis.uncertainty.slope import Slope
    from hil.model.captures import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Intervals:
    """What is said of a task's ``n`` intervals, those over lost stamps left out.

    ``away`` are their squared distances from the ``mean``, ``range`` the least and greatest of
    these distances, ``cells`` the intervals themselves in stretches; ``change`` are the squares of
    the differences of neighbours and ``largest`` their absolute values. Places are those of the
    first stamp.
    """

    n: int
    mean: float
    away: SquareSums
    range: Extremes
    cells: CellSums
    change: SquareSums
    largest: Extremes


def look_at_intervals(task: Activations) -> Intervals:
    """Two passes over the task's stamps, a piece at a time."""
    total, n, pairs = 0.0, 0, 0
    for start, end in pieces(task.n - 1):
        gaps, _, steps, _ = _piece(task, start, end)
        total += float(gaps.sum())
        n += gaps.size
        pairs += steps.size
    mean = total / n if n else 0.0
    intervals = Intervals(
        *(n, mean, SquareSums(n), Extremes(), CellSums(n), SquareSums(pairs), Extremes())
    )
    for start, end in pieces(task.n - 1):
        gaps, sound, steps, paired = _piece(task, start, end)
        intervals.cells.add(gaps)
        gaps -= mean
        intervals.range.add(gaps, start, sound)
        intervals.away.add(gaps)
        intervals.largest.add(np.abs(steps, out=steps), start, paired)
        intervals.change.add(steps)
    return intervals


def _piece(
    task: Activations, start: int, end: int
) -> tuple[FloatArray, IntArray | None, FloatArray, IntArray | None]:
    """The intervals that begin in a piece, and the change from each to the next, with indices.

    Those over lost stamps are left out; indices are ``None`` where none is.
    """
    stop = min(end + 1, task.n - 1)
    gaps = np.diff(task.times(start, stop + 1))
    steps = np.diff(gaps)
    own = gaps[: end - start]
    joined = task.unbroken(start, stop)
    if joined is None:
        return own, None, steps, None
    sound = np.flatnonzero(joined[: end - start])
    paired = np.flatnonzero(joined[:-1] & joined[1:])
    return own[sound], sound, steps[paired], paired


def intervals_us(activations: Activations) -> FloatArray:
    """Consecutive intervals in us; one over stamps that the wire lost is left out."""
    every = activations.every
    return np.diff(every.stamps_us)[every.joined]


def tie_us(activations: Activations) -> FloatArray:
    """Time interval error in us against the best-fit grid, (n,) float64, mean zero."""
    late, index = lateness_us(activations), activations.releases(0, activations.n)
    slope, offset = _line(index, late)
    late -= offset
    if slope:
        late -= slope * index
    return late


@dataclass(frozen=True, slots=True)
class TieSums:
    """Squares and range of a task's time interval error."""

    squares: SquareSums
    range: Extremes


def look_at_tie(task: Activations) -> TieSums:
    """The same as :func:`tie_us`, in three passes, a piece at a time."""
    n = task.n
    middle = sum(float(task.releases(*piece).sum()) for piece in pieces(n)) / n
    square = product = total = 0.0
    for piece in pieces(n):
        late, centred = lateness_us(task, *piece), task.releases(*piece) - middle
        square += dot(centred, centred)
        product += dot(centred, late)
        total += float(late.sum())
    slope = product / square if square > 0 else 0.0
    sums = TieSums(SquareSums(n), Extremes())
    for piece in pieces(n):
        error = lateness_us(task, *piece)
        error -= total / n
        error -= slope * (task.releases(*piece) - middle)
        sums.range.add(error, piece[0])
        sums.squares.add(error)
    return sums


def _line(index: FloatArray, values: FloatArray) -> tuple[float, float]:
    if values.size == 0:
        return 0.0, 0.0
    middle = float(index.mean())
    centred = index - middle
    square = float(np.dot(centred, centred))
    slope = float(np.dot(centred, values)) / square if square > 0 else 0.0
    return slope, float(values.mean()) - slope * middle


_PAIRS = 20_000


def add_intervals(
    sheet: MetricSheet, activations: Activations, slope: Slope | None, tick_us: float
) -> None:
    """Add period, jitter and cycle-to-cycle jitter of a task to ``sheet``, each with its bounds."""
    every = activations.every
    gaps = look_at_intervals(every)
    n = gaps.n
    if n < 1:
        sheet.mark_unavailable(
            "period_mean_us", "needs two activations with no lost stamp between them"
        )
    else:
        sheet.add("period_mean_us", gaps.mean, n, _mean_bounds(activations, gaps, slope, tick_us))
    if n < 2:
        for metric in ("period_jitter_rms_us", "period_jitter_pp_us"):
            sheet.mark_unavailable(
                metric, "needs three activations with no lost stamp between them"
            )
    else:
        value = math.sqrt(gaps.away.mean)
        bounds = rms_bounds(gaps.away, 1, tick_us**2 / 6.0)
        sheet.add("period_jitter_rms_us", value, n, bounds)
        share = extreme_bounds(covered_share_of_range(n))
        where = activation_time_us(every, gaps.range.farthest_at + 1)
        sheet.add("period_jitter_pp_us", gaps.range.spread, n, share, where_us=where)
    m = gaps.change.n
    if m < 1:
        for metric in ("c2c_jitter_rms_us", "c2c_jitter_max_us"):
            sheet.mark_unavailable(
                metric, "needs three activations with no lost stamp between them"
            )
        return
    value = math.sqrt(gaps.change.mean)
    sheet.add("c2c_jitter_rms_us", value, m, rms_bounds(gaps.change, 0, tick_us**2 / 2.0))
    sheet.add(
        "c2c_jitter_max_us",
        gaps.largest.high,
        m,
        extreme_bounds(covered_share(m)),
        where_us=activation_time_us(every, gaps.largest.high_at + 2),
    )


def _mean_bounds(
    activations: Activations, gaps: Intervals, slope: Slope | None, tick_us: float
) -> Bounds:
    """Bounds of the mean interval, which hangs on the first and the last activation only.

    White error: from how far random pairs of stamps are off the line. Random walk: from the
    correlation of the intervals themselves.
    """
    n = gaps.n
    if n < FEW or slope is None:
        return Bounds(why_not=f"needs {FEW} intervals for bounds")
    clock = 0.95 * tick_us / n
    if slope.wander > 0.5 or activations.lost:
        width = error_of_cells(gaps.cells.means, n).half_width()
    else:
        rng = np.random.default_rng(1)
        first_indices, second_indices = rng.integers(0, activations.n, (2, _PAIRS))
        (first, k), (second, j) = activations.some(first_indices), activations.some(second_indices)
        apart = first - second
        apart -= (k - j) * (activations.period_us + slope.value)
        width = float(np.quantile(np.abs(apart[first_indices != second_indices]), 0.95)) / n
    width = math.hypot(width, clock)
    return Bounds(gaps.mean - width, gaps.mean + width)


def add_grid_errors(
    sheet: MetricSheet, activations: Activations, late: LatenessStatistics, tick_us: float
) -> None:
    """Add TIE and drift of a task against its grid to ``sheet``, each with its bounds."""
    slope = late.slope
    if slope is None:
        for metric in ("tie_rms_us", "tie_pp_us", "schedule_drift_ppm"):
            sheet.mark_unavailable(metric, "needs three activations")
        return
    scale = 1e6 / activations.period_us
    bounds = (
        Bounds(why_not=f"needs {FEW} activations for bounds")
        if slope.lo is None or slope.hi is None
        else Bounds(slope.lo * scale, slope.hi * scale)
    )
    sheet.add("schedule_drift_ppm", slope.value * scale, activations.n, bounds)
    error = look_at_tie(activations)
    wanders = slope.wander > 0.5
    sheet.add(
        "tie_rms_us",
        math.sqrt(error.squares.mean),
        activations.n,
        Bounds(why_not=WANDERS) if wanders else rms_bounds(error.squares, 2, tick_us**2 / 12.0),
    )
    sheet.add(
        "tie_pp_us",
        error.range.spread,
        activations.n,
        Bounds(why_not=WANDERS)
        if wanders
        else extreme_bounds(covered_share_of_range(activations.n)),
        where_us=activation_time_us(activations, error.range.farthest_at),
    )
