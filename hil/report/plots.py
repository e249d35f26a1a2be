"""The report's figures, drawn through matplotlib's object API; nothing global, nothing kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from matplotlib.ticker import FuncFormatter, NullLocator

from hil.analysis.activations import Activations, FloatArray, assign, lateness_us
from hil.analysis.calibration import Instrument, instrument
from hil.analysis.figures import decimate, histogram, percentile_curve
from hil.analysis.intervals import intervals_us
from hil.analysis.tie import tie_us
from hil.records import Capture, EventSet, Measurement
from hil.report.drawing import (
    figure_of,
    legend,
    mean_band,
    new_axes,
    time_axis,
    whisker,
)
from hil.report.numbers import digits, pick_unit, show
from hil.report.rows import Row
from hil.report.svg import BAD, BAND, FIRST, INK, SECOND, to_svg

_BINS = 48
_POINTS = 200
_SERIES = ((FIRST, "-"), (SECOND, "--"))
_METHODS = (*_SERIES, (INK, ":"), (BAD, "-."), (FIRST, ":"), (SECOND, "-"))
MAX_TASKS = 2
"""Tasks shown in one figure."""


@dataclass(frozen=True, slots=True)
class Plot:
    """One figure: its heading, its caption and the inline SVG with the alternative text in it."""

    title: str
    caption: str
    svg: Markup


def technique_plots(
    capture: Capture, measurements: Sequence[Measurement], key: str
) -> Iterator[Plot]:
    """Interval histogram, TIE over time, lateness distribution, and latency where measured.

    ``measurements`` are those of this capture; ``key`` is unique in the page.
    """
    name = f"{capture.plan.technique}, load {capture.plan.load}"
    tools = instrument(capture)
    tracks = [assign(track, capture.plan.technique) for track in capture.tracks[:MAX_TASKS]]
    if any(track.n > 1 for track in tracks):
        yield _histogram(tracks, measurements, name, f"{key}h", tools)
    if any(track.n > 2 for track in tracks):
        yield _tie(tracks, measurements, name, f"{key}t")
    if any(track.n > 1 for track in tracks):
        yield _lateness(tracks, measurements, name, f"{key}l", tools)
    for stage in ("isr", "defer"):
        sets = [e for e in capture.events if e.stage == stage and e.stimulus_us.size > 1]
        if sets:
            yield _latency(sets, measurements, name, f"{key}{stage}", tools)


def overview_plot(rows: Sequence[Row], title: str, key: str) -> Plot | None:
    """p50 and p99 lateness of every technique on one log axis, whiskers at the bounds."""
    rows = [row for row in rows if "lateness_p50_us" in row.cells or "lateness_p99_us" in row.cells]
    if not rows:
        return None
    figure, axes = new_axes((5.2, 0.8 + 0.27 * len(rows)), left=_label_width(rows))
    drawn = []
    for place, (metric, label, color, marker) in enumerate(
        (
            ("lateness_p50_us", "p50", SECOND, "D"),
            ("lateness_p99_us", "p99", FIRST, "o"),
        )
    ):
        points = [(y, row.cells[metric]) for y, row in enumerate(rows) if metric in row.cells]
        for y, one in points:
            whisker(axes, one, y + 0.16 * (2 * place - 1), color, marker)
            drawn += [x for x in (one.value, one.lo, one.hi) if x is not None]
        axes.plot([], [], color=color, marker=marker, ls="none", ms=4, label=label)
    axes.set_yticks(range(len(rows)), [row.name[:24] for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    time_axis(axes, drawn)
    axes.set_xlabel("lateness (log scale)")
    legend(axes)
    best = min(
        (row.cells["lateness_p99_us"] for row in rows if "lateness_p99_us" in row.cells),
        key=lambda one: one.value,
        default=None,
    )
    alt = f"{title}: lateness of {len(rows)} techniques, median and 99th percentile."
    if best is not None:
        alt += f" Smallest 99th percentile: {best.technique}, {show(best).line}."
    caption = "The worst task of each technique; whiskers are the 95 % bounds."
    return Plot("Lateness of all techniques", caption, to_svg(figure, key, alt))


def _histogram(
    tracks: Sequence[Activations],
    measurements: Sequence[Measurement],
    name: str,
    key: str,
    tools: Instrument,
) -> Plot:
    gaps = [intervals_us(track)[0] for track in tracks]
    drawn = [histogram(values, tools.tick_us, _BINS) for values in gaps]
    everything = np.concatenate(gaps)
    ends = np.concatenate([one.edges_us for one in drawn if one is not None])
    unit, factor = pick_unit(float(np.abs(ends).max()), "us")
    figure, axes = new_axes()
    outside = 0
    for (color, style), track, one in zip(_SERIES, tracks, drawn, strict=False):
        if one is None:
            continue
        outside += one.under + one.over
        edges = one.edges_us * factor
        upper = np.where(one.counts > 0, one.hi, 0.0)
        axes.stairs(upper, edges, baseline=one.lo, fill=True, color=color, alpha=0.13, lw=0)
        axes.stairs(one.counts, edges, color=color, ls=style, lw=1.1, label=_label(track, one.n))
    mean_band(axes, measurements, "period_mean_us", factor)
    axes.set_yscale("symlog", linthresh=1)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    axes.set_xlabel(f"interval between activations ({unit})")
    axes.set_ylabel("count (log)")
    legend(axes)
    n = int(everything.size)
    beyond = f" {outside} of {n} lie outside the axis." if outside else ""
    alt = (
        f"Histogram of {n} activation intervals of {name}, from {_time(everything.min())} "
        f"to {_time(everything.max())}.{beyond}"
    )
    caption = f"n = {n}; shaded: 95 % bounds of the counts seen; dotted: the mean.{beyond}"
    return Plot("Intervals", caption, to_svg(figure, key, alt))


def _tie(
    tracks: Sequence[Activations], measurements: Sequence[Measurement], name: str, key: str
) -> Plot:
    figure, axes = new_axes()
    errors = [tie_us(track) for track in tracks]
    biggest = max(float(np.abs(error).max()) for error in errors if error.size)
    unit, factor = pick_unit(biggest, "us")
    worst = (0.0, 0.0)
    for (color, style), track, error in zip(_SERIES, tracks, errors, strict=False):
        if not error.size:
            continue
        shown = decimate(track.stamps_us / 1e6, error * factor, _POINTS)
        axes.plot(
            shown.time_s,
            shown.value_us,
            color=color,
            ls=style,
            lw=0.8,
            label=_label(track, error.size),
        )
        far = int(np.argmax(np.abs(error)))
        if abs(error[far]) >= abs(worst[1]):
            worst = (float(track.stamps_us[far]) / 1e6, float(error[far]))
    rms = figure_of(measurements, "tie_rms_us")
    band = ""
    if rms is not None:
        upper = rms.value if rms.hi is None else rms.hi
        axes.axhspan(-upper * factor, upper * factor, color=BAND, alpha=0.35, lw=0)
        band = " band: +- the rms at its upper bound;" if rms.hi is not None else " band: +- rms;"
    axes.plot(worst[0], worst[1] * factor, "x", color=BAD, ms=6, label="worst")
    axes.set_xlabel("time in the window (s)")
    axes.set_ylabel(f"TIE ({unit})")
    legend(axes)
    n = sum(track.n for track in tracks)
    alt = f"Time interval error of {name} over time, largest {_time(worst[1])} at {worst[0]:.3f} s."
    caption = f"n = {n};{band} against the grid that fits best."
    return Plot("Time interval error", caption, to_svg(figure, key, alt))


def _lateness(
    tracks: Sequence[Activations],
    measurements: Sequence[Measurement],
    name: str,
    key: str,
    tools: Instrument,
) -> Plot:
    late = [lateness_us(track) - tools.read_cost_us for track in tracks]
    text = [f"{one.metric[9:-3]} {show(one).line}" for one in measurements if _is_marked(one)]
    alt = f"Share of activations of {name} that are later than the time on the axis."
    alt += f" {'; '.join(text)}." if text else ""
    return _tail(
        [(_label(t, v.size), v) for t, v in zip(tracks, late, strict=True)],
        [one for one in measurements if _is_marked(one)],
        ("Lateness", "lateness"),
        (key, alt),
    )


def _latency(
    sets: Sequence[EventSet],
    measurements: Sequence[Measurement],
    name: str,
    key: str,
    tools: Instrument,
) -> Plot:
    more = max(0, len(sets) - len(_METHODS))
    sets = sets[: len(_METHODS)]
    stage = sets[0].stage
    cost = tools.stamp_cost_us
    values = [(e.handler_us - e.stimulus_us).astype(np.float64) - cost for e in sets]
    labels = [f"{e.method}, n = {v.size}" for e, v in zip(sets, values, strict=True)]
    methods = {events.method for events in sets}
    marked = [
        m for m in measurements if m.metric == f"{stage}_latency_p99_us" and m.method in methods
    ]
    what = "interrupts" if stage == "isr" else "deferred calls"
    alt = f"Share of {what} of {name} that took longer than the time on the axis: "
    alt += "; ".join(f"{m.method} p99 {show(m).line}" for m in marked)
    title = "Interrupt latency" if stage == "isr" else "Deferral"
    title += f" ({more} more methods in the table)" if more else ""
    words = (title, "stimulus to handler" if stage == "isr" else "handler to deferred code")
    series = list(zip(labels, values, strict=True))
    return _tail(series, marked, words, (key, alt), methods=True)


def _tail(
    series: Sequence[tuple[str, FloatArray]],
    marked: Sequence[Measurement],
    words: tuple[str, str],
    where: tuple[str, str],
    *,
    methods: bool = False,
) -> Plot:
    """Complementary distribution on a log axis: the tail is what a deadline meets."""
    figure, axes = new_axes(legend_rows=(len(series) + 1) // 2 if methods else 1)
    biggest = max(float(np.abs(values).max()) for _, values in series if values.size)
    unit, factor = ("", 1.0) if methods else pick_unit(biggest, "us")
    n = 0
    for (color, style), (label, values) in zip(
        _METHODS if methods else _SERIES, series, strict=False
    ):
        curve = percentile_curve(values)
        if curve is None:
            continue
        n += curve.n
        share = np.append(1.0 - curve.share, 0.5 / curve.n)
        x = np.append(curve.value_us, values.max()) * factor
        sure = np.isfinite(curve.lo_us) & np.isfinite(curve.hi_us)
        lo, hi = curve.lo_us[sure] * factor, curve.hi_us[sure] * factor
        axes.fill_betweenx(share[:-1][sure], lo, hi, color=color, alpha=0.18, lw=0)
        axes.plot(x, share, color=color, ls=style, lw=1.1, label=label)
    for one in marked:
        level = 0.5 if "_p50_" in one.metric else 0.01 if "_p99_" in one.metric else 0.001
        whisker(axes, one, level, INK, "o", factor)
    axes.set_yscale("log")
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y * 100:g} %"))
    axes.set_xlabel(f"{words[1]} ({unit})" if unit else f"{words[1]} (us, ms; log scale)")
    axes.set_ylabel("share later than this")
    if methods:
        time_axis(axes, np.concatenate([values for _, values in series]))
    legend(axes, 2 if methods else 3)
    key, alt = where
    caption = f"n = {n}; shaded and whiskers: 95 % bounds of the percentiles."
    return Plot(words[0], caption, to_svg(figure, key, alt))


def _is_marked(one: Measurement) -> bool:
    return one.task in (0, None) and one.metric in (
        *("lateness_p50_us", "lateness_p99_us", "lateness_p999_us"),
    )


def _label(track: Activations, n: int) -> str:
    return f"task {track.task}, n = {n}"


def _time(value_us: float) -> str:
    unit, factor = pick_unit(float(value_us), "us")
    return f"{digits(float(value_us) * factor)} {unit}"


def _label_width(rows: Sequence[Row]) -> float:
    return 0.25 + 0.078 * min(24, max(len(row.name) for row in rows))
