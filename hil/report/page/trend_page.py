"""The page that shows a figure over time."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from hil.model.metrics import find_metric
from hil.model.units import UNWRITTEN_UNITS, format_value
from hil.report.charts.chart import Axis, Chart, Mark, ReferenceLine, Series, date_axis, log_axis
from hil.report.charts.dates import day_number
from hil.report.page.template_environment import page_script, style_sheet, template_environment
from hil.report.trend_changes import trend_changes
from hil.report.trend_lines import (
    describe_months,
    describe_summary,
    describe_trend_line,
    sort_trend_lines,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hil.history.figure_summary import MonthSummary
    from hil.history.trend_queries import TrendLine, TrendPoint

MOST_CHARTS = 120
"""Charts on one page; the lines beyond are counted."""
_DECADE = 10.0
_MIDDLE_DAYS = 14.5


@dataclass(frozen=True, slots=True)
class _Group:
    """The charts of one board and profile, and what is said of all of them."""

    title: str
    note: str
    charts: list[Chart]


def trend_page(metric: str, lines: Sequence[TrendLine]) -> str:
    """A self-contained page with a chart for each figure of a board, all on the same dates.

    The firmware versions of a board share a chart. At most :data:`MOST_CHARTS` charts are drawn.
    """
    known = find_metric(metric)
    figures = _figures(sort_trend_lines(lines))
    axis = _dates(lines)
    groups: dict[tuple[str, str, str], list[list[TrendLine]]] = defaultdict(list)
    for figure in figures[:MOST_CHARTS]:
        groups[figure[0].board, figure[0].key, figure[0].profile].append(figure)
    return (
        template_environment()
        .get_template("trend.html.j2")
        .render(
            metric=metric,
            meaning="" if known is None else known.description,
            style=Markup(style_sheet()),
            script=Markup(page_script("axes.js", "dates.js", "charts.js", "wide_tables.js")),
            groups=[
                _Group(
                    f"{board}, profile {profile}",
                    _versions(of_group),
                    [trend_chart(figure, axis) for figure in of_group],
                )
                for (board, _, profile), of_group in groups.items()
            ],
            span=_span(lines),
            left_out=len(figures) - min(len(figures), MOST_CHARTS),
        )
    )


def _figures(lines: Sequence[TrendLine]) -> list[list[TrendLine]]:
    """The lines of one figure together, one for each firmware, the oldest first."""
    figures: dict[tuple[object, ...], list[TrendLine]] = defaultdict(list)
    for line in lines:
        name = (line.board, line.key, line.profile, line.technique, line.load, line.task)
        figures[(*name, line.method, line.source, line.plan)].append(line)
    return [sorted(of_figure, key=_begin) for of_figure in figures.values()]


def _begin(line: TrendLine) -> str:
    """When its oldest run began; of removed runs only the month is known."""
    if line.summaries:
        return _first_day(line.summaries[0])
    return line.points[0].started_utc if line.points else ""


def _first_day(month: MonthSummary) -> str:
    return f"{month.month}-01T00:00:00Z"


def _versions(figures: Sequence[Sequence[TrendLine]]) -> str:
    """Which firmware was measured when; a change of it is a vertical line in the charts."""
    first: dict[str, str] = {}
    for figure in figures:
        for line in figure:
            begin = _begin(line)[:10]
            first[line.firmware] = min(first.get(line.firmware, begin), begin)
    ordered = sorted(first.items(), key=lambda row: row[1])
    texts = [f"{ordered[0][0]}", *(f"{version} from {day} on" for version, day in ordered[1:])]
    return f"MicroPython {', '.join(texts)}"


def _span(lines: Sequence[TrendLine]) -> str:
    """The first and the last day of all lines; empty where there is no point."""
    days = [point.started_utc[:10] for line in lines for point in line.points]
    days += [_first_day(month)[:10] for line in lines for month in line.summaries]
    if not days:
        return ""
    return min(days) if min(days) == max(days) else f"{min(days)} to {max(days)}"


def _dates(lines: Iterable[TrendLine]) -> Axis:
    starts = [point.started_utc for line in lines for point in line.points]
    starts += [_first_day(month) for line in lines for month in line.summaries]
    days = [day for day in map(day_number, starts) if day == day]
    return date_axis(min(days, default=0.0), max(days, default=0.0))


def trend_chart(lines: Sequence[TrendLine], dates: Axis | None = None) -> Chart:
    """One figure, a point a run, with its bounds; what is out of budget is red.

    ``lines`` are those of one figure, the oldest firmware first. A vertical line stands where the
    firmware changes and where the level does. A run whose clock was wrong stands where the one
    before it does.
    """
    newest = lines[-1]
    points = [point for line in lines for point in line.points if math.isfinite(point.value)]
    at = _positions(points)
    by_run = dict(zip((point.run for point in points), at, strict=True))
    changes = [change for line in lines for change in trend_changes(line)]
    last = f", last {format_value(points[-1].value, newest.unit)}" if points else ""
    newer = [f"MicroPython {line.firmware} from {_begin(line)[:10]} on" for line in lines[1:]]
    texts = [f"n = {len(points)}{last}", *(change.text for change in changes)]
    starts = [by_run[p.run] for line in lines[1:] for p in line.points[:1] if p.run in by_run]
    months = [month for line in lines for month in line.summaries]
    if months:
        texts.append(
            f"large grey points: removed runs {describe_months(months)}, median and 5 to 95 %"
        )
    references = [ReferenceLine("x", day) for day in starts]
    references += [
        ReferenceLine("x", by_run[change.first_after], kind="change") for change in changes
    ]
    return Chart(
        describe_trend_line(newest),
        f"{'; '.join(texts)}.",
        f"{describe_trend_line(newest)}: {'; '.join([*texts, *newer])}",
        _dates(lines) if dates is None else dates,
        _value_axis(points, months, newest.unit),
        [Series("", np.array(at), np.array([point.value for point in points]))],
        [
            *(_month_mark(month, newest.unit) for month in months),
            *(_mark(day, point, newest.unit) for day, point in zip(at, points, strict=True)),
        ],
        references,
    )


def _positions(points: Sequence[TrendPoint]) -> list[float]:
    """The day of each point; what is no time or known to be wrong stands with the one before."""
    at: list[float] = []
    for point in points:
        day = math.nan if point.clock_wrong else day_number(point.started_utc)
        at.append(day if math.isfinite(day) else (at[-1] if at else 0.0))
    return at


def _value_axis(points: Sequence[TrendPoint], months: Sequence[MonthSummary], unit: str) -> Axis:
    """From the least to the greatest value or bound; logarithmic for times over a decade.

    Nothing is below zero where nothing is.
    """
    ends = [e for p in points for e in (p.value, p.lo, p.hi) if e is not None and math.isfinite(e)]
    ends += [end for month in months for end in (month.p05, month.median, month.p95)]
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    label = "" if unit in (*UNWRITTEN_UNITS, "us") else unit
    if unit == "us" and low > 0.0 and high > _DECADE * low:
        return log_axis(low, high, label, unit)
    margin = 0.08 * (high - low) or 0.05 * abs(high) or 1.0
    bottom = max(0.0, low - margin) if low >= 0.0 else low - margin
    return Axis("linear", bottom, high + margin, label, unit)


def _mark(day: float, point: TrendPoint, unit: str) -> Mark:
    text = f"{point.when}, {format_value(point.value, unit)}{_trend_bounds(point, unit)}"
    text += f", run {point.run}"
    bounds = None if point.lo is None or point.hi is None else (point.lo, point.hi)
    if point.verdict == "fail":
        return Mark(day, point.value, f"{text}, out of budget", "fail", bounds)
    return Mark(day, point.value, text, bounds=bounds)


def _month_mark(month: MonthSummary, unit: str) -> Mark:
    """In the middle of its month, with the spread of its runs for bounds."""
    text = describe_summary(month, unit)
    at = day_number(_first_day(month)) + _MIDDLE_DAYS
    return Mark(at, month.median, text, "summary", (month.p05, month.p95))


def _trend_bounds(point: TrendPoint, unit: str) -> str:
    if point.lo is None or point.hi is None:
        return ""
    return f" [{format_value(point.lo, unit)}, {format_value(point.hi, unit)}]"
