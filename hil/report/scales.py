"""Axes of the charts: from values to places on the drawing, and where the ticks go.

The page's script zooms with the same three kinds of axis, so that what it reads back from a place
is what was put there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hil.analysis.activations import FloatArray

Kind = Literal["lin", "log", "asinh"]
_TINY = 1e-300
_MOST = 7


@dataclass(frozen=True, slots=True)
class Scale:
    """One axis from ``lo`` to ``hi``.

    ``unit`` says how its ticks are written: ``us`` (us, ms or s), ``s``, ``share`` (per cent),
    ``tail`` (the axis holds ``1 / (1 - p)`` and shows ``p``) or nothing. ``asinh`` is linear about
    zero up to ``bend`` and logarithmic beyond, on both sides.
    """

    kind: Kind
    lo: float
    hi: float
    label: str
    unit: str = ""
    bend: float = 1.0

    def place(self, values: FloatArray | float) -> FloatArray:
        """Where values lie, 0 at ``lo`` and 1 at ``hi``, same shape."""
        start, end = self._bent(np.array([self.lo, self.hi]))
        at: FloatArray = (self._bent(np.asarray(values, np.float64)) - start) / (end - start)
        return at

    def value(self, place: FloatArray | float) -> FloatArray:
        """The value at a place, the reverse of :meth:`place`."""
        start, end = self._bent(np.array([self.lo, self.hi]))
        at: FloatArray = start + np.asarray(place, np.float64) * (end - start)
        if self.kind == "lin":
            return at
        result: FloatArray = np.exp(at) if self.kind == "log" else self.bend * np.sinh(at)
        return result

    def ticks(self) -> list[tuple[float, str]]:
        """Place and text of each tick, some five of them."""
        values = sorted(v for v in self._tick_values() if self.lo <= v <= self.hi)
        return [(float(self.place(v)), self._text(v)) for v in values]

    def data(self) -> str:
        """The axis for the page's script."""
        return f"{self.kind},{self.lo:.6g},{self.hi:.6g},{self.unit},{self.bend:.6g}"

    def _bent(self, values: FloatArray) -> FloatArray:
        if self.kind == "log":
            return np.log(np.maximum(values, _TINY))
        return np.arcsinh(values / self.bend) if self.kind == "asinh" else values

    def _tick_values(self) -> Iterator[float]:
        if self.kind == "lin":
            step = _step(self.hi - self.lo)
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

    def _text(self, value: float) -> str:
        if self.unit == "share":
            return f"{value * 100:.6g} %"
        if self.unit == "tail":
            return f"{100 - 100 / value:.7g} %"
        if self.unit != "us":
            return f"{value:.6g}" if abs(value) > 1e-12 * (self.hi - self.lo) else "0"
        if abs(value) < 1e-9 * max(abs(self.hi), abs(self.lo)):
            return "0"
        by = max(abs(self.lo), abs(self.hi)) if self.kind == "lin" else abs(value)
        for least, factor, unit in ((1e6, 1e-6, "s"), (1e3, 1e-3, "ms")):
            if by >= least * 0.999999:
                return f"{value * factor:.6g} {unit}"
        return f"{value:.6g} us"


def linear(lo: float, hi: float, label: str, unit: str = "") -> Scale:
    """A linear axis with a little room at both ends."""
    room = 0.04 * (hi - lo) or 0.5 * abs(hi) or 0.5
    return Scale("lin", lo - room, hi + room, label, unit)


def times(lo: float, hi: float, label: str) -> Scale:
    """An axis for times in us that covers decades: logarithmic, or bent about zero."""
    hi = max(hi, 1.0)
    if lo > 0:
        return Scale("log", min(lo, hi / 10) / 1.3, hi * 1.3, label, "us")
    return Scale("asinh", min(lo * 1.3, -1.0), hi * 1.3, label, "us", bend=10.0)


def decades(lo: float, hi: float, label: str, unit: str = "") -> Scale:
    """A logarithmic axis; both ends above zero."""
    return Scale("log", lo / 1.2, max(hi, lo * 1.5) * 1.2, label, unit)


def _step(span: float) -> float:
    rough = max(span, _TINY) / 5.5
    ten = 10.0 ** math.floor(math.log10(rough))
    return next(ten * k for k in (1, 2, 5, 10) if ten * k >= rough * 0.999)


def _decades(lo: float, hi: float) -> list[float]:
    first, last = math.floor(math.log10(lo)), math.ceil(math.log10(hi))
    if last - first <= 2:
        return [m * 10.0**k for k in range(first, last + 1) for m in (1, 2, 5)]
    every = -(-(last - first) // _MOST)
    return [10.0**k for k in range(first, last + 1) if k % every == 0]
