"""Which edge of a line belongs to which stamp of its task, both in board time.

An edge follows its stamp by the pin's delay, which is much the same for all of them. First the
nearest edge to where each stamp's edge should be, then what is left over between two matched
neighbours, where there is one of each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.sync_search import nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hil.model.captures import FloatArray, IntArray

_TIGHT = 8.0
_LEAST_ROOM_US = 4.0
_MOST_LEFT = 200_000


@dataclass(frozen=True, slots=True)
class StampMatch:
    """``stamp`` (edges,) int64: the index of each edge's stamp, -1 for none; increasing.

    ``delay_us`` is the median of edge minus stamp, ``spread_us`` its robust standard deviation.
    """

    stamp: IntArray
    delay_us: float
    spread_us: float

    @property
    def matched(self) -> int:
        """Edges that have a stamp."""
        return int((self.stamp >= 0).sum())


def match_stamps(
    edges_us: FloatArray, stamps_us: FloatArray, room_us: float, resolution_us: float
) -> StampMatch:
    """Match edges (n,) to stamps (m,), both ascending, in us of the board's time.

    ``room_us`` is how far the two times may be off each other; ``resolution_us`` the steps of both
    clocks together.
    """
    none = np.full(edges_us.size, -1, np.int64)
    if not edges_us.size or not stamps_us.size:
        return StampMatch(none, 0.0, 0.0)
    least = float(np.min(np.diff(stamps_us))) if stamps_us.size > 1 else np.inf
    delay, spread = _usual_delay(edges_us, stamps_us, room_us + resolution_us)
    room = max(_LEAST_ROOM_US, 2.0 * resolution_us, _TIGHT * spread)
    stamp = _nearest_pairs(edges_us, stamps_us, delay, min(room, max(least, resolution_us) / 2.0))
    stamp = _left_over(edges_us, stamps_us, stamp, delay, room_us + resolution_us)
    own = stamp >= 0
    if own.any():
        late = edges_us[own] - stamps_us[stamp[own]]
        delay = float(np.median(late))
        spread = 1.4826 * float(np.median(np.abs(late - delay)))
    return StampMatch(stamp, delay, spread)


def _usual_delay(edges: FloatArray, stamps: FloatArray, room: float) -> tuple[float, float]:
    """The median and robust spread of the delay to the first edge that can be a stamp's own."""
    following = np.searchsorted(edges, stamps - room)
    known = following < edges.size
    if not known.any():
        return 0.0, 0.0
    late = edges[following[known]] - stamps[known]
    delay = float(np.median(late))
    if stamps.size > 1 and edges.size > 1 and delay > 0.5 * float(np.median(np.diff(stamps))):
        late = edges[nearest(edges, stamps)[0]] - stamps  # the pin is switched first, it seems
        delay = float(np.median(late))
    return delay, 1.4826 * float(np.median(np.abs(late - delay)))


def _nearest_pairs(edges: FloatArray, stamps: FloatArray, delay: float, room: float) -> IntArray:
    """Pairs of which each is the other's nearest, no further than ``room`` from the usual delay."""
    stamp = np.full(edges.size, -1, np.int64)
    if edges.size == 1 or stamps.size == 1:
        apart = edges[:, None] - stamps[None, :] - delay
        closest = int(np.abs(apart).argmin())
        if abs(apart.ravel()[closest]) <= room:
            stamp[closest // stamps.size] = closest % stamps.size
        return stamp
    edge, away = nearest(edges, stamps + delay)
    back, _ = nearest(stamps + delay, edges)
    mutual = (back[edge] == np.arange(stamps.size)) & (away <= room)
    stamp[edge[mutual]] = np.flatnonzero(mutual)
    return stamp


def _left_over(
    edges: FloatArray, stamps: FloatArray, stamp: IntArray, delay: float, room: float
) -> IntArray:
    """Between matched neighbours with as many stamps as edges left: in order, if none is early."""
    matched = np.flatnonzero(stamp >= 0)
    if not matched.size:
        return stamp
    stamp = stamp.copy()
    edge_ends = np.concatenate(([-1], matched, [edges.size]))
    stamp_ends = np.concatenate(([-1], stamp[matched], [stamps.size]))
    more_edges = np.diff(edge_ends) - 1
    more_stamps = np.diff(stamp_ends) - 1
    for i in np.flatnonzero((more_edges > 0) & (more_stamps > 0))[:_MOST_LEFT]:
        free = np.arange(stamp_ends[i] + 1, stamp_ends[i + 1])
        own = np.arange(edge_ends[i] + 1, edge_ends[i + 1])
        if not i or i == more_edges.size - 1:  # nothing bounds these on one side
            following = stamps[free]
            own = own[
                (edges[own] >= following[0] - room) & (edges[own] <= following[-1] + _reach(stamps))
            ]
        if own.size != free.size:
            continue
        late = edges[own] - stamps[free]
        if (late >= min(delay, 0.0) - room).all() and (late <= _reach(stamps)).all():
            stamp[own] = free
    return stamp


def _reach(stamps: FloatArray) -> float:
    """The longest delay at which an edge is still taken for a stamp's."""
    return float(np.median(np.diff(stamps))) / 2.0 if stamps.size > 1 else 1000.0


def parity_breaks(levels: IntArray, stamp: IntArray) -> NDArray[np.bool_]:
    """Where two matched edges in a row don't have the levels that their stamps' numbers ask for.

    Shape (matched - 1,): a task toggles once an activation, so that from one stamp to the next the
    level changes, and to the next but one it does not.
    """
    own = stamp >= 0
    toggles = np.diff(stamp[own])
    changes = np.diff(levels[own]) != 0
    result: NDArray[np.bool_] = changes != (toggles % 2 == 1)
    return result
