"""Which edge belongs to which stamp of the board, both in board time. Arrays only.

A stamp is taken in the statement before the pin is written, so that the edge follows it by about
the same time again and again. That time is unknown, at most what lies between two activations: it
is taken as the median distance from a stamp to its next edge. A stamp and an edge are a pair where
each is the nearest to the other once the stamps are moved by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.sync_search import nearest

if TYPE_CHECKING:
    from hil.model.captures import FloatArray, IntArray, StampArray


@dataclass(frozen=True, slots=True)
class Pairs:
    """Stamp ``stamps[i]`` and edge ``edges[i]`` belong together; both (pairs,) int64, ascending."""

    stamps: IntArray
    edges: IntArray

    @property
    def n(self) -> int:
        """How many."""
        return int(self.stamps.size)


def pair_edges(
    stamps_us: StampArray, edges_us: FloatArray, slack_us: float, most_us: float
) -> Pairs:
    """Pair ``edges_us`` (m,) with ``stamps_us`` (n,), both ascending.

    ``slack_us`` is how much before its stamp an edge may seem to be, ``most_us`` how far from where
    it is expected.
    """
    none = np.empty(0, np.int64)
    if not stamps_us.size or not edges_us.size:
        return Pairs(none, none)
    next_edge = np.searchsorted(edges_us, stamps_us - slack_us)
    there = next_edge < edges_us.size
    distance = edges_us[next_edge[there]] - stamps_us[there]
    distance = distance[distance <= most_us]
    if not distance.size:
        return Pairs(none, none)
    expected: FloatArray = stamps_us + np.median(distance).astype(np.float64)
    edge, away_us = nearest(edges_us, expected)
    mutual = nearest(expected, edges_us)[0][edge] == np.arange(stamps_us.size)
    mutual &= away_us <= most_us
    mutual &= edges_us[edge] >= stamps_us - slack_us
    return Pairs(np.flatnonzero(mutual).astype(np.int64), edge[mutual])
