"""Drift, time interval error and mean period of a task, each against the task's one grid."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.activations import activation_time_us
from hil.analysis.grid_slope import grid_of
from hil.analysis.metric_sheet import WANDERS, Bounds
from hil.analysis.streaming_stats import Extremes, SquareSums
from hil.analysis.uncertainty import budget
from hil.analysis.uncertainty.correlated import FEW, error_of_cells, rms_bounds
from hil.analysis.uncertainty.distributions import chi_squared_quantile
from hil.analysis.uncertainty.effective_number import Stretches, slow_number
from hil.analysis.uncertainty.extremes import extreme_number, extreme_of

if TYPE_CHECKING:
    from hil.analysis.activations import Activations
    from hil.analysis.grid_slope import Grid
    from hil.analysis.jitter import Intervals
    from hil.analysis.metric_sheet import MetricSheet
    from hil.model.captures import FloatArray

_PAIRS = 20_000
_NOISE, _SOME_ERRORS = 4096, 1 << 18
_FEW_INDEPENDENT = 100.0
FOLLOW = "the errors follow one another too closely for an upper bound"
# The mean square of a random walk about a line is sum(x_j^2 / j^2), from j = 2 on about its own
# line: this varies like a chi-squared with (sum 1/j^2)^2 / sum 1/j^4 degrees of freedom. What is
# left of them where the steps are correlated, or few of them carry the walk, was measured.
_OWN_LINE = (math.pi**2 / 6.0 - 1.0, math.pi**4 / 90.0 - 1.0)
_WALK_LEFT = 0.6
ACROSS = "scatter within and between the windows"
CLOCK = "clock's step"
ENDS = "first and last activation of each window"


def tie_us(task: Activations) -> FloatArray:
    """Time interval error in us against the task's grid, (n,) float64."""
    grid = grid_of(task)
    if grid is None:
        return np.zeros(task.n)
    return np.concatenate([error for _, error in grid.errors_us(task)])


@dataclass(frozen=True, slots=True)
class TieSums:
    """Squares and range of a task's time interval error; ``noise`` from one to the next, rms."""

    squares: SquareSums
    range: Extremes
    noise: float


def look_at_tie(task: Activations, grid: Grid) -> TieSums:
    """The same as :func:`tie_us`, a piece at a time."""
    sums = TieSums(SquareSums(task.n, grid.edges[:-1]), Extremes(), 0.0)
    noise = 0.0
    for start, error in grid.errors_us(task):
        sums.range.add(error, start)
        if not start:
            noise = float(np.diff(error[:_NOISE]).std())
        sums.squares.add(error)
    return TieSums(sums.squares, sums.range, noise)


def scatter_name(grid: Grid) -> str:
    """What the part of Type A of a slope is called."""
    return ACROSS if len(grid.levels) > 1 else budget.SCATTER


def slope_bounds(grid: Grid, span: float, step_us: float, noise_us: float) -> Bounds:
    """Bounds of the slope in us a release, with the clock's step among its parts.

    Unless the noise is wider than the step, rounding can tilt the line by up to one step over the
    ``span`` in releases.
    """
    slope = grid.slope
    if slope.lo is None or slope.hi is None:
        return Bounds(why_not=f"needs {FEW} activations for bounds")
    parts = []
    if noise_us < step_us and span > 0.0:
        parts.append(budget.evenly(CLOCK, step_us / span))
    interval = Bounds(slope.lo, slope.hi)
    return budget.combined(slope.value, interval, parts, dof=slope.dof, what=scatter_name(grid))


def walk_rms_bounds(value: float, windows: int) -> Bounds:
    """Bounds of the rms of a random walk about the one line of its windows, of this length."""
    squares, fourths = (windows * part + (windows - 1) for part in _OWN_LINE)
    dof = _WALK_LEFT * squares**2 / fourths
    low, high = (chi_squared_quantile(p, dof) for p in (0.025, 0.975))
    return Bounds(value * math.sqrt(dof / high), value * math.sqrt(dof / low))


def add_grid_errors(
    sheet: MetricSheet, task: Activations, grid: Grid | None, tick_us: float
) -> None:
    """Add TIE and drift of a task against its grid to ``sheet``, each with its bounds."""
    if grid is None:
        for metric in ("tie_rms_us", "tie_pp_us", "schedule_drift_ppm"):
            sheet.mark_unavailable(metric, "needs three activations")
        return
    error = look_at_tie(task, grid)
    slope, n = grid.slope, task.n
    scale = 1e6 / task.period_us
    bounds = slope_bounds(grid, _span(task, grid), tick_us, error.noise)
    sheet.add(
        "schedule_drift_ppm", slope.value * scale, n, bounds.times(scale), note=_bent(task, grid)
    )
    value = math.sqrt(error.squares.mean)
    windows = len(grid.levels)
    look = _some_errors(task, grid)
    wanders = slope.wander > 0.5
    if wanders and slope.lo is not None:
        spread = walk_rms_bounds(value, windows)
        note = "of windows of this length: it grows with the window"
    else:
        spread = rms_bounds(error.squares, 1 + windows, tick_us**2 / 12.0)
        note = None
        if n * slow_number(look) < _FEW_INDEPENDENT:
            # a line through few independent errors takes a part of them with it
            spread = Bounds(spread.lo, None, FOLLOW)
    sheet.add("tie_rms_us", value, n, budget.widened(value, spread), note=note)
    worth = None if wanders else extreme_number(look, n, "range")
    sheet.add(
        "tie_pp_us",
        error.range.spread,
        n,
        budget.seen_at_least(
            error.range.spread, (budget.evenly(CLOCK, tick_us),), WANDERS
        ).at_least(0.0)
        if worth is None
        else extreme_of(error.range.spread, worth, 2.0 * tick_us, "range"),
        n_effective=worth,
        where_us=activation_time_us(task, error.range.farthest_at),
    )


def _some_errors(task: Activations, grid: Grid) -> Stretches:
    """The time interval error, of long captures that of their beginning."""
    parts, starts = [], [0]
    for start, error in grid.errors_us(task):
        if start in grid.edges[1:-1]:
            starts.append(start)
        parts.append(error)
        if start >= _SOME_ERRORS:
            break
    return Stretches.of(np.concatenate(parts), np.array(starts, np.int64))


def _bent(task: Activations, grid: Grid) -> str | None:
    """What to keep in mind of a rate that was not one."""
    if not grid.slope.bend:
        return None
    windows = len(grid.levels)
    releases = _span(task, grid) / math.sqrt(windows)
    change = grid.slope.bend * releases * 1e6 / task.period_us
    within = "each window" if windows > 1 else "the window"
    return f"the rate itself changed by {change:+.4g} ppm in {within}; this is its mean"


def _span(task: Activations, grid: Grid) -> float:
    """Releases over which the line lies: those of a window, times the root of their number."""
    edges = np.array(grid.edges)
    first, last = task.some(edges[:-1])[1], task.some(edges[1:] - 1)[1]
    return float(np.sqrt(np.square(last - first).sum()))


def mean_interval_bounds(
    task: Activations, gaps: Intervals, grid: Grid | None, tick_us: float
) -> Bounds:
    """Bounds of the mean interval, which hangs on the first and the last activation of each window.

    What is known of the rate: the slope's own bounds. How far the ends are off the line: from
    random pairs of activations, and for a walk from what neighbouring intervals take from one
    another. Where releases
    were missed or activations extra, the intervals vary with them: the error of their mean,
    correlation included.
    """
    n = gaps.n
    if n < FEW or grid is None or grid.slope.lo is None or grid.slope.hi is None:
        return Bounds(why_not=f"needs {FEW} intervals for bounds")
    slope, lo, hi = grid.slope, grid.slope.lo, grid.slope.hi
    ends = len(grid.levels) + len(task.track.gaps)
    parts = [budget.evenly(CLOCK, tick_us * math.sqrt(ends) / n)]
    if (task.missed or task.extra.size) and task.rule != "sequence":
        error = error_of_cells(gaps.cells.cells)
        standard = error.standard * error.widening
        return budget.mean_bounds(gaps.mean, standard, error.dof, parts)
    if task.rule == "sequence":
        away = gaps.mean - slope.value
        own = Bounds(lo + away, hi + away)
        # of steps and white noise, E T^2 = s^2 + 2 w^2 and E (T' - T)^2 = 2 s^2 + 6 w^2
        white = max(0.0, gaps.change.mean / 2.0 - gaps.away.mean) if gaps.change.n else 0.0
        parts.append(budget.scatter(math.sqrt(2.0 * ends * white) / n, math.inf, ENDS))
        return budget.combined(gaps.mean, own, parts, dof=slope.dof, what=scatter_name(grid))
    if len(grid.levels) > 1:
        standard = slope.between / math.sqrt(len(grid.levels))
        dof = len(grid.levels) - 1
        parts.append(budget.scatter(standard, dof, "rates of the windows"))
    edge = _ends_of_windows(task, grid, ends, n)
    return budget.mean_bounds(gaps.mean, edge.standard, edge.dof, parts, edge.what)


def _ends_of_windows(task: Activations, grid: Grid, ends: int, n: int) -> budget.Part:
    """How far the mean of ``n`` intervals is off because its first and last stamps are."""
    rng = np.random.default_rng(1)
    pairs = rng.integers(0, task.n, (2, _PAIRS))
    window = np.searchsorted(np.array(grid.edges[1:-1], dtype=np.int64), pairs, side="right")
    (first, k), (second, j) = task.some(pairs[0]), task.some(pairs[1])
    apart = first - second
    apart -= (k - j) * (task.period_us + grid.slope.value)
    apart -= grid.levels[window[0]] - grid.levels[window[1]]
    width = float(np.quantile(np.abs(apart[pairs[0] != pairs[1]]), 0.95))
    return budget.scatter(
        width / budget.coverage_factor(math.inf) * math.sqrt(ends) / n,
        math.inf,
        ENDS,
    )
