"""Intervals in which an instrument lost edges, merged: many of them cost no more than a few."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hil.model.captures import IntArray
    from hil.model.edges import LostInterval


@dataclass(frozen=True, slots=True)
class LostIntervals:
    """From ``starts_ns`` to ``ends_ns``, both (n,) int64, ascending and apart from each other."""

    starts_ns: IntArray
    ends_ns: IntArray

    @classmethod
    def of(cls, intervals: Sequence[LostInterval]) -> LostIntervals:
        """Of intervals in any order, which may overlap."""
        starts = np.array([interval.start_ns for interval in intervals], np.int64)
        ends = np.array([interval.end_ns for interval in intervals], np.int64)
        order = np.argsort(starts, kind="stable")
        starts, ends = starts[order], np.maximum.accumulate(ends[order])
        first = np.concatenate(([True], starts[1:] > ends[:-1])) if starts.size else starts > 0
        last = np.concatenate((first[1:], [True])) if starts.size else first
        return cls(starts[first], ends[last])

    def touch(self, start_ns: int, end_ns: int) -> bool:
        """Whether any of them has a moment from ``start_ns`` to ``end_ns``."""
        behind = int(np.searchsorted(self.starts_ns, end_ns, side="right"))
        return behind > 0 and int(self.ends_ns[behind - 1]) >= start_ns

    def hold(self, times_ns: IntArray) -> NDArray[np.bool_]:
        """Which of the times, (n,) ns, lie in any of them."""
        if not self.starts_ns.size:
            return np.zeros(times_ns.size, np.bool_)
        behind = np.searchsorted(self.starts_ns, times_ns, side="right") - 1
        inside: NDArray[np.bool_] = (behind >= 0) & (times_ns <= self.ends_ns[behind])
        return inside
