"""A window's position in a recording by the irregularity of the task edges alone.

For programs that make no sync pattern. A periodic task fits at every period; what tells the right
one is its jitter, which stamps and edges have in common. Where another position leaves hardly more
between the two than the best, nothing is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.sync_search import MOST_PPM, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.model.captures import FloatArray

FEWEST = 16
_STAMPS = 64
_MOST_CANDIDATES = 50_000
_TIMES_BETTER = 4.0
_MATCHED = 0.8
_NEXT = 3


@dataclass(frozen=True, slots=True)
class Rhythm:
    """``offset_us`` of edges after stamps at ``at_us``, with the rate, and how clear that is.

    ``left_us`` is the mean distance between the two at the best position, ``next_us`` at the next
    one that is not it.
    """

    at_us: float
    offset_us: float
    rate: float
    left_us: float
    next_us: float
    rounding_us: float

    @property
    def unique(self) -> bool:
        """Whether only this position can be the right one."""
        return self.next_us > _TIMES_BETTER * max(self.left_us, self.rounding_us)


def find_rhythm(lines: Sequence[tuple[FloatArray, FloatArray]], steps_us: float) -> Rhythm | None:
    """The best position of stamps among edges, pairs of (edges, stamps) of each task in us.

    Both count from references of their own; ``steps_us`` are those of both clocks together. The
    task whose intervals vary most tells. ``None`` where there are too few stamps or edges.
    """
    usable = [pair for pair in lines if min(each.size for each in pair) >= FEWEST]
    if not usable:
        return None
    edges, stamps = max(usable, key=lambda pair: float(np.std(np.diff(pair[1]))))
    part = stamps[: min(_STAMPS, stamps.size)]
    if edges.size > _MOST_CANDIDATES:
        return None
    scored: list[tuple[float, float, float]] = []
    for anchor in (0, 1, part.size // 2):
        offsets = edges - part[anchor]
        left, level, rate = _left(edges, part, offsets)
        scored += list(zip(left.tolist(), level.tolist(), rate.tolist(), strict=True))
    scored = [entry for entry in scored if np.isfinite(entry[0])]
    if not scored:
        return None
    scored.sort()
    best = scored[0]
    interval = float(np.median(np.diff(part)))
    others = [left for left, level, _ in scored if abs(level - best[1]) > 0.25 * interval]
    centre = float(part.mean())
    following = others[0] if others else np.inf
    return Rhythm(centre, best[1], best[2], best[0], following, 0.3 * steps_us)


def _left(
    edges: FloatArray, stamps: FloatArray, offsets: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """What is left at each offset (n,): mean distance, level at the stamps' centre, rate.

    Infinite where too few stamps have an edge near. Each offset's line is fitted twice, the second
    time without what lay far from the first.
    """
    interval = float(np.median(np.diff(stamps)))
    x = stamps - stamps.mean()
    wanted = offsets[:, None] + stamps[None, :]
    index, away = nearest(edges, wanted.ravel())
    away = away.reshape(wanted.shape)
    moved = edges[index].reshape(wanted.shape) - stamps[None, :]
    near = away <= 0.45 * interval
    level = rate = np.zeros(offsets.size)
    for _ in range(_NEXT):
        weight = near.astype(np.float64)
        count = np.maximum(weight.sum(axis=1), 1.0)
        mean_x = (weight * x).sum(axis=1) / count
        mean_y = (weight * moved).sum(axis=1) / count
        centred = x[None, :] - mean_x[:, None]
        spread = np.maximum((weight * centred**2).sum(axis=1), 1e-9)
        rate = (weight * centred * (moved - mean_y[:, None])).sum(axis=1) / spread
        rate = np.clip(rate, -MOST_PPM * 1e-6, MOST_PPM * 1e-6)
        level = mean_y - rate * mean_x
        away = np.abs(moved - level[:, None] - rate[:, None] * x)
        near = away <= np.maximum(4.0 * np.median(away, axis=1), 1e-3)[:, None]
    left = np.where(near, away, 0.0).sum(axis=1) / np.maximum(near.sum(axis=1), 1)
    enough = near.sum(axis=1) >= _MATCHED * stamps.size
    return np.where(enough, left, np.inf), level, rate
