"""Stability of a long capture: the figures of :mod:`hil.analysis.stability`, a piece at a time.

Sums over windows are differences of running sums, which here run along with the pieces: each of the
four places that a term needs has a running sum of its own, begun where that place begins.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from hil.analysis.deviations import mtie, octaves
from hil.analysis.estimates import Bounds, Sheet
from hil.analysis.long_activations import LongActivations, late_part
from hil.analysis.passes import PIECE, SquareSums, pieces
from hil.analysis.stability import (
    INDEPENDENT,
    NO_BOUNDS_OF_EXTREMES,
    SLOPE_TERMS,
    TOO_FEW,
    name_noise,
    note_of,
    points,
)
from hil.analysis.uncertainty import rms_bounds

FloatArray = NDArray[np.float64]
Piece = Callable[[int, int], FloatArray]


class TimeError:
    """Lateness by release, ``nan`` where none answered it, of which any piece can be asked for."""

    def __init__(self, task: LongActivations) -> None:
        self._task = task
        n = task.n
        self._first = round(float(task.releases(0, 1)[0]))
        last = round(float(task.releases(n - 1, n)[0]))
        self.size = last - self._first + 1
        self.holes = self.size != n
        if self.size > 4 * n + 16:
            self.size, self.holes = n, False
        start, end = self._known(0, n)
        self._start, self._rise = start[1], (end[1] - start[1]) / max(end[0] - start[0], 1)
        self._from = start[0]

    def _known(self, first: int, after: int) -> tuple[tuple[int, float], tuple[int, float]]:
        """Release and lateness of the first and the last activation."""
        ends = []
        for place in (first, after - 1):
            late = float(late_part(self._task, place, place + 1)[0])
            at = round(float(self._task.releases(place, place + 1)[0])) - self._first
            ends.append((at if self.holes else place, late))
        return ends[0], ends[1]

    def raw(self, start: int, end: int) -> FloatArray:
        """The lateness of a piece."""
        if not self.holes:
            return late_part(self._task, start, end)
        first = self._task.place_of(self._first + start)
        after = self._task.place_of(self._first + end)
        late = late_part(self._task, first, after)
        if after - first == end - start:
            return late
        filled = np.full(end - start, math.nan)
        at = self._task.releases(first, after).astype(np.int64)
        filled[at - (self._first + start)] = late
        return filled

    def flat(self, start: int, end: int) -> FloatArray:
        """The same without the line through the first and the last activation."""
        part = self.raw(start, end)
        part -= self._start + self._rise * (np.arange(start, end) - self._from)
        return part

    def longest_run(self) -> tuple[int, int]:
        """The longest stretch without a hole."""
        if not self.holes:
            return 0, self.size
        best = (0, 0)
        begin = 0
        for start, end in pieces(self.size):
            for hole in (start + np.flatnonzero(np.isnan(self.raw(start, end)))).tolist():
                best = max(best, (begin, hole), key=lambda run: run[1] - run[0])
                begin = hole + 1
        return max(best, (begin, self.size), key=lambda run: run[1] - run[0])


def adev_squares(x: Piece, n: int, m: int, holes: bool = False) -> SquareSums:
    """Squares of the second differences of :func:`~hil.analysis.stability.adev`, holes left out."""

    def terms() -> Iterator[FloatArray]:
        for a, b in pieces(n - 2 * m):
            part = x(a + m, b + m)
            part *= -2.0
            part += x(a, b)
            part += x(a + 2 * m, b + 2 * m)
            yield part[np.isfinite(part)] if holes else part

    known = sum(part.size for part in terms()) if holes else n - 2 * m
    return _squares(terms(), known)


def tdev_squares(x: Piece, n: int, m: int) -> SquareSums:
    """Squares of the terms of :func:`~hil.analysis.stability.tdev`; ``x`` has no holes."""

    def terms() -> Iterator[FloatArray]:
        sums = [0.0] * 4
        for k in (1, 2, 3):
            sums[k] = sums[k - 1] + sum(
                float(x((k - 1) * m + a, (k - 1) * m + b).sum()) for a, b in pieces(m)
            )
        for a, b in pieces(n - 3 * m + 1):
            found = np.zeros(b - a)
            for k, weight in enumerate((-1.0, 3.0, -3.0, 1.0)):
                part = x(k * m + a, min(k * m + b, n))
                running = np.empty(part.size + 1)
                running[0] = 0.0
                np.cumsum(part, out=running[1:])
                running += sums[k]
                found += weight * running[: b - a]
                sums[k] = float(running[b - a]) if running.size > b - a else 0.0
            found /= m
            yield found

    return _squares(terms(), n - 3 * m + 1)


def _squares(terms: Iterator[FloatArray], n: int) -> SquareSums:
    sums = SquareSums(n)
    for part in terms:
        sums.add(part)
    return sums


def mtie_in_pieces(x: Piece, n: int, m: int) -> float:
    """Maximum time interval error for one factor; see :func:`~hil.analysis.stability.mtie`."""
    if m >= n:
        return math.nan
    found = -math.inf
    for start, end in pieces(n - m, max(PIECE, 4 * m)):
        found = max(found, float(mtie(x(start, end + m), [m])[0]))
    return found


def noise_slope(x: Piece, n: int, size: int, tau0: float) -> tuple[float, str] | None:
    """As :func:`~hil.analysis.stability.noise_type` of ``size`` values, in one pass.

    ``x`` are the ``n`` of the longest run without a hole.
    """
    factors = octaves(size, 16)
    every = max(1, size // SLOPE_TERMS)
    terms = [np.zeros(max(0, -(-(n - 3 * m + 1) // every))) for m in factors]
    running = 0.0
    for start, end in pieces(n + 1):
        sums = np.empty(end - start + 1)
        sums[0] = running
        np.cumsum(x(start, min(end, n)), out=sums[1 : min(end, n) - start + 1])
        sums[1 : min(end, n) - start + 1] += running
        running = float(sums[min(end, n) - start])
        for m, found in zip(factors, terms, strict=True):
            for k, weight in enumerate((-1.0, 3.0, -3.0, 1.0)):
                # the starts whose k-th place lies in this piece
                first = max(0, -(-(start - k * m) // every))
                after = min(found.size, -(-(end - k * m) // every))
                if first < after:
                    at = first * every + k * m - start
                    stop = at + (after - first - 1) * every + 1
                    found[first:after] += weight * sums[at:stop:every]
    return name_noise(terms, factors, size, tau0)


def measure_long_stability(task: LongActivations, tick_us: float, sheet: Sheet) -> None:
    """As :func:`~hil.analysis.stability.measure_stability`, for a long capture."""
    error = TimeError(task)
    tau0, n = task.period_us, error.size
    begin, end = error.longest_run()
    run = end - begin

    def whole(a: int, b: int) -> FloatArray:
        return error.flat(begin + a, begin + b)

    note = note_of(noise_slope(whole, run, n, tau0))
    for m, label in sorted(points(tau0).items()):
        if n >= 4 * m:
            scale = 1.0 / (math.sqrt(2.0) * m * tau0)
            squares = adev_squares(error.raw, n, m, error.holes)
            bounds = _bounds(squares, m, scale, tick_us**2 / 2.0, n - 2 * m)
            sheet.add(f"adev_{label}", math.sqrt(squares.mean) * scale, task.n, bounds, note=note)
        if run >= 4 * m:
            scale = 1.0 / math.sqrt(6.0)
            squares = tdev_squares(whole, run, m)
            bounds = _bounds(squares, m, scale, tick_us**2 / 2.0 / m, run - 3 * m + 1)
            value = math.sqrt(squares.mean) * scale
            sheet.add(f"tdev_{label}_us", value, task.n, bounds, note=note)
        extreme = mtie_in_pieces(error.raw, n, m)
        if math.isfinite(extreme):
            sheet.add(
                f"mtie_{label}_us",
                extreme,
                task.n,
                Bounds(why_not=NO_BOUNDS_OF_EXTREMES),
                note=note,
            )


def _bounds(squares: SquareSums, m: int, scale: float, clock_us: float, terms: int) -> Bounds:
    if terms < INDEPENDENT * m:
        return Bounds(why_not=TOO_FEW)
    bounds = rms_bounds(squares, 0, clock_us, 3 * m)
    if bounds.lo is None or bounds.hi is None:
        return bounds
    return Bounds(bounds.lo * scale, bounds.hi * scale)
