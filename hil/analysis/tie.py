"""Time interval error: the activations against the grid that fits them best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hil.analysis.activations import Activations, FloatArray, lateness_us
from hil.analysis.passes import Extremes, SquareSums, dot, pieces


def tie_us(activations: Activations) -> FloatArray:
    """Time interval error in us against the best-fit grid, (n,) float64, mean zero."""
    late, index = lateness_us(activations), activations.releases(0, activations.n)
    slope, offset = _line(index, late)
    late -= offset
    if slope:
        late -= slope * index
    return late


@dataclass(frozen=True, slots=True)
class TieSums:
    """Squares and range of a task's time interval error."""

    squares: SquareSums
    range: Extremes


def look_at_tie(task: Activations) -> TieSums:
    """The same as :func:`tie_us`, in three passes, a piece at a time."""
    n = task.n
    middle = sum(float(task.releases(*piece).sum()) for piece in pieces(n)) / n
    square = product = total = 0.0
    for piece in pieces(n):
        late, centred = lateness_us(task, *piece), task.releases(*piece) - middle
        square += dot(centred, centred)
        product += dot(centred, late)
        total += float(late.sum())
    slope = product / square if square > 0 else 0.0
    sums = TieSums(SquareSums(n), Extremes())
    for piece in pieces(n):
        error = lateness_us(task, *piece)
        error -= total / n
        error -= slope * (task.releases(*piece) - middle)
        sums.range.add(error, piece[0])
        sums.squares.add(error)
    return sums


def _line(index: FloatArray, values: FloatArray) -> tuple[float, float]:
    if values.size == 0:
        return 0.0, 0.0
    middle = float(index.mean())
    centred = index - middle
    square = float(np.dot(centred, centred))
    slope = float(np.dot(centred, values)) / square if square > 0 else 0.0
    return slope, float(values.mean()) - slope * middle
