"""Period and cycle-to-cycle jitter of consecutive activations (JEDEC JESD65B)."""

from __future__ import annotations

import numpy as np

from hil.analysis.activations import Activations, BoolArray, FloatArray


def intervals_us(activations: Activations) -> tuple[FloatArray, BoolArray]:
    """Consecutive intervals in us, and for each neighbouring pair whether it is unbroken.

    An interval over stamps that the wire lost is left out. The second array has one entry fewer
    than the first: false where a pair of intervals has such a hole between them.
    """
    gaps = np.diff(activations.stamps_us)
    joined = activations.joined
    if joined.all():
        return gaps, np.ones(max(gaps.size - 1, 0), dtype=np.bool_)
    place = np.flatnonzero(joined)
    return gaps[joined], np.diff(place) == 1


def cycle_to_cycle_us(intervals: FloatArray, paired: BoolArray) -> FloatArray:
    """``T[i+1] - T[i]`` in us over unbroken pairs (JESD65B, cycle-to-cycle jitter)."""
    change = np.diff(intervals)
    return change if paired.all() else change[paired]


def rms(values: FloatArray) -> float:
    """Root of the mean square, without a temporary array."""
    return float(np.sqrt(np.dot(values, values) / values.size)) if values.size else 0.0
