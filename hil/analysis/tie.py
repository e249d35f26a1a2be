"""Time interval error: the activations against the grid that fits them best."""

from __future__ import annotations

import numpy as np

from hil.analysis.activations import Activations, FloatArray, lateness_us
from hil.records import IntArray


def best_fit(activations: Activations) -> tuple[float, float]:
    """Offset (us) and period (us) of the least-squares grid ``stamp = offset + index * period``.

    Needs two stamps with different indices. Computed on the deviation from the nominal grid, so
    that no digits are lost on long captures.
    """
    late = lateness_us(activations)
    slope, offset = _line(activations.index, late)
    return offset, activations.period_us + slope


def tie_us(activations: Activations) -> FloatArray:
    """Time interval error in us against the best-fit grid, (n,) float64, mean zero."""
    late = lateness_us(activations)
    slope, offset = _line(activations.index, late)
    late -= offset
    if slope:
        late -= slope * activations.index
    return late


def _line(index: IntArray, values: FloatArray) -> tuple[float, float]:
    if values.size == 0:
        return 0.0, 0.0
    middle = float(index.mean())
    centred = index - middle
    square = float(np.dot(centred, centred))
    slope = float(np.dot(centred, values)) / square if square > 0 else 0.0
    return slope, float(values.mean()) - slope * middle
