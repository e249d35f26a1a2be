"""Figures of the long run: stability, the phase of the two lights, and the board's clock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from hil.analysis.activations import FloatArray, assign
from hil.analysis.calibration import instrument
from hil.analysis.figures import decimate, phase_plot, skew_plot
from hil.analysis.stability import Curve, curves
from hil.records import Capture, Measurement
from hil.report.chart import Chart, Line, Mark, Plot, Rule
from hil.report.numbers import show
from hil.report.plots import MAX_TASKS, POINTS, figure_of, over_time, time_text
from hil.report.scales import decades, linear

_FEWEST = 16


def long_term_plots(
    capture: Capture,
    measurements: Sequence[Measurement],
    points: int = POINTS,
    tasks: int = MAX_TASKS,
) -> Iterator[Plot]:
    """ADEV, MTIE and TDEV over averaging time, the phase of two tasks, and the clock's skew.

    ``points`` bounds each series over time, ``tasks`` how many tasks' stability is drawn.
    """
    name = f"{capture.plan.technique}, load {capture.plan.load}"
    yield from _stabilities(capture, measurements, name, tasks)
    for plot in (
        _phase(capture, measurements, name, points),
        _skew(capture, measurements, name, points),
    ):
        if plot is not None:
            yield plot


def _stabilities(
    capture: Capture, measurements: Sequence[Measurement], name: str, most: int
) -> Iterator[Plot]:
    tick = instrument(capture).tick_us
    tasks = []
    for track in capture.tracks[:most]:
        act = assign(track, capture.plan.technique)
        if act.n >= _FEWEST:
            tasks.append((track.index, {one.name: one for one in curves(act, tick)}))
    if tasks:
        notes = [m.note or "" for m in measurements if m.metric.startswith("adev_")]
        noise = next((note.partition(";")[0] for note in notes if "MDEV" in note), "")
        yield from _stability(tasks, ("adev",), ("Allan deviation", "ADEV", ""), name, noise)
        yield from _stability(tasks[:1], ("mtie", "tdev"), ("Wander", "MTIE, TDEV", "us"), name, "")


def _stability(
    tasks: Sequence[tuple[int, dict[str, Curve]]],
    names: Sequence[str],
    words: tuple[str, str, str],
    who: str,
    noise: str,
) -> Iterator[Plot]:
    lines: list[Line] = []
    for task, found in tasks:
        for name in names:
            curve = found.get(name)
            if curve is not None and np.any(curve.value > 0):
                lines.append(_curve(curve, f"{name.upper()}, task {task}", len(lines)))
    if not lines:
        return
    shown = [found[name] for _, found in tasks for name in names if name in found]
    bounded = any(np.isfinite(one.lo).any() for one in shown)
    parts = ["Shaded: 95 % bounds." if bounded else "No bounds are given."]
    if "mtie" in names:
        parts.append("MTIE is an extreme of this window and has none.")
    if noise:
        parts.append(f"Seen: {noise}.")
    taus = np.concatenate([line.x for line in lines])
    values = np.concatenate([line.y for line in lines])
    said = f" {noise}." if noise else ""
    yield Chart(
        words[0],
        " ".join(parts),
        f"{words[0]} of {who} against averaging time, up to {taus.max():g} s.{said}",
        decades(float(taus.min()), float(taus.max()), "averaging time (s)", "s"),
        decades(float(values.min()), float(values.max()), words[1], words[2]),
        lines,
    ).draw()


def _curve(curve: Curve, label: str, slot: int) -> Line:
    seen = curve.value > 0
    lo = np.where(curve.lo > 0, curve.lo, np.nan)
    return Line(label, curve.tau_s[seen], curve.value[seen], slot, lo[seen], curve.hi[seen])


def _phase(
    capture: Capture, measurements: Sequence[Measurement], name: str, points: int
) -> Plot | None:
    data = phase_plot(capture)
    if data is None or not data.series.value_us.size:
        return None
    shown = decimate(data.series.time_s, data.series.value_us, points)
    worst = float(shown.value_us[shown.worst])
    biggest = abs(worst)
    label = f"second light against the first, n = {data.series.n}"
    lines = [Line(label, shown.time_s, shown.value_us)]
    rules = [Rule("y", 0.0)]
    low, high = float(shown.value_us.min()), float(shown.value_us.max())
    limit = ""
    if biggest > data.limit_us / 4:
        rules += [Rule("y", sign * data.limit_us, kind="limit") for sign in (-1, 1)]
        low, high = min(low, -data.limit_us), max(high, data.limit_us)
        limit = " Dashed: a quarter period, beyond it they no longer alternate."
    desync = figure_of(measurements, "desync_s")
    until = ""
    if desync is not None:
        note = f" ({desync.remarks})" if desync.remarks else ""
        until = f" Until they no longer alternate: {show(desync).line}{note}."
    return Chart(
        "Railroad lights",
        f"n = {data.series.n}; two lights that should alternate.{limit}{until}",
        f"Phase error of the two tasks of {name} over time, largest {biggest:.0f} us.{until}",
        over_time(lines),
        linear(low, high, "phase error", "us"),
        lines,
        [Mark(float(shown.time_s[shown.worst]), worst, f"worst: {time_text(worst)}", "worst")],
        rules,
    ).draw()


def _skew(
    capture: Capture, measurements: Sequence[Measurement], name: str, points: int
) -> Plot | None:
    """The exchanges, the fastest ones, and the line of ``clock_skew_ppm`` with its bounds."""
    data = skew_plot(capture)
    one = figure_of(measurements, "clock_skew_ppm")
    if data is None or one is None or data.fast_time_s.size < 2:
        return None
    ends = np.array([float(data.fast_time_s.min()), float(data.fast_time_s.max())])
    middle, level = float(data.fast_time_s.mean()), float(data.fast_offset_us.mean())

    def line(ppm: float) -> FloatArray:
        return level + ppm * (ends - middle)

    low = high = None
    if one.lo is not None and one.hi is not None:
        slopes = line(one.lo), line(one.hi)
        low, high = np.minimum(*slopes), np.maximum(*slopes)
    shapes = [data.fast_offset_us, line(one.value)]
    shapes += [] if low is None or high is None else [low, high]
    told = np.concatenate(shapes)
    room = max(0.5 * float(np.ptp(told)), 20.0)
    y = linear(float(told.min()) - room, float(told.max()) + room, "offset", "us")
    near = np.flatnonzero((data.offset_us >= y.lo) & (data.offset_us <= y.hi))
    some = near[:: max(1, near.size // max(1, points // 2))]
    lines = [
        Line(f"exchanges, n = {one.n}", data.time_s[some], data.offset_us[some], 0, dots=True),
        Line("the fastest", data.fast_time_s, data.fast_offset_us, 1, dots=True),
        Line(f"fit: {show(one).line}", ends, line(one.value), -1, low, high),
    ]
    beyond = " Slow ones beyond the axis are left out." if near.size < data.time_s.size else ""
    return Chart(
        "The board's clock",
        f"n = {one.n} exchanges with the host; the line is the skew, shaded: its 95 % bounds."
        f"{beyond}",
        f"Offset of the board's clock against the host's during {name}: {show(one).line}.",
        linear(float(data.time_s.min()), float(data.time_s.max()), "time (s)", "s"),
        y,
        lines,
    ).draw()
