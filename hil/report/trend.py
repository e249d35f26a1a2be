"""A figure over time: sparklines for the terminal, and a page of charts."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from hil.history.listing import Point, TrendLine
from hil.metrics import find_metric, load_rank, technique_rank
from hil.report.charts.chart import Axis, Chart, Mark, Series, category_axis
from hil.report.numbers import PLAIN, digits, pick_unit
from hil.report.page_templates import environment, page_script, style

_BARS = "▁▂▃▄▅▆▇█"
_FLAT = 0.02


def sorted_lines(lines: Sequence[TrendLine]) -> list[TrendLine]:
    """By board, firmware line, load and technique, as everywhere in a report."""
    return sorted(
        lines,
        key=lambda one: (
            *(one.board, one.firmware, one.profile),
            *(load_rank(one.load), technique_rank(one.technique)),
            *(one.method or "", -1 if one.task is None else one.task),
        ),
    )


def sparkline(values: Sequence[float], width: int = 30) -> str:
    """The newest ``width`` values as bars; values that hardly differ are a flat line.

    The scale is the line's own, from its smallest to its largest value.
    """
    shown = [value for value in values if math.isfinite(value)][-width:]
    if not shown:
        return ""
    low, high = min(shown), max(shown)
    if high - low <= _FLAT * max(abs(high), abs(low)):
        return _BARS[3] * len(shown)
    steps = len(_BARS) - 1
    return "".join(_BARS[round((value - low) / (high - low) * steps)] for value in shown)


def value_text(value: float, unit: str) -> str:
    """A value with a unit that suits it."""
    shown, factor = pick_unit(value, unit)
    return f"{digits(value * factor, unit in PLAIN)} {shown}".rstrip()


def case_text(one: TrendLine) -> str:
    """Technique, load, and what else the figure is about."""
    text = f"{one.technique}, {one.load}"
    text += f", {one.method}" if one.method else ""
    return text if one.task is None else f"{text}, task {one.task}"


def trend_page(metric: str, lines: Sequence[TrendLine]) -> str:
    """A self-contained page with a chart for each line."""
    known = find_metric(metric)
    groups: dict[str, list[Chart]] = {}
    for one in sorted_lines(lines):
        name = f"{one.board}, MicroPython {one.firmware}, profile {one.profile}"
        groups.setdefault(name, []).append(trend_chart(one))
    return (
        environment()
        .get_template("trend.html.j2")
        .render(
            metric=metric,
            meaning="" if known is None else known.description,
            style=Markup(style()),
            script=Markup(page_script("axes.js", "charts.js")),
            groups=groups,
        )
    )


def trend_chart(line: TrendLine) -> Chart:
    """One point a run, the oldest first, with its bounds; what is out of budget is red."""
    points = [point for point in line.points if math.isfinite(point.value)]
    dates = [point.started_utc[:10] for point in points]
    between = [""] * max(0, len(points) - 2)
    last = f", last {value_text(points[-1].value, line.unit)}" if points else ""
    values = np.array([point.value for point in points])
    return Chart(
        case_text(line),
        f"n = {len(points)}{last}.",
        f"{case_text(line)}: n = {len(points)}{last}",
        category_axis([*dates[:1], *between, *dates[1:][-1:]]),
        _value_axis(points, line.unit),
        [Series("", np.arange(len(points), dtype=np.float64), values)],
        [_mark(number, point, line.unit) for number, point in enumerate(points)],
    )


def _value_axis(points: Sequence[Point], unit: str) -> Axis:
    """From the least to the greatest value or bound; nothing below zero where nothing is."""
    ends = [e for p in points for e in (p.value, p.lo, p.hi) if e is not None and math.isfinite(e)]
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    margin = 0.08 * (high - low) or 0.05 * abs(high) or 1.0
    bottom = max(0.0, low - margin) if low >= 0.0 else low - margin
    label = "" if unit in (*PLAIN, "us") else unit
    return Axis("linear", bottom, high + margin, label, unit)


def _mark(number: int, point: Point, unit: str) -> Mark:
    text = f"{point.started_utc}, {value_text(point.value, unit)}{_bounds(point, unit)}"
    text += f", run {point.run}"
    bounds = None if point.lo is None or point.hi is None else (point.lo, point.hi)
    if point.verdict == "fail":
        return Mark(number, point.value, f"{text}, out of budget", "fail", bounds)
    return Mark(number, point.value, text, bounds=bounds)


def _bounds(point: Point, unit: str) -> str:
    if point.lo is None or point.hi is None:
        return ""
    return f" [{value_text(point.lo, unit)}, {value_text(point.hi, unit)}]"
