"""Logarithms of tail probabilities for whole arrays, exact far out where plain ones underflow."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_FAR = 36.0
_STEP = 0.01


@cache
def _table() -> tuple[FloatArray, FloatArray]:
    z = np.arange(-_FAR, _FAR + _STEP, _STEP)
    logs = [math.log(0.5 * math.erfc(one / math.sqrt(2.0))) for one in z.tolist()]
    return z, np.array(logs)


def log_normal_tail(z: FloatArray) -> FloatArray:
    """``log P(Z > z)`` of a standard normal; beyond 36 its leading term (Mills' ratio)."""
    grid, logs = _table()
    result: FloatArray = np.interp(z, grid, logs)
    far = z > _FAR
    if far.any():
        beyond = z[far]
        result[far] = -0.5 * beyond**2 - np.log(beyond * math.sqrt(2.0 * math.pi))
    return result


def log_t_tail(t: FloatArray, dof: FloatArray) -> FloatArray:
    """``log P(T > t)`` of Student's t, arrays of one shape.

    By Wallace's normal transform (Annals of Mathematical Statistics 30, 1959):
    ``z = (8 v + 1) / (8 v + 3) sqrt(v log(1 + t**2 / v))`` with the sign of ``t``.
    """
    v = np.minimum(dof, 1e8)
    z = np.sqrt(v * np.log1p(np.square(t) / v)) * (8.0 * v + 1.0) / (8.0 * v + 3.0)
    return log_normal_tail(np.where(t < 0.0, -z, z))
