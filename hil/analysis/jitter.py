"""Intervals, period and cycle-to-cycle jitter (JEDEC JESD65B)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.activations import activation_time_us
from hil.analysis.grid_errors import mean_interval_bounds
from hil.analysis.streaming_stats import CellSums, Extremes, SquareSums, pieces
from hil.analysis.uncertainty.correlated import rms_bounds
from hil.analysis.uncertainty.effective_number import Stretches
from hil.analysis.uncertainty.extremes import extreme_number, extreme_of

if TYPE_CHECKING:
    from hil.analysis.activations import Activations
    from hil.analysis.grid_slope import Grid
    from hil.analysis.metric_sheet import MetricSheet
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
    first, second = _window_starts(task, 1), _window_starts(task, 2)
    intervals = Intervals(
        n=n,
        mean=mean,
        away=SquareSums(n, first),
        range=Extremes(),
        cells=CellSums(n, starts=first),
        change=SquareSums(pairs, second),
        largest=Extremes(),
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


def _window_starts(task: Activations, order: int) -> list[int]:
    """Where windows begin among the differences of this order that reach over no break."""
    broken = [task.breaks - back for back in range(1, order + 1)]
    gone = np.unique(np.concatenate(broken))
    starts = task.begins - np.searchsorted(gone[gone >= 0], task.begins)
    return [int(start) for start in starts]


_STRETCHES, _STRETCH = 64, 4096


def _some_changes(task: Activations, order: int) -> Stretches:
    """Intervals (1) or absolute changes from each to the next (2); of long captures some."""
    n = task.n
    if n <= _STRETCHES * _STRETCH:
        change = np.diff(task.times(0, n), order)
        gone = np.unique(np.concatenate([task.breaks - back for back in range(1, order + 1)]))
        change = np.delete(change, gone[(gone >= 0) & (gone < change.size)])
        starts = np.array(_window_starts(task, order), np.int64)
    else:
        parts = []
        for start in np.linspace(0, n - _STRETCH - 2, _STRETCHES).astype(np.int64):
            gaps, _, steps, _ = _piece(task, int(start), int(start) + _STRETCH)
            parts.append(gaps if order == 1 else steps)
        change = np.concatenate(parts)
        starts = np.cumsum([0, *(part.size for part in parts[:-1])])
    return Stretches.of(np.abs(change) if order == 2 else change, starts)


def intervals_us(activations: Activations) -> FloatArray:
    """Consecutive intervals in us; one over stamps that the wire lost is left out."""
    every = activations.every
    return np.diff(every.stamps_us)[every.joined]


def add_intervals(
    sheet: MetricSheet, activations: Activations, grid: Grid | None, tick_us: float
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
        sheet.add(
            "period_mean_us", gaps.mean, n, mean_interval_bounds(activations, gaps, grid, tick_us)
        )
    if n < 2:
        for metric in ("period_jitter_rms_us", "period_jitter_pp_us"):
            sheet.mark_unavailable(
                metric, "needs three activations with no lost stamp between them"
            )
    else:
        value = math.sqrt(gaps.away.mean)
        bounds = rms_bounds(gaps.away, 1, tick_us**2 / 6.0)
        sheet.add("period_jitter_rms_us", value, n, bounds)
        worth = extreme_number(_some_changes(every, 1), n, "range")
        spread = gaps.range.spread
        sheet.add(
            "period_jitter_pp_us",
            spread,
            n,
            extreme_of(spread, worth, 2.0 * tick_us, "range"),
            where_us=activation_time_us(every, gaps.range.farthest_at + 1),
            n_effective=worth,
        )
    m = gaps.change.n
    if m < 1:
        for metric in ("c2c_jitter_rms_us", "c2c_jitter_max_us"):
            sheet.mark_unavailable(
                metric, "needs three activations with no lost stamp between them"
            )
        return
    value = math.sqrt(gaps.change.mean)
    sheet.add("c2c_jitter_rms_us", value, m, rms_bounds(gaps.change, 0, tick_us**2 / 2.0))
    worth = extreme_number(_some_changes(every, 2), m)
    sheet.add(
        "c2c_jitter_max_us",
        gaps.largest.high,
        m,
        extreme_of(gaps.largest.high, worth, 2.0 * tick_us),
        where_us=activation_time_us(every, gaps.largest.high_at + 2),
        n_effective=worth,
    )
