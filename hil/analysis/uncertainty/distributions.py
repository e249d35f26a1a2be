"""Distribution functions that bounds need: beta, Student's t, binomial bounds, log tails.

Written here because scipy as a run-time dependency would cost every user 30 MB and a third of the
import time for three functions; the tests compare them with scipy.
"""

from __future__ import annotations

import math
from functools import cache, lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from hil.model.captures import FloatArray

_NORMAL = NormalDist()


def normal_quantile(probability: float) -> float:
    """Quantile of the standard normal distribution."""
    return _NORMAL.inv_cdf(probability)


def beta_cdf(x: float, a: float, b: float) -> float:
    """Regularised incomplete beta function ``I_x(a, b)`` for ``a, b > 0``.

    Continued fraction of DLMF 8.17.22, evaluated by the modified Lentz method, on the side of the
    mean where it converges fast.
    """
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - beta_cdf(1.0 - x, b, a)
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    tiny = 1e-300
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > tiny else tiny)
    fraction = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for step in (even, odd):
            d = 1.0 + step * d
            d = 1.0 / (d if abs(d) > tiny else tiny)
            c = 1.0 + step / c
            c = c if abs(c) > tiny else tiny
            fraction *= c * d
        if abs(c * d - 1.0) < 1e-13:
            break
    return front * fraction / a


def t_cdf(value: float, dof: float) -> float:
    """Distribution function of Student's t with ``dof`` degrees of freedom."""
    tail = 0.5 * beta_cdf(dof / (dof + value * value), dof / 2.0, 0.5)
    return 1.0 - tail if value > 0 else tail


@lru_cache(maxsize=1024)
def t_quantile(probability: float, dof: float) -> float:
    """Quantile of Student's t, by bisection of :func:`t_cdf`."""
    if probability < 0.5:
        return -t_quantile(1.0 - probability, dof)
    low, high = 0.0, 1.0
    while t_cdf(high, dof) < probability:
        high *= 2.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if t_cdf(middle, dof) < probability else (low, middle)
    return (low + high) / 2


def binomial_bounds(count: float, n: float, confidence: float) -> tuple[float, float]:
    """Bounds of the probability behind ``count`` of ``n`` independent trials.

    Clopper & Pearson (1934): quantiles of the beta distribution. They cover
    the probability with ``confidence`` at least.
    """
    low, high = 0.0, 1.0
    if count > 0:
        low = _beta_quantile((1.0 - confidence) / 2, count, n - count + 1.0)
    if count < n:
        high = _beta_quantile((1.0 + confidence) / 2, count + 1.0, n - count)
    return low, high


def _beta_quantile(probability: float, a: float, b: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if beta_cdf(middle, a, b) < probability else (low, middle)
    return (low + high) / 2


@lru_cache(maxsize=4096)
def quantile_ranks(quantile: float, n: float, confidence: float) -> tuple[float, float]:
    """Fractional ranks (1-based, in ``n`` samples) that bound a population quantile.

    Rank ``r`` solves ``I_q(r, n + 1 - r) = (1 +- confidence) / 2`` (Hutson 1999, fractional order
    statistics): not conservative, as whole ranks are. A rank outside ``[1, n]`` means that the
    sample is too small for that side. Far from the edges the normal limit is used.
    """
    spread = math.sqrt(n * quantile * (1.0 - quantile))
    z = normal_quantile((1.0 + confidence) / 2)
    if spread > 100.0:
        middle = (n + 1) * quantile
        return middle - z * spread, middle + z * spread
    upper = (1.0 + confidence) / 2
    return quantile_rank(quantile, n, upper), quantile_rank(quantile, n, 1.0 - upper)


@lru_cache(maxsize=8192)
def quantile_rank(quantile: float, n: float, probability: float) -> float:
    """The fractional rank of ``n`` samples that is below the quantile with this probability.

    As :func:`quantile_ranks`, for one end.
    """
    spread = math.sqrt(n * quantile * (1.0 - quantile))
    if spread > 50.0:
        return (n + 1) * quantile - normal_quantile(probability) * spread
    return _rank(quantile, n, probability)


def _rank(quantile: float, n: float, wanted: float) -> float:
    low, high = 0.0, n + 1.0
    for _ in range(36):
        middle = (low + high) / 2
        if beta_cdf(quantile, middle, n + 1.0 - middle) > wanted:
            low = middle
        else:
            high = middle
    return (low + high) / 2


_FAR = 36.0
_STEP = 0.01


@cache
def _table() -> tuple[FloatArray, FloatArray]:
    z = np.arange(-_FAR, _FAR + _STEP, _STEP)
    logs = [math.log(0.5 * math.erfc(x / math.sqrt(2.0))) for x in z.tolist()]
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


def chi_squared_quantile(probability: float, dof: float) -> float:
    """Quantile of chi-squared, to 4 % for ``dof`` of 4.5 and more (Wilson & Hilferty 1931)."""
    part = 2.0 / (9.0 * dof)
    return dof * (1.0 - part + normal_quantile(probability) * math.sqrt(part)) ** 3
