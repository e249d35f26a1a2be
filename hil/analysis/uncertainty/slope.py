"""Slope of a noisy line that may be measured in several windows, with bounds.

Each window is averaged to cells, and these are transformed by cosines (DCT-II) of which the lowest
are kept. The constant drops out, so that each window has a level of its own; what happens at short
range (spikes, interference, quantisation) stays above what is kept.
:mod:`hil.analysis.uncertainty.line_spectra` fits the slope to the coefficients.
"""

from __future__ import annotations

import itertools
import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.uncertainty.line_spectra import Coefficients, Slope, fit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.analysis.uncertainty.line_spectra import Error
    from hil.model.captures import FloatArray, IntArray

FEWEST = 8
CELLS = 512
LOWEST = 32
CALMED_BELOW = 1 << 18
"""Longest series of which outliers are drawn in; in longer ones a cell averages hundreds."""
_FAR = 5.0 * 1.4826
_FEW_OUTLIERS = 0.02
_INCREMENTS = 64
_BEND_DOF = 6

Cells = tuple["FloatArray | IntArray", "FloatArray"]
"""Means of x and y of one window over equally long stretches."""


@lru_cache(maxsize=64)
def _cosines(cells: int, count: int) -> FloatArray:
    time = (np.arange(cells) + 0.5) / cells
    waves = np.cos(np.pi * np.outer(np.arange(1, count + 1), time))
    result: FloatArray = waves * math.sqrt(2.0 / cells)
    return result


def cell_size(n: int) -> int:
    """Samples in a cell, the same in all windows, of ``n`` in all."""
    return max(1, -(-n // CELLS))


def slope_of(
    x: FloatArray | IntArray,
    y: FloatArray,
    error: Error = "stationary",
    starts: Sequence[int] = (0,),
    *,
    step: float = 0.0,
    calmed: bool = True,
) -> Slope:
    """Slope of ``y`` over ``x``, both (n,), ``x`` increasing within each window.

    ``step`` is that in which ``y`` is quantised: its noise is at least that of rounding. ``starts``
    are the indices at which the windows begin. Fewer than 8 points give no bounds. Where the error
    is stationary and ``calmed``, outliers are drawn in first (:func:`calm`); the jumps of a walk
    stay.
    """
    edges = [*starts, x.size]
    windows = [slice(a, b) for a, b in itertools.pairwise(edges)]
    if error == "stationary" and calmed and x.size <= CALMED_BELOW:
        y = calm(x, y, windows)
    size = cell_size(x.size)
    return slope_of_cells(
        [(_means(x[at], size), _means(y[at], size)) for at in windows], error, step**2 / 12.0 / size
    )


def _means(values: FloatArray | IntArray, size: int) -> FloatArray:
    """Means over stretches of ``size``; a rest at the end is left out."""
    whole = values.size // size * size
    means: FloatArray = values[:whole].reshape(-1, size).mean(axis=1, dtype=np.float64)
    return means


def calm(x: FloatArray | IntArray, y: FloatArray, windows: Sequence[slice]) -> FloatArray:
    """``y`` with its outliers drawn in towards the line through each window.

    A stall of some milliseconds among microseconds would tilt the line by far more than the rest
    does. Beyond 5 sigma (scaled median deviation) at most 2 % of the samples, or one, are drawn
    in, to where the next one is: what comes more often is no outlier but the error itself.
    """
    line = plain_slope([(x[at], y[at]) for at in windows])
    away = y - line * x
    levels = np.zeros(y.size)
    for at in windows:
        levels[at] = np.median(away[at]) if away[at].size else 0.0
    away -= levels
    size = np.abs(away)
    some = max(1, int(_FEW_OUTLIERS * y.size))
    if y.size <= some:
        return y
    middle, far = y.size // 2, y.size - some - 1
    ranked = np.partition(size, (middle, far))
    limit = max(_FAR * float(ranked[middle]), float(ranked[far]))
    if not (size > limit).any():
        return y
    result: FloatArray = np.clip(away, -limit, limit)
    result += levels
    result += line * x
    return result


def plain_slope(windows: Sequence[Cells]) -> float:
    """The least-squares slope with a level for each window; 0 where ``x`` does not move."""
    across = below = 0.0
    for x, y in windows:
        if x.size:
            centred = x - x.mean()
            across += float(np.dot(centred, y))
            below += float(np.dot(centred, centred))
    return across / below if below else 0.0


def slope_of_cells(
    windows: Sequence[Cells], error: Error = "stationary", least: float = 0.0
) -> Slope:
    """As :func:`slope_of`, from the cells of each window, each of at least this variance."""
    first = plain_slope(windows)
    seen = [cells for cells in windows if cells[0].size > 1]
    total = sum(x.size for x, _ in seen)
    if total < FEWEST or all(x[0] == x[-1] for x, _ in seen):
        return Slope(first, None, None)
    parts = []
    for x, y in seen:
        count = min(x.size - 1, max(4, round(LOWEST * x.size / total)))
        waves = _cosines(x.size, count)
        # the least-squares line is taken off, so that no digits are lost on a steep one
        rest = y - y[0] - first * (x - x[0])
        rest -= rest.mean()
        low = waves @ rest
        # what is above these cosines pulls by its running sum at the ends (summed by parts)
        fast = float(np.cumsum(rest - low @ waves).std())
        parts.append(Coefficients(x.size, waves @ (x - x.mean()), low, waves[:, 0], fast))
    bend = 0.0
    if error == "stationary":
        bend, parts = _unbend(seen, parts)
    lean = _skewness(seen, first) if error == "walk" else 0.0
    return fit(first, parts, error, lean, bend, least)


def _skewness(windows: Sequence[Cells], slope: float) -> float:
    """Skewness of the mean of the increments of the windows, taken over some 64 stretches."""
    step = max(1, sum(x.size for x, _ in windows) // _INCREMENTS)
    grown = np.concatenate([np.diff((y - slope * x)[::step]) for x, y in windows])
    if grown.size < FEWEST // 2:
        return 0.0
    grown -= grown.mean()
    variance = float(np.mean(grown**2))
    if variance <= 0.0:
        return 0.0
    return float(np.mean(grown**3)) / math.sqrt(variance**3 * grown.size)


def _unbend(
    windows: Sequence[Cells], parts: list[Coefficients]
) -> tuple[float, list[Coefficients]]:
    """How the slope changes per unit of x, and the coefficients without it, if beyond doubt.

    Beyond doubt: a parabola in each window explains more (F, one in a thousand) than even a random
    walk would, whose coefficients fall like ``1/j``. It shares no coefficient with the line.
    """
    bent, curvatures, explained, left, dof = [], [], 0.0, 0.0, -1
    for (x, _), part in zip(windows, parts, strict=True):
        order = np.arange(1, part.x.size + 1, dtype=np.float64)
        centred = x - x.mean()
        parabola = _cosines(x.size, part.x.size) @ (centred**2)
        whole = float(np.dot(parabola**2, order**2))
        curvature = float(np.dot(parabola * part.y, order**2)) / whole if whole > 0.0 else 0.0
        rest = part.y - curvature * parabola
        explained += curvature**2 * whole
        left += float(np.dot(rest**2, order**2))
        dof += part.x.size - 1
        curvatures.append(curvature)
        bent.append(part.replace_y(rest))
    count = len(parts)
    if dof < _BEND_DOF or explained * dof <= count * (8.0 + 8.0 / count) * left:
        return 0.0, parts
    return 2.0 * sum(curvatures) / count, bent
