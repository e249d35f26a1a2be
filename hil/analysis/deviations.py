"""Deviations over averaging time: overlapping ADEV, MDEV, TDEV and MTIE of an array.

All functions take the time error ``x`` (n,) of consecutive activations and averaging factors ``m``
(averaging time ``m * tau0``). A missing activation is ``nan``: terms that touch it are left out,
nothing is interpolated. Every averaging time costs O(n), and there are O(log n) of them; MTIE
builds its sliding extremes from those of half the length, O(n log n) in all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hil.analysis.passes import DOT, dot

FloatArray = NDArray[np.float64]

_PIECE = 1 << 16
_DIGITS_LEFT = 1e-6


def octaves(n: int, share: int = 4) -> list[int]:
    """Averaging factors 1, 2, 4, … up to ``n / share``."""
    return [2**i for i in range(max(0, (n // share).bit_length()))] if n >= share else []


def adev_terms(x: FloatArray, m: int) -> FloatArray:
    """Second differences ``x[i+2m] - 2 x[i+m] + x[i]``, (n - 2m,); see :func:`adev`."""
    return _combine(x, m, (1.0, -2.0, 1.0), x.size - 2 * m)


def _combine(source: FloatArray, m: int, weights: Sequence[float], count: int) -> FloatArray:
    """``sum_j weights[j] * source[i + j m]`` for ``count`` places, in pieces that stay in cache."""
    result = np.empty(max(0, count))
    for start in range(0, result.size, _PIECE):
        end = min(start + _PIECE, result.size)
        part = result[start:end]
        np.multiply(source[start:end], weights[0], out=part)
        for j, weight in enumerate(weights[1:], start=1):
            part += weight * source[start + j * m : end + j * m]
    return result


def tdev_terms(x: FloatArray, m: int, sums: FloatArray | None = None) -> FloatArray:
    """Second differences of the means over ``m`` samples, (n - 3m + 1,); see :func:`tdev`.

    ``sums`` is ``cumsum`` of ``x`` with a leading 0, for a caller that has many ``m``.
    """
    total = running_sum(x) if sums is None else sums
    terms = _combine(total, m, (-1.0, 3.0, -3.0, 1.0), total.size - 3 * m)
    terms /= m
    return terms


def running_sum(x: FloatArray) -> FloatArray:
    """``cumsum`` with a leading 0, (n + 1,)."""
    total = np.empty(x.size + 1)
    total[0] = 0.0
    np.cumsum(x, out=total[1:])
    return total


def without_line(x: FloatArray, *, in_place: bool = False) -> FloatArray:
    """``x`` less the line through its first and last value.

    Changes no second difference, and keeps the sums of long captures small enough for 1e-9.
    """
    known = np.flatnonzero(np.isfinite(x[[0, -1]])) if x.size else np.zeros(0)
    if known.size == 2:
        first, last = 0, x.size - 1
    else:
        places = np.flatnonzero(np.isfinite(x))
        first, last = int(places[0]), int(places[-1])
    start = float(x[first])
    rise = (float(x[last]) - start) / max(last - first, 1)
    flat = x if in_place else x.copy()
    for begin in range(0, x.size, _PIECE):
        part = flat[begin : begin + _PIECE]
        part -= start + rise * (np.arange(begin, begin + part.size) - first)
    return flat


def mean_square(terms: FloatArray) -> float:
    """Mean of the squares of what is there; ``nan`` for nothing."""
    if terms.size == 0:
        return math.nan
    total = dot(terms, terms)
    if math.isnan(total):
        terms = terms[np.isfinite(terms)]
        return dot(terms, terms) / terms.size if terms.size else math.nan
    return total / terms.size


def adev(x: FloatArray, tau0: float, m: int) -> float:
    """Overlapping Allan deviation at ``m * tau0`` (IEEE 1139; x and tau0 in the same unit).

    ``avar = sum (x[i+2m] - 2 x[i+m] + x[i])**2 / (2 (m tau0)**2 (n - 2m))``; ``nan`` if n <= 2m.
    """
    if x.size <= 2 * m:
        return math.nan
    return math.sqrt(mean_square(adev_terms(x, m)) / 2.0) / (m * tau0)


def adevs(x: FloatArray, tau0: float, factors: Sequence[int]) -> FloatArray:
    """:func:`adev` for many factors at once, ``nan`` for those that ``x`` is too short for.

    The sum of squared second differences is one of squares of ``x`` and of products ``x[i] x[i+m]``
    and ``x[i] x[i+2m]``: over octaves each sum of products serves two factors, and all of them are
    taken of one piece of ``x`` while it is in the cache. Where little is left of the sums, digits
    are lost with them: then the line is taken off, and at last the terms are added up themselves.
    """
    squares = _second_differences(x, factors)
    lost = np.isnan(squares)
    if 4 * lost.sum() > lost.size and not np.isnan(np.dot(x[:8], x[:8])) and np.isfinite(x).all():
        squares = _second_differences(without_line(x), factors)
    found = np.full(len(factors), math.nan)
    for place, (m, square) in enumerate(zip(factors, squares, strict=True)):
        if math.isnan(square):
            found[place] = adev(x, tau0, m)
        else:
            found[place] = math.sqrt(square / (x.size - 2 * m) / 2.0) / (m * tau0)
    return found


def _second_differences(x: FloatArray, factors: Sequence[int]) -> FloatArray:
    """Sum of squared second differences for each factor; ``nan`` where too few digits are left."""
    n = x.size
    products = dict.fromkeys([0, *(k * m for m in factors for k in (1, 2) if k * m < n)], 0.0)
    lags = sorted(products)
    for start in range(0, n, DOT):
        part = x[start : start + DOT]
        for lag in lags:
            ahead = x[start + lag : start + lag + DOT]
            if not ahead.size:
                break
            products[lag] += float(np.dot(part[: ahead.size], ahead))
    found = np.full(len(factors), math.nan)
    for place, m in enumerate(factors):
        if n <= 2 * m:
            continue
        head, tail = (x[:m], x[m : 2 * m]), (x[n - 2 * m : n - m], x[n - m :])
        squares = 6.0 * products[0] - 5.0 * dot(head[0], head[0]) - dot(head[1], head[1])
        squares -= 5.0 * dot(tail[1], tail[1]) + dot(tail[0], tail[0])
        near = 2.0 * products[m] - dot(*head) - dot(*tail)
        square = squares - 4.0 * near + 2.0 * products[2 * m]
        if square > _DIGITS_LEFT * squares:
            found[place] = square
    return found


def tdev(x: FloatArray, m: int, sums: FloatArray | None = None) -> float:
    """Time deviation in the unit of ``x`` (G.810 II.3): ``tvar = mean(terms**2) / 6``."""
    if x.size < 3 * m + 1:
        return math.nan
    return math.sqrt(mean_square(tdev_terms(x, m, sums)) / 6.0)


def mdev(x: FloatArray, tau0: float, m: int, sums: FloatArray | None = None) -> float:
    """Modified Allan deviation at ``m * tau0``: ``sqrt(3) tdev / tau`` (IEEE 1139)."""
    return math.sqrt(3.0) * tdev(x, m, sums) / (m * tau0)


def mtie(x: FloatArray, factors: Sequence[int]) -> FloatArray:
    """Maximum time interval error for each averaging factor, in the unit of ``x`` (G.810 II.5).

    ``mtie(m) = max_k (max - min of x[k] .. x[k+m])``. Sliding extremes of length ``2**j`` come from
    two of half the length; a window of any length is covered by two of the next smaller power.
    """
    result = np.full(len(factors), math.nan)
    high, low, length = x.copy(), x.copy(), 1
    for place in np.argsort(factors):
        window = int(factors[place]) + 1
        if window > x.size:
            continue
        while 2 * length <= window:
            high, low = _wider(high, length, np.fmax), _wider(low, length, np.fmin)
            length *= 2
        shift = window - length
        count = high.size - shift
        largest = -math.inf
        for start in range(0, count, _PIECE):
            end = min(start + _PIECE, count)
            spread = np.fmax(high[start:end], high[start + shift : end + shift])
            spread -= np.fmin(low[start:end], low[start + shift : end + shift])
            largest = max(largest, float(np.fmax.reduce(spread)))
        result[place] = largest
    return result


def _wider(values: FloatArray, length: int, extreme: np.ufunc) -> FloatArray:
    """Sliding extremes of twice the length, in place and in pieces."""
    count = values.size - length
    for start in range(0, count, _PIECE):
        end = min(start + _PIECE, count)
        values[start:end] = extreme(values[start:end], values[start + length : end + length])
    return values[:count]
