"""A figure over time: sparklines for the terminal, and a page of small charts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from hil.history.listing import Point, TrendLine
from hil.metrics import find_metric, load_rank, technique_rank
from hil.report.numbers import PLAIN, digits, pick_unit
from hil.report.page_templates import environment, style

_BARS = "▁▂▃▄▅▆▇█"
WIDTH, HEIGHT = 360, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 54, 10, 10, 24
_FLAT = 0.02


@dataclass(frozen=True, slots=True)
class Mark:
    """A point of a chart in pixels; ``lo`` and ``hi`` are the ends of its bounds."""

    x: float
    y: float
    lo: float | None
    hi: float | None
    text: str
    verdict: str


@dataclass(frozen=True, slots=True)
class TrendChart:
    """One line of a figure over time, ready to be drawn."""

    title: str
    label: str
    marks: list[Mark]
    path: str
    ticks: list[tuple[float, str]]
    first: str
    last: str


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
    """A page with a chart for each line; self-contained, without scripts."""
    known = find_metric(metric)
    groups: dict[str, list[TrendChart]] = {}
    for one in sorted_lines(lines):
        name = f"{one.board}, MicroPython {one.firmware}, profile {one.profile}"
        groups.setdefault(name, []).append(_chart(one))
    return (
        environment()
        .get_template("trend.html.j2")
        .render(
            metric=metric,
            meaning="" if known is None else known.description,
            style=Markup(style()),
            groups=groups,
            width=WIDTH,
            height=HEIGHT,
            left=_LEFT,
            right=WIDTH - _RIGHT,
            bottom=HEIGHT - _BOTTOM,
        )
    )


def _chart(one: TrendLine) -> TrendChart:
    points = one.points
    ends = [e for p in points for e in (p.value, p.lo, p.hi) if e is not None and math.isfinite(e)]
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    margin = 0.08 * (high - low) or 0.05 * abs(high) or 1.0
    if low >= 0.0:
        low = max(0.0, low - margin)
    else:
        low -= margin
    high += margin
    span = WIDTH - _LEFT - _RIGHT
    rise = HEIGHT - _TOP - _BOTTOM

    def up(value: float) -> float:
        return round(HEIGHT - _BOTTOM - (value - low) / (high - low) * rise, 1)

    marks = []
    for at, point in enumerate(points):
        x = round(_LEFT + (0.5 if len(points) == 1 else at / (len(points) - 1)) * span, 1)
        text = f"{point.started_utc}, {value_text(point.value, one.unit)}{_bounds(point, one.unit)}"
        lo = None if point.lo is None else up(point.lo)
        hi = None if point.hi is None else up(point.hi)
        marks.append(Mark(x, up(point.value), lo, hi, f"{text}, run {point.run}", point.verdict))
    return TrendChart(
        title=case_text(one),
        label=(
            f"{case_text(one)}: {len(points)} runs, last {value_text(points[-1].value, one.unit)}"
        ),
        marks=marks,
        path=" ".join(f"{mark.x},{mark.y}" for mark in marks),
        ticks=[(up(value), value_text(value, one.unit)) for value in _ticks(low, high)],
        first=points[0].started_utc[:10],
        last=points[-1].started_utc[:10],
    )


def _bounds(point: Point, unit: str) -> str:
    if point.lo is None or point.hi is None:
        return ""
    return f" [{value_text(point.lo, unit)}, {value_text(point.hi, unit)}]"


def _ticks(low: float, high: float) -> list[float]:
    """Three or four round values in between."""
    raw = (high - low) / 3
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * one for one in (1.0, 2.0, 5.0, 10.0) if size * one >= raw)
    first = math.ceil(low / step)
    return [step * at for at in range(first, math.floor(high / step) + 1)]
