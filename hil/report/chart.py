"""Charts as small inline SVG that the page's script can read, zoom and read back.

The data lie in an inner ``svg`` of 10,000 by 10,000 steps: another ``viewBox`` is another section,
and a step read back through the axis is the value. So there is one copy of the numbers, drawn
without a script and on paper too. Colours and line widths come from the style sheet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from markupsafe import Markup, escape

from hil.analysis.activations import FloatArray
from hil.report.scales import Scale

STEPS = 10_000
COLORS = 7
"""Colours of the style sheet; the next seven lines have the same ones, dashed."""


@dataclass(frozen=True, slots=True)
class Line:
    """A series: values in the axes' units, joined unless ``dots``.

    ``lo`` and ``hi`` bound ``y`` and are drawn as a band where both are finite. ``stairs`` has one
    ``x`` more than ``y`` and stands on the axis. ``origin`` are places from which a stroke leads to
    each point. ``slot`` chooses the colour, -1 the ink.
    """

    name: str
    x: FloatArray
    y: FloatArray
    slot: int = 0
    lo: FloatArray | None = None
    hi: FloatArray | None = None
    dots: bool = False
    stairs: bool = False
    origin: tuple[FloatArray, FloatArray] | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """A point that says ``text``; ``ends`` are its bounds, drawn along the axis ``along``."""

    x: float
    y: float
    text: str
    kind: str = "mark"
    ends: tuple[float, float] | None = None
    along: str = "y"


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across at ``at`` on the axis ``axis``, or a band up to ``to``."""

    axis: str
    at: float
    to: float | None = None
    kind: str = "rule"


@dataclass(frozen=True, slots=True)
class Plot:
    """One figure: heading, caption, and the inline SVG with the alternative text in it.

    ``legend`` has number, name and colour slot of each line; ``kind`` is a class of the figure.
    """

    title: str
    caption: str
    svg: Markup
    legend: tuple[tuple[int, str, int], ...] = ()
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything that is drawn in one figure. ``rows`` names the places of a ``y`` of 0, 1, …"""

    title: str
    caption: str
    alt: str
    x: Scale
    y: Scale
    lines: Sequence[Line]
    marks: Sequence[Mark] = ()
    rules: Sequence[Rule] = ()
    rows: Sequence[str] = field(default=())
    kind: str = ""

    def draw(self) -> Plot:
        """The chart as a figure of the page."""
        wide = "hil-wide" in self.kind
        width, height, left = (600, 320, 68) if wide else (440, 270, 60)
        top, right, bottom = (30, 28, 46) if wide else (24, 22, 40)
        w, h = width - left - right, height - top - bottom
        parts = [
            f'<svg class="hil-chart" viewBox="0 0 {width} {height}" role="img" '
            f'aria-label="{escape(self.alt)}" data-x="{escape(self.x.data())}" '
            f'data-y="{escape(self.y.data())}"><g class="axes">',
            *self._axes(left, top, w, h),
            f'</g><text class="u" x="4" y="{top - 10}">{escape(self.y.label)}</text>'
            f'<text class="v" x="{left + w}" y="{height - 5}">{escape(self.x.label)}</text>'
            f'<svg class="data" x="{left}" y="{top}" width="{w}" height="{h}" '
            f'viewBox="0 0 {STEPS} {STEPS}" preserveAspectRatio="none">',
            *(self._rule(rule) for rule in self.rules),
            *(self._line(number, line) for number, line in enumerate(self.lines)),
            *(self._mark(mark) for mark in self.marks),
            "</svg></svg>",
        ]
        legend = tuple((k, one.name, one.slot) for k, one in enumerate(self.lines) if one.name)
        return Plot(self.title, self.caption, Markup("".join(parts)), legend, self.kind)

    def _axes(self, left: int, top: int, w: int, h: int) -> list[str]:
        across = [(at, text) for at, text in self.x.ticks() if 0 <= at <= 1]
        rows = [(float(self.y.place(k)), name) for k, name in enumerate(self.rows)]
        up = rows or [(at, text) for at, text in self.y.ticks() if 0 <= at <= 1]
        grid = [f"M{left + at * w:.1f} {top}v{h}" for at, _ in across]
        grid += [f"M{left} {top + h - at * h:.1f}h{w}" for at, _ in up]
        parts = [
            f'<path class="grid" d="{"".join(grid)}"/>',
            f'<path class="frame" d="M{left} {top}v{h}h{w}"/>',
        ]
        parts += [
            f'<text class="m" x="{left + at * w:.1f}" y="{top + h + 14}">{escape(text)}</text>'
            for at, text in across
        ]
        parts += [
            f'<text class="e" x="{left - 5}" y="{top + h - at * h + 4:.1f}">{escape(text)}</text>'
            for at, text in up
        ]
        return parts

    def _line(self, number: int, line: Line) -> str:
        color = f"c{line.slot % COLORS}" if line.slot >= 0 else "ink"
        color += " dash" if line.slot >= COLORS else ""
        parts = [f'<g class="{color}" data-line="{number}">']
        band = self._band(line)
        if band:
            parts.append(f'<path class="band" d="{band}z"/>')
        x, y = self._x(line.x), self._y(line.y)
        dots = line.dots or x.size == 1
        drawn = _stairs(x, y) if line.stairs else _dots(x, y) if dots else _path(x, y)
        parts.append(f'<path class="{"dot" if dots else "line"}" d="{drawn}"/>')
        if line.origin is not None:
            ends = (self._x(line.origin[0]), self._y(line.origin[1]), x, y)
            starts = zip(*(part.tolist() for part in ends), strict=True)
            strokes = "".join(f"M{a} {b}L{c} {d}" for a, b, c, d in starts)
            parts.append(f'<path class="line" d="{strokes}"/>')
        parts.append("</g>")
        return "".join(parts)

    def _band(self, line: Line) -> str:
        if line.lo is None or line.hi is None:
            return ""
        x, lo, hi = line.x, line.lo, line.hi
        if line.stairs:
            x, lo, hi = np.repeat(x, 2)[1:-1], np.repeat(lo, 2), np.repeat(hi, 2)
        sure = np.isfinite(lo) & np.isfinite(hi)
        x, lo, hi = x[sure], lo[sure], hi[sure]
        if x.size < 2:
            return ""
        return _path(self._x(np.append(x, x[::-1])), self._y(np.append(lo, hi[::-1])))

    def _mark(self, mark: Mark) -> str:
        x, y = int(self._x(np.array([mark.x]))[0]), int(self._y(np.array([mark.y]))[0])
        whisker = ""
        if mark.ends is not None:
            ends = np.array(mark.ends)
            if mark.along == "y":
                (a, b), path = self._y(ends), "M{0} {1}V{2}"
                whisker = path.format(x, a, b)
            else:
                (a, b), path = self._x(ends), "M{1} {0}H{2}"
                whisker = path.format(y, a, b)
            whisker = f'<path class="ends" d="{whisker}"/>'
        said = escape(mark.text)
        return f'{whisker}<path class="{mark.kind}" data-text="{said}" d="M{x} {y}h0"/>'

    def _rule(self, rule: Rule) -> str:
        place = self._x if rule.axis == "x" else self._y
        ends = place(np.array([rule.at, rule.at if rule.to is None else rule.to]))
        a, b = int(ends.min()), int(ends.max())
        if rule.to is not None:
            box = (a, 0, b - a, STEPS) if rule.axis == "x" else (0, a, STEPS, b - a)
            return '<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>'.format(rule.kind, *box)
        path = f"M{a} 0v{STEPS}" if rule.axis == "x" else f"M0 {a}h{STEPS}"
        return f'<path class="{rule.kind}" d="{path}"/>'

    def _x(self, values: FloatArray) -> FloatArray:
        return _whole(self.x.place(values))

    def _y(self, values: FloatArray) -> FloatArray:
        return _whole(1.0 - self.y.place(values))


def _whole(place: FloatArray) -> FloatArray:
    """Steps of the drawing; what lies far outside stays near it."""
    inside = np.clip(np.nan_to_num(place, nan=2.0), -1.0, 2.0)
    steps: FloatArray = np.rint(inside * STEPS).astype(np.int64)
    return steps


def _path(x: FloatArray, y: FloatArray) -> str:
    if not x.size:
        return ""
    moves = " ".join(
        f"{a} {b}" for a, b in zip(np.diff(x).tolist(), np.diff(y).tolist(), strict=True)
    )
    line = f"l{moves.replace(' -', '-')}" if moves else "h0"
    return f"M{int(x[0])} {int(y[0])}{line}"


def _dots(x: FloatArray, y: FloatArray) -> str:
    return "".join(f"M{a} {b}h0" for a, b in zip(x.tolist(), y.tolist(), strict=True))


def _stairs(edges: FloatArray, y: FloatArray) -> str:
    """Each run of bins as one outline from the axis up and back; bins below the axis are empty."""
    parts = []
    level = STEPS
    for left, right, height in zip(
        edges[:-1].tolist(), edges[1:].tolist(), np.minimum(y, STEPS).tolist(), strict=True
    ):
        if height == STEPS and level == STEPS:
            continue
        if level == STEPS:
            parts.append(f"M{left} {STEPS}")
        parts.append(f"v{height - level}h{right - left}" if height != level else f"h{right - left}")
        level = height
    if level != STEPS:
        parts.append(f"v{STEPS - level}")
    return "".join(parts)
