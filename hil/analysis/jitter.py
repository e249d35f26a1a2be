"""Intervals, period and cycle-to-cycle jitter (JEDEC JESD65B)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.activations import activation_time_us
from hil.analysis.grid_errors import mean_interval_bounds
from hil.analysis.metric_sheet import extreme_bounds
from hil.analysis.streaming_stats import CellSums, Extremes, SquareSums, pieces
from hil.analysis.uncertainty.correlated import rms_bounds
from hil.analysis.uncertainty.order_statistics import covered_share, covered_share_of_range

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
