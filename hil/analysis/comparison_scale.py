"""A figure and its error on the scale on which runs are compared.

Runs are compared on a scale on which the error of an estimate does not depend on its size and past
and new values differ by a shift: ``y = asinh(x / c)`` for times and shares (the logarithm where
``x`` is large against ``c``, linear near zero), ``y = x / c`` for rates in ppm, which have either
sign, and ``y = 2 sqrt(x + 3/8)`` for counts (Anscombe 1948), where the error of a Poisson count is
1. A count of activations that come in bursts is the count of the bursts: one stall that loses eight
activations happened once.

Errors are those of the process and include the correlation of the stamps, as everywhere else
(:mod:`hil.analysis.uncertainty.correlated`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.streaming_stats import mean_of
from hil.analysis.uncertainty import order_statistics
from hil.analysis.uncertainty.correlated import CARRIERS, cell_means, effective_samples, mean_error
from hil.model.metrics import percentile_metrics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.analysis.activations import BoolArray
    from hil.model.captures import FloatArray, IntArray
    from hil.model.metric import SeriesName
    from hil.model.results import Measurement

UNIT_SCALES = {"us": 1.0, "ppm": -10.0, "s": 1.0, "hz": 1.0, "bytes": 1.0, "1": 1e-9}
"""``c`` of the scale for each unit, negative for the linear one; for ``us`` at least the clock's
step."""
COUNT = 0.0
"""``c`` of a count."""
_FEWEST_WORTH = 12.0
_REACH = (2.5, 1.5, 0.8)
_DOF = 30.0
_Z95 = 1.96


@dataclass(frozen=True, slots=True)
class Evidence:
    """One figure of one run: ``value`` in its unit, ``y`` on the scale of comparison.

    ``low`` and ``high`` are the standard errors of ``y`` downward and upward, known with ``dof``
    degrees of freedom. ``c`` is the scale's constant (:data:`UNIT_SCALES`, :data:`COUNT`); of a
    count ``cluster`` is how many came together on average. ``parts`` are the same figure's ``y`` in
    each window of the run; ``from_parts`` says that only their scatter bounds the figure: the
    errors are without those of the stamps. ``shared_low`` and ``shared_high`` are the share of the
    errors that all windows have in common, so that their scatter does not show it.
    """

    value: float
    y: float
    low: float
    high: float
    c: float
    dof: float = _DOF
    cluster: float = 1.0
    parts: tuple[float, ...] = ()
    from_parts: bool = False
    shared_low: float = 0.0
    shared_high: float = 0.0

    @property
    def error(self) -> float:
        """The standard error where the side does not matter."""
        return (self.low + self.high) / 2


@dataclass(frozen=True, slots=True)
class TaskStamps:
    """One task's activations: ``stamps_us`` from the grid's origin and ``index``, both (n,).

    ``joined`` (n-1,) is true where nothing is missing between two neighbours. ``later_windows`` are
    the positions of the first stamps of the second and every further window.
    """

    period_us: float
    stamps_us: FloatArray
    index: IntArray
    joined: BoolArray
    cost_us: float = 0.0
    later_windows: tuple[int, ...] = ()

    @property
    def windows(self) -> list[slice]:
        """The stamps of each window."""
        edges = [0, *self.later_windows, self.stamps_us.size]
        return [slice(first, last) for first, last in pairwise(edges)]

    @property
    def lateness_us(self) -> FloatArray:
        """Actual minus intended activation less the cost of a reading, (n,)."""
        return self.stamps_us - self.index * self.period_us - self.cost_us


def on_scale(value: float, c: float) -> float:
    """``value`` on the scale of comparison."""
    if c == COUNT:
        return 2.0 * math.sqrt(max(value, 0.0) + 0.375)
    return math.asinh(value / c) if c > 0.0 else value / -c


def off_scale(y: float, c: float) -> float:
    """The inverse of :func:`on_scale`."""
    if c == COUNT:
        return max(0.0, (max(y, 0.0) / 2.0) ** 2 - 0.375)
    return c * math.sinh(max(-700.0, min(y, 700.0))) if c > 0.0 else y * -c


def task_evidence(stamps: TaskStamps, step_us: float) -> dict[str, Evidence]:
    """Evidence by metric for what follows from one task's stamps; ``step_us`` is the clock's."""
    evidence = percentile_evidence("lateness", stamps.lateness_us, step_us)
    gaps = stamps.stamps_us[1:] - stamps.stamps_us[:-1]
    joined = np.flatnonzero(stamps.joined)
    gaps = gaps[joined]
    if gaps.size >= 16:
        away = gaps - mean_of(gaps)
        _add_rms(evidence, "period_jitter_rms_us", away, step_us, step_us**2 / 6.0)
        change = np.diff(gaps)[np.diff(joined) == 1]
        _add_rms(evidence, "c2c_jitter_rms_us", change, step_us, step_us**2 / 2.0)
    if stamps.index.size >= 16 and stamps.index[-1] > stamps.index[0]:
        error = _residuals(stamps)
        if _worth(error) >= _FEWEST_WORTH:
            _add_rms(evidence, "tie_rms_us", error, step_us, step_us**2 / 12.0)
    return evidence


def tilt_ppm(stamps: TaskStamps) -> float:
    """What a step of the lateness within the window may tilt its line by, as a standard error.

    The bounds of a slope treat its residuals as one process throughout. A host or a board that was
    busy for the second half leaves a step instead, which no drift of a clock is: one by ``J`` in
    mid-window ``T`` tilts the line by ``1.5 J / T`` and leaves residuals with a root mean square of
    ``J / 4``. Three times that over ``T`` is given, so such a step lies two standard errors away.
    The mean of several windows' lines is tilted less by the root of their number.
    """
    spans = [stamps.stamps_us[window] for window in stamps.windows]
    lengths_us = [float(span[-1] - span[0]) for span in spans if span.size]
    if not any(lengths_us):
        return 0.0
    window_us = sum(lengths_us) / len(lengths_us)
    away = math.sqrt(mean_of(np.square(_residuals(stamps))))
    return 3e6 * away / window_us / math.sqrt(len(lengths_us))


def widened(evidence: Evidence, by: float, reach: float = 1.0) -> Evidence:
    """``evidence`` with another independent standard error, ``by`` in the figure's unit; no counts.

    It is taken ``reach`` standard errors out, since the scale is bent, most of all at zero.
    """
    low, high = (
        abs(on_scale(evidence.value + side * reach * by, evidence.c) - evidence.y) / reach
        for side in (-1, 1)
    )
    return replace(
        evidence,
        low=math.hypot(evidence.low, low),
        high=math.hypot(evidence.high, high),
        shared_low=math.hypot(evidence.shared_low, low),
        shared_high=math.hypot(evidence.shared_high, high),
    )


def _residuals(stamps: TaskStamps) -> FloatArray:
    """Lateness about the line of its window, (n,)."""
    late = stamps.lateness_us
    error = np.empty_like(late)
    for window in stamps.windows:
        if late[window].size:
            away = stamps.index[window] - mean_of(stamps.index[window])
            error[window] = late[window] - mean_of(late[window])
            error[window] -= away * float(
                np.dot(away, error[window]) / max(float(np.dot(away, away)), 1.0)
            )
    return error


def pooled_evidence(tasks: Sequence[TaskStamps], step_us: float) -> dict[str, Evidence]:
    """Percentiles of the lateness over all tasks of a case, taken in the order of time."""
    order = np.argsort(np.concatenate([stamps.stamps_us for stamps in tasks]), kind="stable")
    late = np.concatenate([stamps.lateness_us for stamps in tasks])[order]
    return percentile_evidence("lateness", late, step_us)


def percentile_evidence(
    name: SeriesName, series: FloatArray, step_us: float
) -> dict[str, Evidence]:
    """Evidence for the percentiles of a series, as far as the number of samples supports them.

    The error of a percentile is that of its rank, for the number of independent samples that
    ``series`` (n,), in the order of time, is worth. It is taken far from the percentile, where a
    test of many figures decides, and separately for the two sides: a tail is wider upward.
    """
    evidence: dict[str, Evidence] = {}
    ordered = np.sort(series)
    n = series.size
    c = max(UNIT_SCALES["us"], step_us)
    for metric, percentile in percentile_metrics(name).items():
        quantile = percentile.share
        if n < order_statistics.needed_samples(quantile):
            continue
        value = float(ordered[math.ceil(quantile * n) - 1])
        above = cell_means((series > value).astype(np.float32))
        flat = np.full(above.size, mean_of(above))
        worth = effective_samples(above, flat, n, quantile)
        if worth < _FEWEST_WORTH:
            continue
        y = math.asinh(value / c)
        rounding = 0.29 * step_us / math.hypot(value, c)
        sides = [abs(_rank_end(ordered, quantile, worth, side, c) - y) for side in (-1, 1)]
        sides = [reach / z for reach, z in zip(sides, _reaches(quantile, worth), strict=True)]
        low, high = (math.hypot(side, rounding) for side in sides)
        dof = float(max(4, int(0.4 * above.size ** (2 / 3))))
        evidence[metric] = Evidence(value, y, low, high, c, dof)
    return evidence


def figure_evidence(figure: Measurement, step_us: float, stretches: int | None = None) -> Evidence:
    """Evidence from a figure and its bounds, for what does not follow from stamps alone.

    On a side without a bound the error is infinite; what the windows of the runs differ by may
    take its place (:func:`hil.analysis.window_parts.bounded_by_parts`). ``stretches`` is in how
    many separate bursts a count came (unknown: every one alone).
    """
    if figure.unit == "count":
        bursts = figure.value if stretches is None else min(float(stretches), figure.value)
        cluster = figure.value / bursts if bursts else 1.0
        return Evidence(figure.value, on_scale(bursts, COUNT), 1.0, 1.0, COUNT, 1e6, cluster)
    c = UNIT_SCALES.get(figure.unit, 1.0)
    if figure.unit == "us":
        c = max(c, step_us)
    y = on_scale(figure.value, c)
    low = math.inf if figure.lo is None else max(y - on_scale(figure.lo, c), 0.0) / _Z95
    high = math.inf if figure.hi is None else max(on_scale(figure.hi, c) - y, 0.0) / _Z95
    return Evidence(figure.value, y, low, high, c)


def stretches_of(counted: BoolArray) -> int:
    """In how many unbroken stretches the true entries of ``counted`` (n,) lie."""
    if counted.size == 0:
        return 0
    return int(counted[0]) + int(np.count_nonzero(counted[1:] & ~counted[:-1]))


def _add_rms(
    evidence: dict[str, Evidence], metric: str, away: FloatArray, step_us: float, clock: float
) -> None:
    """Root mean square of ``away``; left out where a few outliers carry it (see ``rms_bounds``)."""
    n = away.size
    if n < 16:
        return
    squares = np.square(away)
    mean = mean_of(squares)
    weight = float(np.dot(squares, squares))
    if mean <= 3.0 * clock or not weight or (mean * n) ** 2 / weight < min(CARRIERS, n / 6.0):
        return
    value = math.sqrt(mean)
    error = mean_error(squares)
    c = max(UNIT_SCALES["us"], step_us)
    side = 0.5 * error.standard / mean * value / math.hypot(value, c)
    evidence[metric] = Evidence(value, math.asinh(value / c), side, side, c, float(error.dof))


def _worth(series: FloatArray) -> float:
    """How many independent samples the mean of ``series`` rests on."""
    variance = float(series.var())
    return variance / max(mean_error(series).standard ** 2, 1e-300) if variance else series.size


def _reaches(quantile: float, worth: float) -> tuple[float, float]:
    """How many standard errors away the two ends of a rank are taken: as far as the sample goes."""
    tail = worth * (1.0 - quantile)
    up = next((z for z in _REACH if _exceeding(tail, quantile, -z) >= 0.35), _REACH[-1])
    return _REACH[0], up


def _rank_end(ordered: FloatArray, quantile: float, worth: float, side: int, c: float) -> float:
    """The order statistic at the far rank on one side of a percentile, on the scale."""
    tail = worth * (1.0 - quantile)
    z = _reaches(quantile, worth)[0 if side < 0 else 1]
    share = _exceeding(tail, quantile, -side * z) / worth
    rank = (1.0 - share) * ordered.size - 0.5
    below = min(max(math.floor(rank), 0), ordered.size - 1)
    above = min(below + 1, ordered.size - 1)
    part = min(max(rank - below, 0.0), 1.0)
    value = float(ordered[below] + part * (ordered[above] - ordered[below]))
    return math.asinh(value / c)


def _exceeding(tail: float, quantile: float, z: float) -> float:
    """Samples above the percentile at ``z`` standard errors from the ``tail`` expected ones.

    Wilson and Hilferty's cube root of a gamma variable, narrowed to the binomial's variance.
    """
    root = 1.0 - 1.0 / (9.0 * tail) + z * math.sqrt(quantile) / (3.0 * math.sqrt(tail))
    return tail * max(root, 0.0) ** 3
