"""Charts of one case: lateness, intervals, time interval error, the worst 100 ms, latency."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.activations import activations_of, lateness_us
from hil.analysis.clock import instrument
from hil.analysis.grid_errors import tie_us
from hil.analysis.jitter import intervals_us
from hil.analysis.plot_data import decimate, histogram, percentile_curve
from hil.analysis.stamp_costs import taken_off
from hil.model.metrics import percentile_metrics
from hil.model.units import format_measurement, format_time_us
from hil.report.charts.chart import (
    INK,
    Axis,
    Chart,
    Mark,
    ReferenceLine,
    Series,
    category_axis,
    linear_axis,
    log_axis,
    percentile_axis,
    time_axis,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hil.analysis.activations import Activations
    from hil.analysis.clock import Instrument
    from hil.model.captures import Capture, EventSet, FloatArray
    from hil.model.metric import Percentile
    from hil.model.results import Measurement

MAX_TASKS = 2
"""Tasks shown in one chart."""
POINTS = 240
"""Points of a series over time: the least and the greatest of each stretch."""
_BINS = 40
_MAX_METHODS = 14
_RASTER_US = 100_000.0
_MAX_RASTER_POINTS = 200


def technique_charts(
    capture: Capture, measurements: Sequence[Measurement], points: int = POINTS
) -> Iterator[Chart]:
    """Percentiles of lateness, intervals, TIE, the worst 100 ms, and latency where measured.

    ``measurements`` are those of this capture; ``points`` bounds each series over time.
    """
    case = f"{capture.plan.technique}, load {capture.plan.load}"
    costs = instrument(capture)
    tracks = [activations_of(capture, track) for track in capture.tracks[:MAX_TASKS]]
    late = [lateness_us(track) - costs.read_cost_us for track in tracks]
    if any(track.n > 1 for track in tracks):
        yield _lateness(tracks, late, measurements, case)
        yield _intervals(tracks, measurements, case, costs)
    if any(track.n > 2 for track in tracks):
        yield _time_interval_error(tracks, measurements, case, points)
    if any(track.n for track in tracks):
        yield _raster(tracks, late, case)
    for stage in ("isr", "defer"):
        sets = [e for e in capture.events if e.stage == stage and e.stimulus_us.size > 1]
        if sets:
            yield _latency(sets, measurements, case, costs)


def figure_of(measurements: Sequence[Measurement], metric: str) -> Measurement | None:
    """The board's first figure of this metric, those with a method of their own aside."""
    return next(
        (m for m in measurements if m.by_board and m.metric == metric and not m.method), None
    )


def seconds_axis(series: Sequence[Series]) -> Axis:
    """An axis of the seconds of the window that holds all series."""
    ends = [float(shown.x[k]) for shown in series for k in (0, -1)]
    return linear_axis(min(ends), max(ends), "time in the window (s)", "s")


def _lateness(
    tracks: Sequence[Activations],
    late: Sequence[FloatArray],
    measurements: Sequence[Measurement],
    case: str,
) -> Chart:
    series = [
        _percentile_series(_label(track, values.size), values, color)
        for color, (track, values) in enumerate(zip(tracks, late, strict=True))
    ]
    percentiles = percentile_metrics("lateness")
    marks = [
        _percentile_mark(m, percentiles[m.metric])
        for m in measurements
        if m.by_board and m.metric in percentiles and m.task in (0, None) and not m.method
    ]
    alt = f"Lateness of {case} over percentiles."
    alt += f" {'; '.join(mark.text for mark in marks)}." if marks else ""
    return _percentiles(series, marks, ("Lateness", "lateness"), alt, is_lateness=True)


def _latency(
    sets: Sequence[EventSet], measurements: Sequence[Measurement], case: str, costs: Instrument
) -> Chart:
    more = max(0, len(sets) - _MAX_METHODS)
    sets = sets[:_MAX_METHODS]
    stage = sets[0].stage
    values = [
        (e.handler_us - e.stimulus_us).astype(np.float64)
        - taken_off(e, costs.costs, costs.stamp_cost_us).us
        for e in sets
    ]
    series = [
        _percentile_series(f"{e.method}, n = {v.size}", v, color)
        for color, (e, v) in enumerate(zip(sets, values, strict=True))
    ]
    methods = {events.method for events in sets}
    shown = {
        metric: percentile
        for metric, percentile in percentile_metrics(stage).items()
        if percentile.label == "p99"
    }
    marks = [
        _percentile_mark(m, shown[m.metric], f"{m.method} ")
        for m in measurements
        if m.by_board and m.metric in shown and m.method in methods
    ]
    what = "interrupts" if stage == "isr" else "deferred calls"
    alt = f"Latency of {what} of {case} over percentiles: "
    alt += "; ".join(mark.text for mark in marks)
    title = "Interrupt latency" if stage == "isr" else "Deferral"
    title += f" ({more} more methods in the table)" if more else ""
    words = (title, "stimulus to handler" if stage == "isr" else "handler to deferred code")
    return _percentiles(series, marks, words, alt, is_lateness=False)


def _percentile_series(name: str, values: FloatArray, color: int) -> Series | None:
    """Values over percentiles with their bounds, the largest value last."""
    curve = percentile_curve(values)
    if curve is None:
        return None
    x = np.append(1.0 / (1.0 - curve.share), 2.0 * curve.n)
    y = np.append(curve.value_us, values.max())
    lo, hi = (np.append(bound, np.nan) for bound in (curve.lo_us, curve.hi_us))
    return Series(name, x, y, color, lo, hi)


def _percentiles(
    curves: Sequence[Series | None],
    marks: Sequence[Mark],
    words: tuple[str, str],
    alt: str,
    *,
    is_lateness: bool,
) -> Chart:
    series = [curve for curve in curves if curve is not None]
    values = np.concatenate([curve.y for curve in series] + [np.array([m.y]) for m in marks])
    n = sum(round(curve.x[-1] / 2.0) for curve in series)
    return Chart(
        words[0],
        f"n = {n}; shaded and whiskers: 95 % bounds of the percentiles.",
        alt,
        percentile_axis(max(float(curve.x[-1]) for curve in series)),
        time_axis(float(values.min()), float(values.max()), words[1]),
        series,
        marks,
        lateness="y" if is_lateness else None,
    )


def _percentile_mark(measurement: Measurement, percentile: Percentile, words: str = "") -> Mark:
    lo, hi = measurement.lo, measurement.hi
    bounds = None if lo is None or hi is None else (lo, hi)
    tail = round(1.0 / (1.0 - percentile.share), 6)
    text = f"{words}{percentile.label} {format_measurement(measurement).line}"
    return Mark(tail, measurement.value, text, bounds=bounds)


def _intervals(
    tracks: Sequence[Activations],
    measurements: Sequence[Measurement],
    case: str,
    costs: Instrument,
) -> Chart:
    intervals = [intervals_us(track) for track in tracks]
    series, outside, most = [], 0, 1.0
    for color, (track, values) in enumerate(zip(tracks, intervals, strict=True)):
        bins = histogram(values, costs.tick_us, _BINS)
        if bins is None:
            continue
        outside += bins.under + bins.over
        most = max(most, float(bins.hi[bins.counts > 0].max(initial=1.0)))
        upper = np.where(bins.counts > 0, bins.hi, 0.0)
        counts = bins.counts.astype(np.float64)
        name = _label(track, bins.n)
        series.append(Series(name, bins.edges_us, counts, color, bins.lo, upper, style="steps"))
    all_values = np.concatenate(intervals)
    edges = np.concatenate([shown.x for shown in series])
    references = []
    mean = figure_of(measurements, "period_mean_us")
    if mean is not None:
        if mean.lo is not None and mean.hi is not None:
            references.append(ReferenceLine("x", mean.lo, mean.hi, kind="span"))
        references.append(ReferenceLine("x", mean.value))
    n = int(all_values.size)
    beyond = f" {outside} of {n} lie outside the axis." if outside else ""
    return Chart(
        "Intervals",
        f"n = {n}; shaded: 95 % bounds of the counts seen; dotted: the mean.{beyond}",
        f"Histogram of {n} activation intervals of {case}, from {format_time_us(all_values.min())} "
        f"to {format_time_us(all_values.max())}.{beyond}",
        linear_axis(float(edges.min()), float(edges.max()), "interval between activations", "us"),
        log_axis(0.8, most, "count"),
        series,
        references=references,
    )


def _time_interval_error(
    tracks: Sequence[Activations], measurements: Sequence[Measurement], case: str, points: int
) -> Chart:
    series = []
    worst = (0.0, 0.0)
    for color, track in enumerate(tracks):
        error = tie_us(track)
        if not error.size:
            continue
        shown = decimate(track.stamps_us / 1e6, error, points)
        series.append(Series(_label(track, error.size), shown.time_s, shown.value_us, color))
        if abs(shown.value_us[shown.worst]) >= abs(worst[1]):
            worst = (float(shown.time_s[shown.worst]), float(shown.value_us[shown.worst]))
    rms = figure_of(measurements, "tie_rms_us")
    references, band = [], ""
    if rms is not None:
        upper = rms.value if rms.hi is None else rms.hi
        references.append(ReferenceLine("y", -upper, upper, kind="span"))
        band = " band: +- the rms at its upper bound;" if rms.hi is not None else " band: +- rms;"
    n = sum(track.n for track in tracks)
    text = f"{format_time_us(worst[1])} at {worst[0]:.3f} s"
    values = np.concatenate([shown.y for shown in series])
    return Chart(
        "Time interval error",
        f"n = {n};{band} against the grid that fits best. Red: the worst, {text}.",
        f"Time interval error of {case} over time, largest {text}.",
        seconds_axis(series),
        linear_axis(float(values.min()), float(values.max()), "TIE", "us"),
        series,
        [Mark(*worst, f"worst: {text}", kind="worst")],
        references,
    )


def _raster(tracks: Sequence[Activations], late: Sequence[FloatArray], case: str) -> Chart:
    """Due and actual activations around the activation that was farthest from its release."""
    farthest = [int(np.argmax(np.abs(values))) if values.size else -1 for values in late]
    lateness = [
        abs(values[index]) if index >= 0 else -1.0
        for values, index in zip(late, farthest, strict=True)
    ]
    worst_row = int(np.argmax(lateness))
    centre_us = float(tracks[worst_row].stamps_us[farthest[worst_row]])
    worst_us = float(late[worst_row][farthest[worst_row]])
    start_us = max(0.0, centre_us - max(_RASTER_US / 2.0, min(worst_us, 0.9 * _RASTER_US)))
    end_us = start_us + _RASTER_US
    series, marks = [], []
    for row, (track, values) in enumerate(zip(tracks, late, strict=True)):
        inside = np.flatnonzero((track.stamps_us >= start_us) & (track.stamps_us <= end_us))
        inside = inside[:_MAX_RASTER_POINTS]
        first, last = np.ceil(start_us / track.period_us), np.floor(end_us / track.period_us)
        due = np.arange(first, last + 1)[:_MAX_RASTER_POINTS] * track.period_us / 1e6
        above = np.full(due.size, row + 0.25)
        name = "due" if not row else ""
        series.append(Series(name, due, above, INK, style="points"))
        came = track.stamps_us[inside] / 1e6
        origin = came - values[inside] / 1e6, np.full(came.size, row + 0.25)
        below = np.full(came.size, row - 0.15)
        name = f"{track.track.label} came"
        series.append(Series(name, came, below, row, style="points", origin=origin))
        if row == worst_row:
            late_by = format_time_us(worst_us)
            text = f"{track.track.label}, {centre_us / 1e6:.4f} s: {late_by} late"
            marks.append(Mark(centre_us / 1e6, row - 0.15, text, kind="worst"))
    where = f"{tracks[worst_row].track.label} at {centre_us / 1e6:.4f} s"
    text = f"{where}, {format_time_us(worst_us)} late"
    return Chart(
        "The worst 100 ms",
        f"Around the activation farthest from its release (red): {text}.",
        f"When the activations of {case} were due and came, around the worst: {text}.",
        Axis("linear", start_us / 1e6, end_us / 1e6, "time in the window (s)", "s"),
        category_axis([f"{track.track.label}" for track in tracks]),
        series,
        marks,
    )


def _label(track: Activations, n: int) -> str:
    return f"{track.track.label}, n = {n}"
