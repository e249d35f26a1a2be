"""Slope of a noisy line with an interval that holds under white and random-walk error.

A task on absolute deadlines has white lateness: its slope is known to ``sigma sqrt(12/n)/T``. A
naive task's lateness is a random walk: the slope is known no better than ``sigma/sqrt(n)``. Which
one it is, and in which mixture, is itself estimated from the data and uncertain; the interval
averages over it.

Method: the series is averaged to at most 64 blocks. For each ratio ``q`` of random-walk to white
variance on a fixed grid the slope is fitted by generalised least squares; the fits are weighted by
their restricted likelihood (Harville 1974; prior flat in ``log q``, and a point mass at 0), and the
bounds are quantiles of the mixture of Student's t distributions. The averaging to blocks makes the
result insensitive to what happens at short range: spikes, interference, quantisation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.uncertainty.distributions import t_cdf
from hil.analysis.uncertainty.order_statistics import CONFIDENCE

if TYPE_CHECKING:
    from hil.model.captures import FloatArray, IntArray

BLOCKS = 64
FEWEST = 8
SOME = 4096
CALMED_BELOW = 4096 * BLOCKS
WHITE_ODDS = 1000.0
_LARGE = CALMED_BELOW // BLOCKS
_RATIOS = np.concatenate(([0.0], np.logspace(-3.0, 3.0, 25)))


@dataclass(frozen=True, slots=True)
class Slope:
    """A fitted slope (units of y per unit of x) with its bounds.

    ``wander`` is the probability that the error is a random walk rather than white on the scale of
    the window; ``walk_rms`` is the random walk's growth per square root of one unit of x.
    """

    value: float
    lo: float | None
    hi: float | None
    wander: float
    walk_rms: float


@dataclass(frozen=True, slots=True)
class Shape:
    """Number of points, length in x, and every so-many-th point (some 4096 of them)."""

    n: int
    span: float
    some_x: FloatArray | IntArray
    some_y: FloatArray


@lru_cache(maxsize=64)
def _whiteners(blocks: int) -> tuple[FloatArray, FloatArray]:
    positions = np.arange(blocks, dtype=np.float64)
    walk = np.minimum.outer(positions, positions) + 0.5
    np.fill_diagonal(walk, positions + 1.0 / 3.0)
    return _whiten(walk)


def _whiteners_at(positions: FloatArray) -> tuple[FloatArray, FloatArray]:
    return _whiten(np.minimum.outer(positions, positions))


def _whiten(walk: FloatArray) -> tuple[FloatArray, FloatArray]:
    spread = np.eye(len(walk)) + _RATIOS[:, None, None] * walk
    roots = np.linalg.cholesky(spread)
    inverse: FloatArray = np.linalg.inv(roots)
    log_det: FloatArray = 2.0 * np.log(np.diagonal(roots, axis1=1, axis2=2)).sum(axis=1)
    return inverse, log_det


def block_means(
    x: FloatArray | IntArray, y: FloatArray, blocks: int = BLOCKS
) -> tuple[FloatArray, FloatArray]:
    """Means of ``x`` and ``y`` over at most ``blocks`` stretches of equally many samples."""
    size = max(1, -(-x.size // blocks))
    count = x.size // size
    if count * size == x.size and size == 1:
        return x.astype(np.float64), y.astype(np.float64)
    keep = count * size
    return (
        x[:keep].reshape(count, size).mean(axis=1),
        y[:keep].reshape(count, size).mean(axis=1),
    )


def calm(y: FloatArray, size: int, y_step: float) -> FloatArray:
    """``y`` with its outliers drawn in to 5 sigma from the median of their block.

    Sigma is the scaled median deviation over all blocks of ``size`` samples (at least 8). A stall
    of some milliseconds among microseconds would otherwise tilt the line by more than its own
    bounds.
    """
    size = max(size, 8)
    whole = y.size // size * size
    if whole == 0 or size > _LARGE:
        return y
    rows = y[:whole].reshape(-1, size)
    middle = np.median(rows, axis=1, keepdims=True)
    away = rows - middle
    limit = max(5.0 * 1.4826 * float(np.median(np.abs(away))), y_step)
    result = y.copy()
    result[:whole] = (middle + np.clip(away, -limit, limit)).reshape(-1)
    result[whole:] = np.clip(y[whole:], middle[-1] - limit, middle[-1] + limit)
    return result


def slope_of(
    x: FloatArray | IntArray,
    y: FloatArray,
    y_step: float = 0.0,
    white_odds: float = WHITE_ODDS,
    *,
    calmed: bool = True,
) -> Slope:
    """Slope of ``y`` over ``x``, both (n,), n >= 3, ``x`` increasing.

    ``y_step`` is the step in which ``y`` is quantised: unless the noise is wider, it can tilt the
    line by up to one step over the whole length, which goes into the bounds. Fewer than 8
    points give no bounds.
    ``white_odds`` is the prior weight of "no random walk at all" against one step of the grid of
    ``q``: 1000 gives some 96 % under purely white error, 1 is safer under a faint walk and
    two to three times wider under none. ``calmed`` draws in outliers first (:func:`calm`).
    """
    if calmed:
        y = calm(y, -(-x.size // BLOCKS), y_step)
    at, means = block_means(x, y)
    if at.size < FEWEST:
        centred = x - x.mean()
        flat = float(np.dot(centred, centred))
        return Slope(float(np.dot(centred, y)) / flat if flat else 0.0, None, None, 0.0, 0.0)
    some = slice(None, None, max(1, x.size // SOME))
    shape = Shape(x.size, float(x[-1] - x[0]), x[some], y[some])
    return slope_of_blocks(at, means, shape, y_step, white_odds)


def slope_of_blocks(
    at: FloatArray, means: FloatArray, shape: Shape, y_step: float, white_odds: float = WHITE_ODDS
) -> Slope:
    """As :func:`slope_of`, from the means of ``x`` and ``y`` over 8 to 64 equal stretches."""
    m, n = at.size, shape.n
    # a first least-squares line is taken off, so that no digits are lost on a steep one
    first = np.polynomial.polynomial.polyfit(at - at.mean(), means, 1)
    rest = means - first[0] - first[1] * (at - at.mean())
    unit = float(at[-1] - at[0]) / (m - 1)
    positions = (at - at[0]) / unit
    uneven = float(np.abs(positions - np.arange(m)).max()) > 1.0
    inverse, log_det = _whiteners_at(positions) if uneven else _whiteners(m)
    design = np.stack([np.ones(m), positions - positions.mean(), rest], axis=1)
    whitened = inverse @ design
    grams = whitened.transpose(0, 2, 1) @ whitened
    s00, s01, s11 = grams[:, 0, 0], grams[:, 0, 1], grams[:, 1, 1]
    r0, r1, rr = grams[:, 0, 2], grams[:, 1, 2], grams[:, 2, 2]
    det = s00 * s11 - s01**2
    slope = (s00 * r1 - s01 * r0) / det
    level = (s11 * r0 - s01 * r1) / det
    floor = max(y_step**2 / 12.0 * m / n, 1e-12 * float(np.mean(means**2)) ** 0.5 * 1e-12)
    dof = m - 2
    left = np.maximum(rr - level * r0 - slope * r1, 0.0) + dof * floor + 1e-300
    log_weight = -0.5 * (log_det + np.log(det) + dof * np.log(left))
    log_weight[0] += math.log(white_odds)
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    error = np.sqrt(left / dof * s00 / det)
    keep = weight > 1e-5
    lo, hi = _mixture_quantiles(slope[keep], error[keep], weight[keep], dof)
    value = float(np.dot(weight, slope))
    tilt = 0.0
    if shape.span and y_step:
        noise = np.diff(shape.some_y - float(first[1]) * shape.some_x).std()
        # noise wider than the step spreads the rounding error evenly; less noise does not
        tilt = y_step / shape.span if noise < y_step else 0.0
    walk = math.sqrt(float(np.dot(weight, left / dof * _RATIOS)) / unit)
    return Slope(
        value=float(first[1]) + value / unit,
        lo=float(first[1]) + (value - math.hypot(value - lo, tilt * unit)) / unit,
        hi=float(first[1]) + (value + math.hypot(hi - value, tilt * unit)) / unit,
        wander=float(weight[m * _RATIOS >= 2.0].sum()),
        walk_rms=walk,
    )


def _mixture_quantiles(
    centre: FloatArray, scale: FloatArray, weight: FloatArray, dof: int
) -> tuple[float, float]:
    """Where the mixture of Student's t distributions has its lower and its upper end."""
    parts = list(
        zip(centre.tolist(), scale.tolist(), (weight / weight.sum()).tolist(), strict=True)
    )
    peak = math.exp(math.lgamma((dof + 1) / 2) - math.lgamma(dof / 2)) / math.sqrt(math.pi * dof)
    reach = 60.0 * float(scale.max())
    ends = []
    for wanted in ((1.0 - CONFIDENCE) / 2, (1.0 + CONFIDENCE) / 2):
        low, high = float(centre.min()) - reach, float(centre.max()) + reach
        at = float(np.dot(centre, weight) / weight.sum())
        at += math.copysign(2.0, wanted - 0.5) * float(np.dot(scale, weight) / weight.sum())
        for _ in range(100):  # Newton's steps, halving where one leaves the bracket
            below = density = 0.0
            for c, s, w in parts:
                z = (at - c) / s
                below += w * t_cdf(z, dof)
                density += w / s * peak * (1.0 + z * z / dof) ** (-(dof + 1) / 2)
            low, high = (at, high) if below < wanted else (low, at)
            better = at - (below - wanted) / density if density > 0.0 else low
            if not low < better < high:
                better = (low + high) / 2
            close = abs(better - at) <= 1e-13 * reach
            at = better
            if close:
                break
        ends.append(at)
    return ends[0], ends[1]
