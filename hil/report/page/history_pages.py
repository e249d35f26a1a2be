"""The page that compares two runs, and the page that shows a figure over time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from hil.analysis.plot_data import counts_between
from hil.model.captures import BOARD_SOURCE
from hil.model.metrics import find_metric
from hil.model.results import case_order
from hil.model.units import UNWRITTEN_UNITS, format_value
from hil.report.change_section import make_change_section
from hil.report.charts.chart import Axis, Chart, Mark, Series, category_axis, log_axis, time_axis
from hil.report.page.template_environment import page_script, style_sheet, template_environment
from hil.report.trend_changes import trend_changes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.history.queries import TrendLine, TrendPoint
    from hil.report.side_by_side import CasePair, SideBySide

_BINS = 80


@dataclass(frozen=True, slots=True)
class _Section:
    """One case on the page; ``chart`` is ``None`` where a side has no stamps."""

    anchor: str
    pair: CasePair
    chart: Chart | None

    @property
    def title(self) -> str:
        return f"{self.pair.technique}, load {self.pair.load}, {self.pair.board}"


def render_comparison(view: SideBySide) -> str:
    """The page; pure: the same input gives the same text."""
    sections = [
        _Section(f"case-{number}", pair, _overlay(pair, view))
        for number, pair in enumerate(view.cases)
    ]
    facts = [
        (name, text, other)
        for (name, text), (_, other) in zip(view.before.facts, view.after.facts, strict=True)
    ]
    template = template_environment().get_template("compare.html.j2")
    return template.render(
        style=Markup(style_sheet()),
        script=Markup(page_script("axes.js", "charts.js")),
        view=view,
        summary=make_change_section(view.comparison),
        facts=facts,
        sections=sections,
    )


def _overlay(pair: CasePair, view: SideBySide) -> Chart | None:
    """Both distributions of lateness in one chart, as shares of what is stored of each."""
    if not all(late.size for late in pair.late_us):
        return None
    axis = time_axis(
        min(float(late.min()) for late in pair.late_us),
        max(float(late.max()) for late in pair.late_us),
        "lateness",
    )
    edges = axis.value(np.linspace(0.0, 1.0, _BINS + 1))
    series, least = [], 1.0
    for color, (side, late) in enumerate(zip((view.before, view.after), pair.late_us, strict=True)):
        share = counts_between(late, edges) / late.size
        least = min(least, 1.0 / late.size)
        name = f"{('A', 'B')[color]}: {side.run}, n = {late.size}"
        series.append(Series(name, edges, share, color, style="steps"))
    return Chart(
        "Lateness",
        "Share of the activations in each stretch of lateness, on logarithmic axes, of the stamps "
        "that are stored; all tasks together.",
        f"{pair.technique}, load {pair.load}: distributions of lateness of both runs.",
        axis,
        log_axis(least, 1.0, "share of the activations", "share"),
        series,
        wide=True,
        lateness="x",
    )


def sort_trend_lines(lines: Sequence[TrendLine]) -> list[TrendLine]:
    """By board, firmware line, load and technique, as everywhere in a report."""
    return sorted(
        lines,
        key=lambda line: (
            *(line.board, line.firmware, line.profile),
            case_order((line.board, line.technique, line.load)),
            *(line.method or "", -1 if line.task is None else line.task, line.source, line.plan),
        ),
    )


def describe_trend_line(line: TrendLine) -> str:
    """Technique, load, and what else the figure is about."""
    text = f"{line.technique}, {line.load}"
    text += f", {line.method}" if line.method else ""
    text += "" if line.task is None else f", task {line.task}"
    text += "" if line.source == BOARD_SOURCE else f", by {line.source}"
    return f"{text} ({line.plan})" if line.plan else text


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
