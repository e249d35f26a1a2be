"""Charts of the long run: stability, the phase of two tasks, and the board's clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.activations import activations_of
from hil.analysis.clock import instrument
from hil.analysis.plot_data import decimate, phase_plot, skew_plot, stability_curves
from hil.model.units import format_measurement, format_time_us
from hil.report.charts.case_charts import MAX_TASKS, POINTS, figure_of, seconds_axis
from hil.report.charts.chart import INK, Chart, Mark, ReferenceLine, Series, linear_axis, log_axis

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hil.analysis.plot_data import StabilityCurve
    from hil.model.captures import Capture, FloatArray
    from hil.model.results import Measurement

_FEWEST = 16


def long_term_charts(
    capture: Capture,
    measurements: Sequence[Measurement],
    points: int = POINTS,
    tasks: int = MAX_TASKS,
) -> Iterator[Chart]:
    """ADEV, MTIE and TDEV over averaging time, the phase of two tasks, and the clock's skew.

    ``points`` bounds each series over time, ``tasks`` how many tasks' stability is drawn.
    """
    case = f"{capture.plan.technique}, load {capture.plan.load}"
    yield from _stabilities(capture, measurements, case, tasks)
    for chart in (
        _phase(capture, measurements, case, points),
        _skew(capture, measurements, case, points),
    ):
        if chart is not None:
            yield chart


def _stabilities(
    capture: Capture, measurements: Sequence[Measurement], case: str, most: int
) -> Iterator[Chart]:
    tick_us = instrument(capture).tick_us
    tasks = []
    for track in capture.tracks[:most]:
        activations = activations_of(capture, track)
        if activations.n >= _FEWEST:
            by_name = {curve.name: curve for curve in stability_curves(activations, tick_us)}
            tasks.append((track.label, by_name))
    if tasks:
        notes = [m.note or "" for m in measurements if m.metric.startswith("adev_")]
        noise = next((note.partition(";")[0] for note in notes if "MDEV" in note), "")
        yield from _stability(tasks, ("adev",), ("Allan deviation", "ADEV", ""), case, noise)
        yield from _stability(tasks[:1], ("mtie", "tdev"), ("Wander", "MTIE, TDEV", "us"), case, "")


def _stability(
    tasks: Sequence[tuple[str, dict[str, StabilityCurve]]],
    names: Sequence[str],
    words: tuple[str, str, str],
    case: str,
    noise: str,
) -> Iterator[Chart]:
    series: list[Series] = []
    for task, by_name in tasks:
        for name in names:
            curve = by_name.get(name)
            if curve is not None and np.any(curve.value > 0):
                series.append(_curve(curve, f"{name.upper()}, {task}", len(series)))
    if not series:
        return
    shown = [by_name[name] for _, by_name in tasks for name in names if name in by_name]
    has_bounds = any(np.isfinite(curve.lo).any() for curve in shown)
    parts = ["Shaded: 95 % bounds." if has_bounds else "No bounds are given."]
    if "mtie" in names:
        parts.append("MTIE is an extreme of this window and has none.")
    if noise:
        parts.append(f"Seen: {noise}.")
    taus = np.concatenate([shown.x for shown in series])
    values = np.concatenate([shown.y for shown in series])
    seen = f" {noise}." if noise else ""
    yield Chart(
        words[0],
        " ".join(parts),
        f"{words[0]} of {case} against averaging time, up to {taus.max():g} s.{seen}",
        log_axis(float(taus.min()), float(taus.max()), "averaging time (s)", "s"),
        log_axis(float(values.min()), float(values.max()), words[1], words[2]),
        series,
    )


def _curve(curve: StabilityCurve, label: str, color: int) -> Series:
    is_seen = curve.value > 0
    lo = np.where(curve.lo > 0, curve.lo, np.nan)
    shown = (part[is_seen] for part in (curve.tau_s, curve.value, lo, curve.hi))
    tau_s, value, lo, hi = shown
    return Series(label, tau_s, value, color, lo, hi)


def _phase(
    capture: Capture, measurements: Sequence[Measurement], case: str, points: int
) -> Chart | None:
    data = phase_plot(capture)
    if data is None or not data.series.value_us.size:
        return None
    shown = decimate(data.series.time_s, data.series.value_us, points)
    worst = float(shown.value_us[shown.worst])
    label = f"second light against the first, n = {data.series.n}"
    series = [Series(label, shown.time_s, shown.value_us)]
    references = [ReferenceLine("y", 0.0)]
    low, high = float(shown.value_us.min()), float(shown.value_us.max())
    limit = ""
    if abs(worst) > data.limit_us / 4:
        references += [ReferenceLine("y", sign * data.limit_us, kind="limit") for sign in (-1, 1)]
        low, high = min(low, -data.limit_us), max(high, data.limit_us)
        limit = " Dashed: a quarter period, beyond it they no longer alternate."
    desync = figure_of(measurements, "desync_s")
    until = ""
    if desync is not None:
        note = f" ({desync.remarks})" if desync.remarks else ""
        until = f" Until they no longer alternate: {format_measurement(desync).line}{note}."
    return Chart(
        "Railroad lights",
        f"n = {data.series.n}; two lights that should alternate.{limit}{until}",
        f"Phase error of the two tasks of {case} over time, largest {abs(worst):.0f} us.{until}",
        seconds_axis(series),
        linear_axis(low, high, "phase error", "us"),
        series,
        [Mark(float(shown.time_s[shown.worst]), worst, f"worst: {format_time_us(worst)}", "worst")],
        references,
    )


def _skew(
    capture: Capture, measurements: Sequence[Measurement], case: str, points: int
) -> Chart | None:
    """The exchanges, the fastest of them, and the line of ``clock_skew_ppm`` with its bounds."""
    data = skew_plot(capture)
    skew = figure_of(measurements, "clock_skew_ppm")
    if data is None or skew is None or data.fast_time_s.size < 2:
        return None
    ends = np.array([float(data.fast_time_s.min()), float(data.fast_time_s.max())])
    middle, level = float(data.fast_time_s.mean()), float(data.fast_offset_us.mean())

    def line(ppm: float) -> FloatArray:
        return level + ppm * (ends - middle)

    low = high = None
    if skew.lo is not None and skew.hi is not None:
        slopes = line(skew.lo), line(skew.hi)
        low, high = np.minimum(*slopes), np.maximum(*slopes)
    shapes = [data.fast_offset_us, line(skew.value)]
    shapes += [] if low is None or high is None else [low, high]
    shown = np.concatenate(shapes)
    room = max(0.5 * float(np.ptp(shown)), 20.0)
    y = linear_axis(float(shown.min()) - room, float(shown.max()) + room, "offset", "us")
    near = np.flatnonzero((data.offset_us >= y.lo) & (data.offset_us <= y.hi))
    some = near[:: max(1, near.size // max(1, points // 2))]
    exchanges = f"exchanges, n = {skew.n}"
    series = [
        Series(exchanges, data.time_s[some], data.offset_us[some], 0, style="points"),
        Series("the fastest", data.fast_time_s, data.fast_offset_us, 1, style="points"),
        Series(f"fit: {format_measurement(skew).line}", ends, line(skew.value), INK, low, high),
    ]
    beyond = " Slow ones beyond the axis are left out." if near.size < data.time_s.size else ""
    return Chart(
        "The board's clock",
        f"n = {skew.n} exchanges with the host; the line is the skew, shaded: its 95 % bounds."
        f"{beyond}",
        f"Offset of the board's clock against the host's during {case}: "
        f"{format_measurement(skew).line}.",
        linear_axis(float(data.time_s.min()), float(data.time_s.max()), "time (s)", "s"),
        y,
        series,
    )
