"""When a series of runs has changed: change points by e-divisive, tested by permutation.

A segment of a series is split where the distributions before and after differ most. The measure is
the sample divergence of Matteson and James (2014, "A nonparametric approach for multiple change
point analysis of multivariate data", eq. 5 to 8) with the exponent ``alpha`` = 1: for the parts
``X`` of ``n`` and ``Y`` of ``m`` values

    Q = m n / (m + n) (2 / (m n) sum |X_i - Y_j| - sum_(i<k) |X_i - X_k| / C(n, 2)
                       - sum_(j<k) |Y_j - Y_k| / C(m, 2))

Whether the largest ``Q`` is more than chance is asked of the same segment in other orders. Nights
in a row are alike (a warm week), and so blocks of neighbours change places, as long as a
correlation of the residuals asks for (Politis and White 2004 give the order n^(1/3)), instead of
single nights. Segments are split until no split is significant; a first-order correlation that only
comes from the step itself is taken from the residuals about both parts.

Apache Otava does the same (with Student's t test in place of the permutations); its package brings
drivers for four databases and a cloud's client along, so that the hundred lines are written here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.model.captures import FloatArray

FEWEST = 3
"""The fewest values on either side of a change."""
SIGNIFICANCE = 0.01
"""The share of permutations of a series without a change that look as changed."""
_PERMUTATIONS = 499
_CONFIDENCE = 0.95
_FAR_LESS = 2.5
_CORRELATED = 0.84
"""A first-order correlation of that many standard errors (one in five by chance) counts."""


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """The series has another level from the value ``position`` on.

    ``before`` and ``after`` are the medians of the segments on either side, ``lo`` and ``hi`` bound
    the new one at 95 % (``None`` for fewer than 6 values: the order statistics do not reach so
    far).
    """

    position: int
    before: float
    after: float
    lo: float | None
    hi: float | None
    p: float


def change_points(values: Sequence[float], significance: float = SIGNIFICANCE) -> list[ChangePoint]:
    """Where ``values`` (n,), one a run and the oldest first, change their level; the oldest first.

    The same values give the same result: the permutations are drawn from a fixed seed.
    """
    series = np.asarray(values, dtype=np.float64)
    rng = np.random.default_rng(1)
    positions: dict[int, float] = {}
    waiting = [(0, series.size)]
    while waiting:
        start, stop = waiting.pop()
        split, p = _split(series[start:stop], rng)
        if split is None or p > significance:
            continue
        positions[start + split] = p
        waiting += [(start, start + split), (start + split, stop)]
    edges = [0, *sorted(positions), series.size]
    return [
        _described(series, edges[at - 1], edges[at], edges[at + 1], positions[edges[at]])
        for at in range(1, len(edges) - 1)
    ]


def _described(series: FloatArray, first: int, at: int, last: int, p: float) -> ChangePoint:
    after = np.sort(series[at:last])
    lo, hi = _median_bounds(after)
    before = float(np.median(series[first:at]))
    return ChangePoint(at, before, float(np.median(after)), lo, hi, p)


def _median_bounds(ordered: FloatArray) -> tuple[float | None, float | None]:
    """The order statistics that hold the median with 95 % (binomial)."""
    n = ordered.size
    below, rank = 0.0, 0
    while rank < n // 2:
        below += math.comb(n, rank) * 0.5**n
        if below > (1.0 - _CONFIDENCE) / 2.0:
            break
        rank += 1
    return (float(ordered[rank - 1]), float(ordered[n - rank])) if rank else (None, None)


def _split(segment: FloatArray, rng: np.random.Generator) -> tuple[int | None, float]:
    """The best split of a segment, and how often the segment in another order has a better one."""
    n = segment.size
    if n < 2 * FEWEST or np.ptp(segment) == 0.0:
        return None, 1.0
    split, largest = _best(segment)
    block = _block_length(_residuals(segment, split))
    as_large = 0
    for drawn in range(_PERMUTATIONS):
        as_large += _best(_reordered(segment, block, rng))[1] >= largest
        if as_large > 2.0 * SIGNIFICANCE * _PERMUTATIONS:  # no split, whatever comes
            return split, (as_large + 1) / (drawn + 2)
    return split, (as_large + 1) / (_PERMUTATIONS + 1)


def _residuals(segment: FloatArray, split: int) -> FloatArray:
    """What is left about the means of both parts, and of their parts where that is far less.

    A level that comes back leaves a step in one of the parts, which is no correlation of nights.
    """
    parts = [segment[:split], segment[split:]]
    coarse = np.concatenate([part - part.mean() for part in parts])
    finer: list[FloatArray] = []
    for part in parts:
        at = _best(part)[0] if part.size >= 2 * FEWEST else part.size
        finer += [part[:at], part[at:]]
    fine = np.concatenate([part - part.mean() for part in finer if part.size])
    return fine if coarse.var() > _FAR_LESS * fine.var() else coarse


def _best(segment: FloatArray) -> tuple[int, float]:
    """The split with the largest divergence, and that; sums of distances run along with it."""
    n = segment.size
    distance = np.abs(segment[:, None] - segment[None, :])
    whole = np.cumsum(np.cumsum(distance, axis=0), axis=1)
    sizes = np.arange(FEWEST, n - FEWEST + 1)
    within = whole[sizes - 1, sizes - 1]
    across = whole[sizes - 1, n - 1] - within
    rest = whole[n - 1, n - 1] - 2.0 * across - within
    others = n - sizes
    divergence = (
        2.0 * across / (sizes * others)
        - within / (sizes * (sizes - 1.0))
        - rest / (others * (others - 1.0))
    ) * (sizes * others / n)
    at = int(np.argmax(divergence))
    return int(sizes[at]), float(divergence[at])


def _block_length(residuals: FloatArray) -> int:
    """How many neighbours stay together: one where they do not hang together."""
    n = residuals.size
    square = float(np.dot(residuals, residuals))
    if square == 0.0:
        return 1
    first_order = float(np.dot(residuals[1:], residuals[:-1])) / square
    if first_order < _CORRELATED / math.sqrt(n):
        return 1
    # two means were taken off: each draws the estimate down by (1 + 3 rho) / n (Kendall 1954)
    rho = min(first_order + 2.0 * (1.0 + 3.0 * first_order) / n, 0.9)
    ratio = 2.0 * rho / (1.0 - rho * rho)
    length: int = math.ceil((1.5 * ratio * ratio * n) ** (1.0 / 3.0))
    return max(1, min(n // FEWEST, length))


def _reordered(segment: FloatArray, block: int, rng: np.random.Generator) -> FloatArray:
    """Blocks of neighbours in another order, cut at a random place of the circle."""
    if block == 1:
        return rng.permutation(segment)
    turned = np.roll(segment, int(rng.integers(segment.size)))
    pieces = [turned[at : at + block] for at in range(0, segment.size, block)]
    return np.concatenate([pieces[at] for at in rng.permutation(len(pieces))])
