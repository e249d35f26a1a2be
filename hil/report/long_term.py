"""Figures of the long run: stability over averaging time, and the phase of the two lights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullLocator

from hil.analysis.activations import assign
from hil.analysis.calibration import instrument
from hil.analysis.figures import phase_plot
from hil.analysis.stability import Curve, curves
from hil.records import Capture, Measurement
from hil.report.drawing import figure_of, legend, new_axes
from hil.report.numbers import pick_unit, show
from hil.report.plots import MAX_TASKS, Plot
from hil.report.svg import BAD, FIRST, INK, SECOND, to_svg

_FEWEST = 16
_COLORS = (FIRST, SECOND)
_THINNED = 400


def long_term_plots(
    capture: Capture, measurements: Sequence[Measurement], key: str
) -> Iterator[Plot]:
    """ADEV, MTIE and TDEV over averaging time, and the phase error of two alternating tasks."""
    name = f"{capture.plan.technique}, load {capture.plan.load}"
    tick = instrument(capture).tick_us
    tasks = []
    for track in capture.tracks[:MAX_TASKS]:
        act = assign(track, capture.plan.technique)
        if act.n >= _FEWEST:
            tasks.append((track.index, {one.name: one for one in curves(act, tick)}))
    if tasks:
        noise = next((m.note for m in measurements if m.metric.startswith("adev_") and m.note), "")
        yield _stability(tasks, ("adev",), ("Allan deviation", "ADEV"), f"{key}a", name, noise)
        yield _stability(
            tasks[:1], ("mtie", "tdev"), ("Wander", "MTIE, TDEV (us)"), f"{key}w", name, ""
        )
    plot = _phase(capture, measurements, name, f"{key}p")
    if plot is not None:
        yield plot


def _stability(
    tasks: Sequence[tuple[int, dict[str, Curve]]],
    names: Sequence[str],
    words: tuple[str, str],
    key: str,
    who: str,
    noise: str,
) -> Plot:
    figure, axes = new_axes()
    longest = 0.0
    for index, (task, found) in enumerate(tasks):
        for line, name in enumerate(names):
            curve = found.get(name)
            if curve is None or not curve.tau_s.size:
                continue
            color = _COLORS[(index + line) % 2]
            label = f"{name.upper()}, task {task}"
            _curve(axes, curve, color, label, ("-", "--")[(index + line) % 2])
            longest = max(longest, float(curve.tau_s.max()))
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.set_xlabel("averaging time (s)")
    axes.set_ylabel(words[1])
    legend(axes)
    shown = [found[name] for _, found in tasks for name in names if name in found]
    bounded = any(np.isfinite(one.lo).any() for one in shown)
    parts = ["Shaded: 95 % bounds." if bounded else "No bounds are given."]
    if "mtie" in names:
        parts.append("MTIE is an extreme of this window and has none.")
    if noise:
        parts.append(f"Seen: {noise}.")
    caption = " ".join(parts)
    said = f" {noise}." if noise else ""
    alt = f"{words[0]} of {who} against averaging time, up to {longest:g} s.{said}"
    return Plot(words[0], caption, to_svg(figure, key, alt))


def _curve(axes: Axes, curve: Curve, color: str, label: str, style: str) -> None:
    seen = curve.value > 0
    axes.plot(
        *(curve.tau_s[seen], curve.value[seen]),
        color=color,
        ls=style,
        marker="o",
        ms=2.5,
        lw=1.1,
        label=label,
    )
    sure = seen & np.isfinite(curve.lo) & np.isfinite(curve.hi) & (curve.lo > 0)
    axes.fill_between(
        curve.tau_s[sure], curve.lo[sure], curve.hi[sure], color=color, alpha=0.18, lw=0
    )


def _phase(
    capture: Capture, measurements: Sequence[Measurement], name: str, key: str
) -> Plot | None:
    data = phase_plot(capture)
    if data is None or not data.series.value_us.size:
        return None
    step = max(1, data.series.value_us.size // _THINNED)
    keep = np.unique(np.append(np.arange(0, data.series.value_us.size, step), data.series.worst))
    time_s, error = data.series.time_s[keep], data.series.value_us[keep]
    biggest = float(np.abs(error).max())
    unit, factor = pick_unit(biggest, "us")
    figure, axes = new_axes()
    axes.plot(time_s, error * factor, color=FIRST, lw=0.8, label=f"n = {data.series.n}")
    if biggest > data.limit_us / 4:
        for sign in (-1, 1):
            axes.axhline(sign * data.limit_us * factor, color=BAD, lw=0.8, ls="--")
        axes.plot(
            [], [], color=BAD, lw=0.8, ls="--", label="a quarter period: no longer alternating"
        )
    axes.axhline(0, color=INK, lw=0.5)
    axes.set_xlabel("time in the window (s)")
    axes.set_ylabel(f"phase error ({unit})")
    legend(axes, 2)
    desync = figure_of(measurements, "desync_s")
    until = ""
    if desync is not None:
        note = f" ({desync.note})" if desync.note else ""
        until = f" Until they no longer alternate: {show(desync).line}{note}."
    caption = f"n = {data.series.n}; the second light against the first.{until}"
    alt = f"Phase error of the two tasks of {name} over time, largest {biggest:.0f} us.{until}"
    return Plot("Railroad lights", caption, to_svg(figure, key, alt))
