"""A figure in each window of a run: what its windows differ by, where they are needed as bounds.

A run that was measured in one window only is cut into three equal parts.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.comparison_scale import on_scale, stretches_of
from hil.analysis.streaming_stats import mean_of
from hil.model.metrics import percentile_metrics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hil.analysis.comparison_scale import Evidence, TaskStamps
    from hil.model.captures import FloatArray
    from hil.model.metric import SeriesName

PARTS = 3
"""Into how many parts a single window is cut."""
FEWEST_FREEDOM = 2
"""The fewest degrees of freedom with which parts bound a figure."""
_FEWEST = 16
_QUANTISATION = 0.29


def cut_window(n: int, later_windows: Sequence[int] = ()) -> list[slice]:
    """The windows of ``n`` stamps, or thirds of the only one."""
    edges = [0, *(later_windows or (n * part // PARTS for part in range(1, PARTS))), n]
    return [slice(first, last) for first, last in pairwise(edges)]


def task_parts(stamps: TaskStamps) -> dict[str, list[float]]:
    """By metric the figures of one task in each window, where all windows have one.

    Percentiles and root mean squares in us, drift in ppm, counts of stretches.
    """
    late = stamps.lateness_us
    spans = cut_window(late.size, stamps.later_windows)
    joined = np.concatenate((stamps.joined, [False]))
    figures: list[dict[str, float]] = []
    for span in spans:
        part = percentile_values("lateness", late[span])
        index, times = stamps.index[span], stamps.stamps_us[span]
        whole = joined[span][:-1]
        if times.size >= _FEWEST:
            gaps = times[1:] - times[:-1]
            part |= (
                _rms("period_jitter_rms_us", gaps[whole] - mean_of(gaps[whole]))
                if (whole.any())
                else {}
            )
            part |= _rms("c2c_jitter_rms_us", (gaps[1:] - gaps[:-1])[whole[1:] & whole[:-1]])
            away = index - mean_of(index)
            square = float(np.dot(away, away))
            slope = float(np.dot(away, late[span])) / square if square else 0.0
            part["schedule_drift_ppm"] = 1e6 * slope / stamps.period_us
            part |= _rms("tie_rms_us", late[span] - mean_of(late[span]) - slope * away)
        part["overruns"] = float(stretches_of(late[span] >= stamps.period_us))
        part["missed"] = float(np.count_nonzero((index[1:] - index[:-1] > 1) & whole))
        figures.append(part)
    return _common(figures)


def percentile_parts(series: SeriesName, windows: Sequence[FloatArray]) -> dict[str, list[float]]:
    """By metric the percentiles of each window."""
    return _common([percentile_values(series, window) for window in windows])


def percentile_values(series: SeriesName, values: FloatArray) -> dict[str, float]:
    """The percentiles that at least one of ``values`` (n,) is expected beyond, in us."""
    ordered = np.sort(values)
    return {
        metric: float(ordered[math.ceil(percentile.share * ordered.size) - 1])
        for metric, percentile in percentile_metrics(series).items()
        if ordered.size >= _FEWEST and ordered.size * (1.0 - percentile.share) >= 1.0
    }


def with_parts(evidence: Evidence, values: Sequence[float]) -> Evidence:
    """``evidence`` with the figure's value in each window; of a count its bursts there."""
    if not values and not evidence.parts:
        return evidence
    return replace(evidence, parts=tuple(on_scale(value, evidence.c) for value in values))


def bounded_by_parts(runs: Sequence[Evidence]) -> list[Evidence]:
    """The same figure of several runs; a missing error is left to what their windows differ by.

    The spread between windows then holds the error of the stamps too. On a logarithmic scale it is
    learned with the noise floor, and the error that is left is the clock's step and what windows
    have in common. On a linear one all runs together give one variance of a part about its run's
    mean; a run's figure has that of the mean of its parts, with the degrees of freedom of all.
    With fewer than :data:`FEWEST_FREEDOM` degrees of freedom errors stay infinite.
    """
    split = [run.parts for run in runs if len(run.parts) >= 2]
    freedom = sum(len(parts) - 1 for parts in split)
    if freedom < FEWEST_FREEDOM or all(math.isfinite(run.error) for run in runs):
        return list(runs)
    scatter = sum(sum((y - sum(parts) / len(parts)) ** 2 for y in parts) for parts in split)
    return [_bounded(run, scatter / freedom, freedom) for run in runs]


def _bounded(run: Evidence, variance: float, freedom: int) -> Evidence:
    if math.isfinite(run.error) or len(run.parts) < 2:
        return run
    if run.c > 0.0:
        error, dof = _QUANTISATION * run.c / math.hypot(run.value, run.c), run.dof
    else:
        error, dof = math.sqrt(variance / len(run.parts)), min(run.dof, float(freedom))
    low, high = math.hypot(error, run.shared_low), math.hypot(error, run.shared_high)
    return replace(
        run,
        low=low if math.isinf(run.low) else max(run.low, low),
        high=high if math.isinf(run.high) else max(run.high, high),
        dof=dof,
        from_parts=run.c > 0.0,
    )


def _rms(metric: str, away: FloatArray) -> Mapping[str, float]:
    return {metric: math.sqrt(mean_of(np.square(away)))} if away.size else {}


def _common(figures: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    shared = set.intersection(*(set(part) for part in figures)) if figures else set()
    return {metric: [part[metric] for part in figures] for metric in sorted(shared)}
