"""Description of a chart: axes, series, marks and reference lines, in the units of the axes.

Nothing is drawn here. The script of a page draws :meth:`Chart.as_data`;
:mod:`hil.report.charts.matplotlib_drawing` draws the same description into a file.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from hil.model.units import in_decimal_unit, with_micro_sign
from hil.report.charts.dates import date_label, date_text, date_ticks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from hil.model.captures import FloatArray

STEPS = 10_000
"""Resolution of the data for the page: steps from one end of an axis to the other."""
COLORS = 7
"""Colours of a drawing; the next seven series have the same colours, dashed."""
INK = -1
"""Colour number of the text's own colour."""
AxisKind = Literal["linear", "log", "asinh", "categories"]
Direction = Literal["x", "y"]
_TINY = 1e-300
_MOST_TICKS = 7


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis from ``lo`` to ``hi``.

    ``unit`` says how its ticks are written: ``us`` (us, ms or s), ``s``, ``ppm``, ``share`` (per
    cent), ``date`` (days since 1970), ``tail`` (the axis holds ``1 / (1 - p)`` and shows ``p``) or
    nothing. ``asinh`` is linear about zero up to ``bend`` and logarithmic beyond, on both sides.
    ``categories`` are the names of the values 0, 1, …; an empty name is not written.
    """

    kind: AxisKind
    lo: float
    hi: float
    label: str
    unit: str = ""
    bend: float = 1.0
    categories: tuple[str, ...] = ()

    def position(self, values: FloatArray | float) -> FloatArray:
        """Positions of values, float64 of the same shape: 0 at ``lo`` and 1 at ``hi``."""
        start, end = self._bent(np.array([self.lo, self.hi]))
        at: FloatArray = (self._bent(np.asarray(values, np.float64)) - start) / (end - start)
        return at

    def value(self, position: FloatArray | float) -> FloatArray:
        """Values at positions, the reverse of :meth:`position`."""
        start, end = self._bent(np.array([self.lo, self.hi]))
        at: FloatArray = start + np.asarray(position, np.float64) * (end - start)
        if self.kind == "log":
            return np.exp(at)
        return np.asarray(self.bend * np.sinh(at)) if self.kind == "asinh" else at

    def ticks(self) -> list[tuple[float, str]]:
        """Value and text of each tick, in order; some five of them, or every named category."""
        if self.kind == "categories":
            return [(float(k), name) for k, name in enumerate(self.categories) if name]
        values = sorted(v for v in self._tick_values() if self.lo <= v <= self.hi)
        return [(v, self.text(v)) for v in values]

    def text(self, value: float) -> str:
        """The text of a tick at ``value``."""
        if self.unit == "date":
            return date_text(value, self.lo, self.hi)
        if self.unit == "share":
            return f"{value * 100:.6g} %"
        if self.unit == "tail":
            return f"{100 - 100 / value:.7g} %"
        if self.unit != "us":
            return f"{value:.6g}" if abs(value) > 1e-12 * (self.hi - self.lo) else "0"
        if abs(value) < 1e-9 * max(abs(self.hi), abs(self.lo)):
            return "0"
        size_us = max(abs(self.lo), abs(self.hi)) if self.kind == "linear" else value
        number, unit = in_decimal_unit(value, size_us)
        return f"{number:.6g} {unit}"

    def as_data(self) -> dict[str, Any]:
        """The axis for the page: its ticks as steps and texts, and what a zoom needs."""
        positions = np.array([value for value, _ in self.ticks()])
        steps = np.rint(self.position(positions) * STEPS).astype(int).tolist()
        data: dict[str, Any] = {
            "kind": self.kind,
            "lo": float(f"{self.lo:.12g}"),
            "hi": float(f"{self.hi:.12g}"),
            "label": self.label,
            "unit": self.unit,
            "ticks": [
                [at, with_micro_sign(text)]
                for at, (_, text) in zip(steps, self.ticks(), strict=True)
            ],
        }
        if self.kind == "asinh":
            data["bend"] = self.bend
        if self.categories:
            data["categories"] = list(self.categories)
        return data

    def _bent(self, values: FloatArray) -> FloatArray:
        if self.kind == "log":
            return np.log(np.maximum(values, _TINY))
        return np.arcsinh(values / self.bend) if self.kind == "asinh" else values

    def _tick_values(self) -> Iterator[float]:
        if self.unit == "date":
            return iter(date_ticks(self.lo, self.hi))
        if self.kind == "linear":
            step = _tick_step(self.hi - self.lo)
            first = math.ceil(self.lo / step)
            return (step * k for k in range(first, math.floor(self.hi / step + 1e-9) + 1))
        if self.kind == "log":
            return iter(_decades(self.lo, self.hi))
        sizes = _decades(self.bend, max(self.hi, -self.lo, 10 * self.bend))
        if self.lo >= 0:
            return iter((0.0, *sizes))
        sizes = [size for size in sizes if size > 1.5 * self.bend]
        below = [size for size in sizes if size <= -self.lo][::-2]
        return iter((0.0, *sizes, *(-size for size in below)))


def linear_axis(lo: float, hi: float, label: str, unit: str = "") -> Axis:
    """A linear axis with a little room at both ends."""
    room = 0.04 * (hi - lo) or 0.5 * abs(hi) or 0.5
    return Axis("linear", lo - room, hi + room, label, unit)


def date_axis(first: float, last: float) -> Axis:
    """An axis of dates, in days since 1970."""
    room = 0.03 * (last - first) or 0.5
    lo, hi = first - room, last + room
    return Axis("linear", lo, hi, date_label(first, last), "date")


def time_axis(lo_us: float, hi_us: float, label: str) -> Axis:
    """An axis for times that cover decades, in us: logarithmic, or bent about zero."""
    hi_us = max(hi_us, 1.0)
    if lo_us > 0:
        return Axis("log", min(lo_us, hi_us / 10) / 1.3, hi_us * 1.3, label, "us")
    return Axis("asinh", min(lo_us * 1.3, -1.0), hi_us * 1.3, label, "us", bend=10.0)


def log_axis(lo: float, hi: float, label: str, unit: str = "") -> Axis:
    """A logarithmic axis; both ends above zero."""
    return Axis("log", lo / 1.2, max(hi, lo * 1.5) * 1.2, label, unit)


def percentile_axis(longest_tail: float) -> Axis:
    """Percentiles ``p`` as ``1 / (1 - p)``, from 0 % to ``longest_tail``."""
    return Axis("log", 1.0, longest_tail * 1.1, "percentile", "tail")


def category_axis(names: Sequence[str], label: str = "", *, downward: bool = False) -> Axis:
    """One category beside the other, or the first on top where ``downward``."""
    ends = (len(names) - 0.4, -0.6) if downward else (-0.6, len(names) - 0.4)
    return Axis("categories", *ends, label, categories=tuple(names))


@dataclass(frozen=True, slots=True)
class Series:
    """Values that belong together.

    ``line`` joins them, ``points`` does not; ``steps`` has one ``x`` more than ``y`` and stands on
    the axis. ``lo`` and ``hi`` are the bounds of the values in the direction of ``bounds``: a band,
    for points a whisker each, drawn where both are finite. ``origin`` are the points from which a
    stroke leads to each value. ``color`` counts from 0; :data:`INK` is the text's. ``quiet`` is
    drawn in grey behind the others, until a reader of a page chooses it.
    """

    name: str
    x: FloatArray
    y: FloatArray
    color: int = 0
    lo: FloatArray | None = None
    hi: FloatArray | None = None
    style: Literal["line", "points", "steps"] = "line"
    bounds: Direction = "y"
    origin: tuple[FloatArray, FloatArray] | None = None
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """A point that says ``text``; ``bounds`` are those of its ``y``.

    ``kind``: ``mark``, ``worst``, ``fail`` or ``summary`` (of several points).
    """

    x: float
    y: float
    text: str
    kind: Literal["mark", "worst", "fail", "summary"] = "mark"
    bounds: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class ReferenceLine:
    """A line across the chart where ``axis`` has the value ``at``, or a band up to ``to``.

    ``kind``: ``reference``, ``limit``, ``change`` (of a level), or ``span`` (a band).
    """

    axis: Direction
    at: float
    to: float | None = None
    kind: Literal["reference", "limit", "span", "change"] = "reference"


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything that one chart shows.

    ``alt`` is its text for who doesn't see it. ``wide`` asks for the width of a page instead of a
    column's. ``lateness`` is the axis on which a deadline can be drawn, if any.
    """

    title: str
    caption: str
    alt: str
    x: Axis
    y: Axis
    series: Sequence[Series]
    marks: Sequence[Mark] = ()
    references: Sequence[ReferenceLine] = ()
    wide: bool = False
    lateness: Direction | None = None

    def as_data(self) -> dict[str, Any]:
        """What the page's script draws, ready for JSON; the texts stand in the page itself.

        Positions are whole steps of the axes, :data:`STEPS` from end to end. A list of positions
        holds the first position and then each difference to the position before; ``None`` stands
        for a value that is not finite. What lies far outside an axis stays near it.
        """
        return {
            "x": self.x.as_data(),
            "y": self.y.as_data(),
            "wide": self.wide,
            "lateness": self.lateness,
            "series": [self._series(series) for series in self.series],
            "marks": [self._mark(mark) for mark in self.marks],
            "references": [self._reference(line) for line in self.references],
        }

    def _series(self, series: Series) -> dict[str, Any]:
        data: dict[str, Any] = {
            "name": series.name,
            "color": series.color,
            "style": series.style,
            "x": _differences(self.x.position(series.x)),
            "y": _differences(self.y.position(series.y)),
        }
        if series.quiet:
            data["quiet"] = True
        if series.lo is not None and series.hi is not None:
            axis = self.x if series.bounds == "x" else self.y
            data["bounds"] = series.bounds
            data["lo"] = _differences(axis.position(series.lo))
            data["hi"] = _differences(axis.position(series.hi))
        if series.origin is not None:
            data["origin_x"] = _differences(self.x.position(series.origin[0]))
            data["origin_y"] = _differences(self.y.position(series.origin[1]))
        return data

    def _mark(self, mark: Mark) -> dict[str, Any]:
        data: dict[str, Any] = {
            "text": with_micro_sign(mark.text),
            "kind": mark.kind,
            "x": _steps(self.x.position(mark.x)),
            "y": _steps(self.y.position(mark.y)),
        }
        if mark.bounds is not None:
            data["bounds"] = [_steps(self.y.position(bound)) for bound in mark.bounds]
        return data

    def _reference(self, line: ReferenceLine) -> dict[str, Any]:
        axis = self.x if line.axis == "x" else self.y
        data = {"axis": line.axis, "kind": line.kind, "at": _steps(axis.position(line.at))}
        return data if line.to is None else {**data, "to": _steps(axis.position(line.to))}


def _steps(position: FloatArray) -> int:
    return round(float(np.clip(position, -1.0, 2.0)) * STEPS)


def _differences(positions: FloatArray) -> list[int | None]:
    steps = np.rint(np.clip(positions, -1.0, 2.0) * STEPS)
    is_known = np.isfinite(steps)
    differences = np.diff(steps[is_known], prepend=0.0).astype(np.int64).tolist()
    if is_known.all():
        return list(differences)
    following = iter(differences)
    return [next(following) if known else None for known in is_known.tolist()]


def _tick_step(span: float) -> float:
    rough = max(span, _TINY) / 5.5
    ten = 10.0 ** math.floor(math.log10(rough))
    return next(ten * k for k in (1, 2, 5, 10) if ten * k >= rough * 0.999)


def _decades(lo: float, hi: float) -> list[float]:
    first, last = math.floor(math.log10(lo)), math.ceil(math.log10(hi))
    if last - first <= 2:
        return [m * 10.0**k for k in range(first, last + 1) for m in (1, 2, 5)]
    every = -(-(last - first) // _MOST_TICKS)
    return [10.0**k for k in range(first, last + 1) if k % every == 0]
