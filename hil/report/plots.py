"""The figures of one case: intervals, lateness, time interval error, latency, the worst 100 ms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from hil.analysis.activations import Activations, FloatArray, assign, lateness_us
from hil.analysis.calibration import Instrument, instrument
from hil.analysis.figures import decimate, histogram, percentile_curve
from hil.analysis.intervals import intervals_us
from hil.analysis.tie import tie_us
from hil.records import Capture, EventSet, Measurement
from hil.report.chart import Chart, Line, Mark, Plot, Rule
from hil.report.numbers import digits, pick_unit, show
from hil.report.scales import Scale, decades, linear, times

MAX_TASKS = 2
"""Tasks shown in one figure."""
POINTS = 240
"""Points of a series over time: the least and the greatest of each stretch."""
_BINS = 40
_METHODS = 14
_RASTER_US = 100_000.0
_MOST_TICKS = 200
_LEVELS = {"lateness_p50_us": 2.0, "lateness_p99_us": 100.0, "lateness_p999_us": 1000.0}


def technique_plots(
    capture: Capture, measurements: Sequence[Measurement], points: int = POINTS
) -> Iterator[Plot]:
    """Percentiles of lateness, intervals, TIE, the worst 100 ms, and latency where measured.

    ``measurements`` are those of this capture; ``points`` bounds each series over time.
    """
    name = f"{capture.plan.technique}, load {capture.plan.load}"
    tools = instrument(capture)
    tracks = [assign(track, capture.plan.technique) for track in capture.tracks[:MAX_TASKS]]
    late = [lateness_us(track) - tools.read_cost_us for track in tracks]
    if any(track.n > 1 for track in tracks):
        yield _lateness(tracks, late, measurements, name)
        yield _histogram(tracks, measurements, name, tools)
    if any(track.n > 2 for track in tracks):
        yield _tie(tracks, measurements, name, points)
    if any(track.n for track in tracks):
        yield _raster(tracks, late, name)
    for stage in ("isr", "defer"):
        sets = [e for e in capture.events if e.stage == stage and e.stimulus_us.size > 1]
        if sets:
            yield _latency(sets, measurements, name, tools)


def figure_of(measurements: Sequence[Measurement], metric: str) -> Measurement | None:
    """The first measurement of this metric, those with a method of their own aside."""
    return next((one for one in measurements if one.metric == metric and not one.method), None)


def time_text(value_us: float) -> str:
    """A time in a fitting unit, three digits."""
    unit, factor = pick_unit(float(value_us), "us")
    return f"{digits(float(value_us) * factor)} {unit}"


def percentile_line(name: str, values: FloatArray, slot: int) -> Line | None:
    """Values over percentiles with their bounds, for an axis of the unit ``tail``."""
    curve = percentile_curve(values)
    if curve is None:
        return None
    x = np.append(1.0 / (1.0 - curve.share), 2.0 * curve.n)
    y = np.append(curve.value_us, values.max())
    lo, hi = (np.append(bound, np.nan) for bound in (curve.lo_us, curve.hi_us))
    return Line(name, x, y, slot, lo, hi)


def percentile_axes(lines: Sequence[Line], marks: Sequence[Mark], what: str) -> tuple[Scale, Scale]:
    """Axes that hold all of these lines and marks."""
    values = np.concatenate([line.y for line in lines] + [np.array([m.y]) for m in marks])
    longest = max(float(line.x[-1]) for line in lines)
    x = Scale("log", 1.0, longest * 1.1, "percentile", "tail")
    return x, times(float(values.min()), float(values.max()), what)


def _lateness(
    tracks: Sequence[Activations],
    late: Sequence[FloatArray],
    measurements: Sequence[Measurement],
    name: str,
) -> Plot:
    found = [
        percentile_line(_label(track, values.size), values, slot)
        for slot, (track, values) in enumerate(zip(tracks, late, strict=True))
    ]
    marked = [
        one
        for one in measurements
        if one.metric in _LEVELS and one.task in (0, None) and not one.method
    ]
    marks = [_percentile_mark(one, _LEVELS[one.metric], one.metric[9:-3]) for one in marked]
    alt = f"Lateness of {name} over percentiles."
    alt += f" {'; '.join(mark.text for mark in marks)}." if marks else ""
    return _percentiles(found, marks, ("Lateness", "lateness"), alt, "hil-late")


def _latency(
    sets: Sequence[EventSet], measurements: Sequence[Measurement], name: str, tools: Instrument
) -> Plot:
    more = max(0, len(sets) - _METHODS)
    sets = sets[:_METHODS]
    stage = sets[0].stage
    values = [(e.handler_us - e.stimulus_us).astype(np.float64) - tools.stamp_cost_us for e in sets]
    found = [
        percentile_line(f"{e.method}, n = {v.size}", v, slot)
        for slot, (e, v) in enumerate(zip(sets, values, strict=True))
    ]
    methods = {events.method for events in sets}
    marks = [
        _percentile_mark(m, 100.0, f"{m.method} p99")
        for m in measurements
        if m.metric == f"{stage}_latency_p99_us" and m.method in methods
    ]
    what = "interrupts" if stage == "isr" else "deferred calls"
    alt = f"Latency of {what} of {name} over percentiles: "
    alt += "; ".join(mark.text for mark in marks)
    title = "Interrupt latency" if stage == "isr" else "Deferral"
    title += f" ({more} more methods in the table)" if more else ""
    words = (title, "stimulus to handler" if stage == "isr" else "handler to deferred code")
    return _percentiles(found, marks, words, alt, "")


def _percentiles(
    found: Sequence[Line | None], marks: Sequence[Mark], words: tuple[str, str], alt: str, kind: str
) -> Plot:
    lines = [line for line in found if line is not None]
    x, y = percentile_axes(lines, marks, words[1])
    n = sum(round(line.x[-1] / 2.0) for line in lines)
    caption = f"n = {n}; shaded and whiskers: 95 % bounds of the percentiles."
    return Chart(words[0], caption, alt, x, y, lines, marks, kind=kind).draw()


def _percentile_mark(one: Measurement, level: float, word: str) -> Mark:
    ends = None if one.lo is None or one.hi is None else (one.lo, one.hi)
    return Mark(level, one.value, f"{word} {show(one).line}", ends=ends)


def _histogram(
    tracks: Sequence[Activations],
    measurements: Sequence[Measurement],
    name: str,
    tools: Instrument,
) -> Plot:
    gaps = [intervals_us(track) for track in tracks]
    lines, outside, most = [], 0, 1.0
    for slot, (track, values) in enumerate(zip(tracks, gaps, strict=True)):
        one = histogram(values, tools.tick_us, _BINS)
        if one is None:
            continue
        outside += one.under + one.over
        most = max(most, float(one.hi[one.counts > 0].max(initial=1.0)))
        upper = np.where(one.counts > 0, one.hi, 0.0)
        counts = one.counts.astype(np.float64)
        lines.append(
            Line(_label(track, one.n), one.edges_us, counts, slot, one.lo, upper, stairs=True)
        )
    everything = np.concatenate(gaps)
    edges = np.concatenate([line.x for line in lines])
    rules = []
    mean = figure_of(measurements, "period_mean_us")
    if mean is not None:
        if mean.lo is not None and mean.hi is not None:
            rules.append(Rule("x", mean.lo, mean.hi, kind="span"))
        rules.append(Rule("x", mean.value))
    n = int(everything.size)
    beyond = f" {outside} of {n} lie outside the axis." if outside else ""
    alt = (
        f"Histogram of {n} activation intervals of {name}, from {time_text(everything.min())} "
        f"to {time_text(everything.max())}.{beyond}"
    )
    return Chart(
        "Intervals",
        f"n = {n}; shaded: 95 % bounds of the counts seen; dotted: the mean.{beyond}",
        alt,
        linear(float(edges.min()), float(edges.max()), "interval between activations", "us"),
        decades(0.8, most, "count"),
        lines,
        rules=rules,
    ).draw()


def _tie(
    tracks: Sequence[Activations], measurements: Sequence[Measurement], name: str, points: int
) -> Plot:
    lines = []
    worst = (0.0, 0.0)
    for slot, track in enumerate(tracks):
        error = tie_us(track)
        if not error.size:
            continue
        shown = decimate(track.stamps_us / 1e6, error, points)
        lines.append(Line(_label(track, error.size), shown.time_s, shown.value_us, slot))
        if abs(shown.value_us[shown.worst]) >= abs(worst[1]):
            worst = (float(shown.time_s[shown.worst]), float(shown.value_us[shown.worst]))
    rms = figure_of(measurements, "tie_rms_us")
    rules, band = [], ""
    if rms is not None:
        upper = rms.value if rms.hi is None else rms.hi
        rules.append(Rule("y", -upper, upper, kind="span"))
        band = " band: +- the rms at its upper bound;" if rms.hi is not None else " band: +- rms;"
    n = sum(track.n for track in tracks)
    said = f"{time_text(worst[1])} at {worst[0]:.3f} s"
    return Chart(
        "Time interval error",
        f"n = {n};{band} against the grid that fits best. Red: the worst, {said}.",
        f"Time interval error of {name} over time, largest {said}.",
        over_time(lines),
        _about(lines, "TIE"),
        lines,
        [Mark(*worst, f"worst: {said}", kind="worst")],
        rules,
    ).draw()


def over_time(lines: Sequence[Line]) -> Scale:
    """An axis of seconds in the window that holds all lines."""
    ends = [float(line.x[k]) for line in lines for k in (0, -1)]
    return linear(min(ends), max(ends), "time in the window (s)", "s")


def _about(lines: Sequence[Line], label: str) -> Scale:
    values = np.concatenate([line.y for line in lines])
    return linear(float(values.min()), float(values.max()), label, "us")


def _raster(tracks: Sequence[Activations], late: Sequence[FloatArray], name: str) -> Plot:
    """Due and actual activations around the one that came farthest from its release."""
    far = [int(np.argmax(np.abs(values))) if values.size else -1 for values in late]
    most = max(range(len(tracks)), key=lambda k: abs(late[k][far[k]]) if far[k] >= 0 else -1.0)
    centre = float(tracks[most].stamps_us[far[most]])
    worst = float(late[most][far[most]])
    start = max(0.0, centre - max(_RASTER_US / 2.0, min(worst, 0.9 * _RASTER_US)))
    lines, marks = [], []
    for row, (track, values) in enumerate(zip(tracks, late, strict=True)):
        inside = np.flatnonzero(
            (track.stamps_us >= start) & (track.stamps_us <= start + _RASTER_US)
        )[:_MOST_TICKS]
        ends = np.array([start, start + _RASTER_US]) / track.period_us
        due = np.arange(np.ceil(ends[0]), np.floor(ends[1]) + 1)[:_MOST_TICKS]
        above = np.full(due.size, row + 0.25)
        lines.append(
            Line("due" if not row else "", due * track.period_us / 1e6, above, -1, dots=True)
        )
        when = track.stamps_us[inside] / 1e6
        origin = when - values[inside] / 1e6, np.full(when.size, row + 0.25)
        below = np.full(when.size, row - 0.15)
        lines.append(Line(f"task {track.task} came", when, below, row, dots=True, origin=origin))
        if row == most:
            text = f"task {track.task}, {centre / 1e6:.4f} s: {time_text(worst)} late"
            marks.append(Mark(centre / 1e6, row - 0.15, text, kind="worst"))
    said = f"task {tracks[most].task} at {centre / 1e6:.4f} s, {time_text(worst)} late"
    return Chart(
        "The worst 100 ms",
        f"Around the activation farthest from its release (red): {said}.",
        f"When the activations of {name} were due and came, around the worst one: {said}.",
        Scale("lin", start / 1e6, (start + _RASTER_US) / 1e6, "time in the window (s)", "s"),
        Scale("lin", -0.7, len(tracks) - 0.3, "", "rows"),
        lines,
        marks,
        rows=[f"task {track.task}" for track in tracks],
        kind="hil-raster",
    ).draw()


def _label(track: Activations, n: int) -> str:
    return f"task {track.task}, n = {n}"
