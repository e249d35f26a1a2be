"""The page that shows a figure over time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from hil.model.metrics import find_metric
from hil.model.units import UNWRITTEN_UNITS, format_value
from hil.report.charts.chart import Axis, Chart, Mark, Series, category_axis
from hil.report.page.template_environment import page_script, style_sheet, template_environment
from hil.report.trend_changes import trend_changes
from hil.report.trend_lines import describe_trend_line, sort_trend_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.history.queries import TrendLine, TrendPoint


def trend_page(metric: str, lines: Sequence[TrendLine]) -> str:
    """A self-contained page with a chart for each line."""
    known = find_metric(metric)
    groups: dict[str, list[Chart]] = {}
    for line in sort_trend_lines(lines):
        name = f"{line.board}, MicroPython {line.firmware}, profile {line.profile}"
        groups.setdefault(name, []).append(trend_chart(line))
    return (
        template_environment()
        .get_template("trend.html.j2")
        .render(
            metric=metric,
            meaning="" if known is None else known.description,
            style=Markup(style_sheet()),
            script=Markup(page_script("axes.js", "charts.js")),
            groups=groups,
        )
    )


def trend_chart(line: TrendLine) -> Chart:
    """One point a run, the oldest first, with its bounds; what is out of budget is red."""
    points = [point for point in line.points if math.isfinite(point.value)]
    dates = [point.started_utc[:10] for point in points]
    between = [""] * max(0, len(points) - 2)
    last = f", last {format_value(points[-1].value, line.unit)}" if points else ""
    values = np.array([point.value for point in points])
    said = "; ".join((f"n = {len(points)}{last}", *(change.text for change in trend_changes(line))))
    return Chart(
        describe_trend_line(line),
        f"{said}.",
        f"{describe_trend_line(line)}: {said}",
        category_axis([*dates[:1], *between, *dates[1:][-1:]]),
        _value_axis(points, line.unit),
        [Series("", np.arange(len(points), dtype=np.float64), values)],
        [_mark(number, point, line.unit) for number, point in enumerate(points)],
    )


def _value_axis(points: Sequence[TrendPoint], unit: str) -> Axis:
    """From the least to the greatest value or bound; nothing below zero where nothing is."""
    ends = [e for p in points for e in (p.value, p.lo, p.hi) if e is not None and math.isfinite(e)]
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    margin = 0.08 * (high - low) or 0.05 * abs(high) or 1.0
    bottom = max(0.0, low - margin) if low >= 0.0 else low - margin
    label = "" if unit in (*UNWRITTEN_UNITS, "us") else unit
    return Axis("linear", bottom, high + margin, label, unit)


def _mark(number: int, point: TrendPoint, unit: str) -> Mark:
    text = f"{point.when}, {format_value(point.value, unit)}{_trend_bounds(point, unit)}"
    text += f", run {point.run}"
    bounds = None if point.lo is None or point.hi is None else (point.lo, point.hi)
    if point.verdict == "fail":
        return Mark(number, point.value, f"{text}, out of budget", "fail", bounds)
    return Mark(number, point.value, text, bounds=bounds)


def _trend_bounds(point: TrendPoint, unit: str) -> str:
    if point.lo is None or point.hi is None:
        return ""
    return f" [{format_value(point.lo, unit)}, {format_value(point.hi, unit)}]"
