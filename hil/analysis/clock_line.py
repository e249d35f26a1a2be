"""The line from the board's time to an instrument's through moments that are known to an interval.

Each moment bounds offset and rate by two straight lines in their plane; what all of them leave is
a convex polygon, which holds the truth whatever the distribution of the errors is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hil.model.captures import FloatArray

MOST_HALF_PLANES = 4000
_FAR_US = 1e9
_REMOVED = 0.25


@dataclass(frozen=True, slots=True)
class Moments:
    """Moments seen by both: between ``low`` and ``high`` in board time, ``early`` and ``late``.

    All (n,) float64 us; ``early`` to ``late`` hold the moment in the instrument's time. Board times
    count from the reference.
    """

    low: FloatArray
    high: FloatArray
    early: FloatArray
    late: FloatArray

    def take(self, chosen: NDArray[np.bool_]) -> Moments:
        """Those that are chosen, by a mask of shape (n,)."""
        return Moments(self.low[chosen], self.high[chosen], self.early[chosen], self.late[chosen])

    def and_(self, other: Moments) -> Moments:
        """These and the others."""
        pairs = ((self.low, other.low), (self.high, other.high))
        seen = ((self.early, other.early), (self.late, other.late))
        low, high = (np.concatenate(pair) for pair in pairs)
        early, late = (np.concatenate(pair) for pair in seen)
        return Moments(low, high, early, late)


@dataclass(frozen=True, slots=True)
class FeasibleLines:
    """All lines ``instrument = offset + board * (1 + rate)`` that the moments allow.

    ``corners`` (k, 2): offset in us and rate of the polygon's corners. ``removed`` moments
    contradict the others and were left out.
    """

    corners: FloatArray
    removed: int = 0

    @property
    def rates(self) -> tuple[float, float]:
        """The least and the largest rate."""
        return float(self.corners[:, 1].min()), float(self.corners[:, 1].max())

    def within(self, low: float, high: float) -> FeasibleLines | None:
        """Those whose rate lies in a range, ``None`` if there are none."""
        corners = _clip(self.corners, (0.0, 1.0), high)
        corners = _clip(corners, (0.0, -1.0), -low)
        return FeasibleLines(corners, self.removed) if corners.size else None

    def centre(self, rate: float) -> tuple[float, float]:
        """The middle of the offsets that are allowed at the allowed rate nearest to ``rate``."""
        low, high = self.rates
        rate = min(max(rate, low), high)
        room = 1e-3 * (high - low)
        near = self.within(rate - room, rate + room) or self
        offsets = near.corners[:, 0]
        return float(offsets.min() + offsets.max()) / 2.0, rate

    def errors(self, offset: float, rate: float, board: FloatArray) -> tuple[float, float]:
        """How far these lines lie below and above the given line anywhere at ``board``, (m,) us."""
        away = (
            self.corners[:, :1] - offset + (self.corners[:, 1:] - rate) * np.asarray(board)[None, :]
        )
        return float(away.min()), float(away.max())


def feasible_lines(moments: Moments, most_rate: float) -> FeasibleLines | None:
    """The lines that the moments allow, rates up to ``+-most_rate``.

    Where they contradict each other, those that are furthest from the rest are left out, up to a
    quarter of them; ``None`` if that does not help.
    """
    removed = 0
    limit = int(_REMOVED * moments.low.size)
    while moments.low.size:
        corners = _polygon(moments, most_rate)
        if corners.size:
            return FeasibleLines(corners, removed)
        worst = _furthest(moments, most_rate)
        removed += int(worst.sum())
        if removed > limit:
            return None
        moments = moments.take(~worst)
    return None


def _polygon(moments: Moments, most_rate: float) -> FloatArray:
    middle = float(np.median((moments.early + moments.late) / 2 - (moments.low + moments.high) / 2))
    corners = np.array(
        [
            (middle - _FAR_US, -most_rate),
            (middle + _FAR_US, -most_rate),
            (middle + _FAR_US, most_rate),
            (middle - _FAR_US, most_rate),
        ]
    )
    # offset + low * (1 + rate) <= late, offset + high * (1 + rate) >= early
    for low, late in zip(moments.low, moments.late - moments.low, strict=True):
        corners = _clip(corners, (1.0, float(low)), float(late))
        if not corners.size:
            return corners
    for high, early in zip(moments.high, moments.early - moments.high, strict=True):
        corners = _clip(corners, (-1.0, -float(high)), -float(early))
        if not corners.size:
            return corners
    return corners


def _clip(corners: FloatArray, normal: tuple[float, float], limit: float) -> FloatArray:
    """The part of a convex polygon, (k, 2), in which ``normal . corner <= limit``."""
    if not corners.size:
        return corners
    over = corners @ np.asarray(normal) - limit
    inside = over <= 1e-6
    if inside.all():
        return corners
    if not inside.any():
        return corners[:0]
    remaining = []
    for i in range(len(corners)):
        j = (i + 1) % len(corners)
        if inside[i]:
            remaining.append(corners[i])
        if inside[i] != inside[j]:
            share = over[i] / (over[i] - over[j])
            remaining.append(corners[i] + share * (corners[j] - corners[i]))
    return np.array(remaining)


def _furthest(moments: Moments, most_rate: float) -> NDArray[np.bool_]:
    """The moment that lies furthest outside a line through the middles, by the median of pairs."""
    board = (moments.low + moments.high) / 2
    shift = (moments.early + moments.late) / 2 - board
    chosen = np.linspace(0, board.size - 1, min(board.size, 80)).astype(int)
    first, second = np.triu_indices(chosen.size, 1)
    run = board[chosen][second] - board[chosen][first]
    apart = run > 0.3 * float(np.ptp(board))
    slopes = (shift[chosen][second] - shift[chosen][first])[apart] / run[apart]
    rate = float(np.clip(np.median(slopes), -most_rate, most_rate)) if slopes.size else 0.0
    left = shift - rate * board
    outside = (
        np.abs(left - np.median(left))
        - ((moments.high - moments.low) + (moments.late - moments.early)) / 2
    )
    worst = np.zeros(board.size, np.bool_)
    worst[int(np.argmax(outside))] = True
    return worst
