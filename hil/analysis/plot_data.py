"""Arrays of bounded size for charts: histograms, thinned series, curves with bands.

Pure functions: records in, frozen dataclasses of arrays out. Their size does not grow with the
number of stamps; a series is decimated to the smallest and largest value of each stretch, so that a
single late activation among millions is still on the plot.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis import stability
from hil.analysis.activations import activations_of, lateness_us
from hil.analysis.clock import instrument
from hil.analysis.clock_skew import exchanges, window_minima
from hil.analysis.phase import phase_of
from hil.analysis.uncertainty.distributions import quantile_ranks
from hil.analysis.uncertainty.order_statistics import CONFIDENCE

if TYPE_CHECKING:
    from hil.analysis.activations import Activations
    from hil.model.captures import Capture, FloatArray, IntArray

BINS = 120
POINTS = 2000


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts between ``edges_us`` (bins + 1,), and how many fell outside, never silently lost.

    ``lo``/``hi`` (bins,) bound each count at 95 % (Poisson).
    """

    edges_us: FloatArray
    counts: IntArray
    under: int
    over: int
    n: int
    lo: FloatArray
    hi: FloatArray


@dataclass(frozen=True, slots=True)
class PlotSeries:
    """A decimated series; ``worst`` is the index in it of the value farthest from zero."""

    time_s: FloatArray
    value_us: FloatArray
    worst: int
    n: int


@dataclass(frozen=True, slots=True)
class PercentileCurve:
    """Values by share of activations at or below them, with order-statistics bounds.

    The bounds take the samples as independent; ``nan`` where the sample is too small.
    """

    share: FloatArray
    value_us: FloatArray
    lo_us: FloatArray
    hi_us: FloatArray
    n: int


@dataclass(frozen=True, slots=True)
class StabilityCurve:
    """One stability figure over averaging time; ``lo``/``hi`` are ``nan`` where not given."""

    name: str
    unit: str
    tau_s: FloatArray
    value: FloatArray
    lo: FloatArray
    hi: FloatArray


@dataclass(frozen=True, slots=True)
class PhasePlot:
    """Phase error of the railroad lights, and the quarter period beyond which they meet."""

    series: PlotSeries
    limit_us: float


@dataclass(frozen=True, slots=True)
class SkewPlot:
    """Clock offset (us, less its first value) of all exchanges and of the fastest ones."""

    time_s: FloatArray
    offset_us: FloatArray
    fast_time_s: FloatArray
    fast_offset_us: FloatArray


def lateness_of_tasks(capture: Capture) -> FloatArray:
    """Lateness of all tasks in us, in turn, less the cost of reading the clock; (n,) float64."""
    late = [lateness_us(activations_of(capture, track)) for track in capture.tracks]
    all_late: FloatArray = np.concatenate([*late, np.empty(0)])
    all_late -= instrument(capture).read_cost_us
    return all_late


def counts_between(values: FloatArray, edges: FloatArray) -> IntArray:
    """How many ``values`` lie between each two ``edges``, (edges - 1,) int64.

    A value at an edge counts to what follows it, at the last one to what is before it.
    """
    return np.histogram(values, edges)[0].astype(np.int64)


def histogram(values: FloatArray, step_us: float = 1.0, bins: int = BINS) -> Histogram | None:
    """Histogram over the central 99.8 %, widened to whole clock steps; the rest is counted.

    ``None`` for no values. A bin is never narrower than the clock's step, else the rounding would
    show as a comb.
    """
    n = int(values.size)
    if n == 0:
        return None
    sample = values[:: max(1, n // 200_000)]
    low, high = np.quantile(sample, [0.001, 0.999])
    margin = 0.05 * (high - low) + step_us
    width = max(step_us, math.ceil((high - low + 2 * margin) / bins / step_us) * step_us)
    first = math.floor((low - margin) / step_us) * step_us - step_us / 2
    count = max(1, math.ceil((high + margin - first) / width))
    edges = first + width * np.arange(count + 1)
    counts, _ = np.histogram(values, bins=edges)
    under = int(np.count_nonzero(values < edges[0]))
    over = int(np.count_nonzero(values > edges[-1]))
    # Poisson bounds by Wilson and Hilferty's cube root: upward good to 1 %, downward from 5 on
    lo = np.zeros(counts.size)
    some = counts > 0
    c = counts[some].astype(np.float64)
    lo[some] = c * (1 - 1 / (9 * c) - 1.96 / (3 * np.sqrt(c))) ** 3
    c = counts + 1.0
    hi = c * (1 - 1 / (9 * c) + 1.96 / (3 * np.sqrt(c))) ** 3
    return Histogram(edges, counts.astype(np.int64), under, over, n, np.maximum(lo, 0.0), hi)


def decimate(time_s: FloatArray, value: FloatArray, points: int = POINTS) -> PlotSeries:
    """At most ``points`` values, in order of time: least and greatest of each stretch."""
    n = int(value.size)
    if n > points:
        size = -(-2 * n // points)
        whole = n // size * size
        blocks = value[:whole].reshape(-1, size)
        start = np.arange(len(blocks)) * size
        keep = np.concatenate((start + blocks.argmin(axis=1), start + blocks.argmax(axis=1)))
        if whole < n:
            rest = value[whole:]
            ends = [whole + int(rest.argmin()), whole + int(rest.argmax())]
            keep = np.concatenate((keep, ends))
        keep = np.unique(keep)
        time_s, value = time_s[keep], value[keep]
    worst = int(np.argmax(np.abs(value))) if n else -1
    return PlotSeries(time_s, value, worst, n)


def percentile_curve(values: FloatArray) -> PercentileCurve | None:
    """The percentile curve at shares 0, 0.5, 0.9, 0.99, … as far as ``n`` samples reach."""
    n = int(values.size)
    if n < 2:
        return None
    ordered = np.sort(values)
    tail = np.logspace(0, math.log10(n), max(2, int(20 * math.log10(n))))
    shares = np.unique(np.clip(1.0 - 1.0 / tail, 0.5 / n, 1.0 - 0.5 / n))
    rank = np.clip(np.ceil(shares * n).astype(np.int64) - 1, 0, n - 1)
    lo, hi = np.full(shares.size, math.nan), np.full(shares.size, math.nan)
    for i, share in enumerate(shares):
        low, high = quantile_ranks(float(share), float(n), CONFIDENCE)
        if low >= 1:
            lo[i] = ordered[min(n, math.floor(low)) - 1]
        if high <= n:
            hi[i] = ordered[math.ceil(high) - 1]
    return PercentileCurve(shares, ordered[rank], lo, hi, n)


def stability_curves(activations: Activations, tick_us: float) -> tuple[StabilityCurve, ...]:
    """ADEV, TDEV and MTIE over octaves, for the report; MTIE needs arrays of every release."""
    windows = stability.time_errors(activations, whole=True)
    tau0_us, longest = activations.period_us, max((x.size for x in windows), default=0)
    rows: dict[str, list[tuple[float | None, ...]]] = {"adev": [], "tdev": [], "mtie": []}
    for name, m, value, bounds in stability.figures(
        windows, tau0_us, tick_us, stability.octaves(longest)
    ):
        ends = (bounds.lo, bounds.hi) if bounds.hi is not None else (None, None)
        rows[name].append((m * tau0_us / 1e6, value, *ends))
    return tuple(
        StabilityCurve(
            name, "1" if name == "adev" else "us", *np.array(points, np.float64).reshape(-1, 4).T
        )
        for name, points in rows.items()
    )


def phase_plot(capture: Capture) -> PhasePlot | None:
    """Phase error of the first two tasks, or ``None`` if they don't alternate."""
    if len(capture.tracks) < 2:
        return None
    phase = phase_of(capture.tracks[0], capture.tracks[1])
    if phase is None:
        return None
    return PhasePlot(decimate(phase.time_s, phase.error_us), phase.limit_us)


def skew_plot(capture: Capture) -> SkewPlot | None:
    """Clock offsets against host time, of the last window, or ``None`` without exchanges."""
    pings = capture.windows[-1].pings if capture.windows else capture.pings
    if pings is None or pings.host_tx_ns.size < 2:
        return None
    data = exchanges(pings)
    offset = (data.forward_us - data.backward_us) / 2.0
    fast_time, fast = window_minima(data)
    shown = decimate(data.time_s, offset - offset[0])
    return SkewPlot(shown.time_s, shown.value_us, fast_time, fast - offset[0])
