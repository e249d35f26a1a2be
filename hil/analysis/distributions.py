"""The few distribution functions that bounds need: beta, Student's t, fractional order statistics.

Written here because scipy as a run-time dependency would cost every user 30 MB and a third of the
import time for three functions; the tests compare them with scipy.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

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


def binomial_bounds(count: int, n: int, confidence: float) -> tuple[float, float]:
    """Bounds of the probability behind ``count`` of ``n`` independent trials.

    Clopper & Pearson (1934): quantiles of the beta distribution; never less sure than said.
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
    return (
        _rank(quantile, n, (1.0 + confidence) / 2),
        _rank(quantile, n, (1.0 - confidence) / 2),
    )


def _rank(quantile: float, n: float, wanted: float) -> float:
    low, high = 0.0, n + 1.0
    for _ in range(50):
        middle = (low + high) / 2
        if beta_cdf(quantile, middle, n + 1.0 - middle) > wanted:
            low = middle
        else:
            high = middle
    return (low + high) / 2
