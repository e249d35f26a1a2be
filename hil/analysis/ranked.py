"""Sorted samples, as an array or as distinct values with their counts."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


class Ranked(Protocol):
    """Samples in ascending order; places count from 0."""

    @property
    def size(self) -> int:
        """How many."""

    def at(self, place: int) -> float:
        """The sample at a place."""

    def every(self, step: int) -> FloatArray:
        """The samples at 0, ``step``, 2 ``step`` …"""

    def below(self, value: float) -> int:
        """How many samples are less than ``value``."""

    def up_to(self, value: float) -> int:
        """How many samples are not greater than ``value``."""


class Sorted:
    """A sorted array."""

    def __init__(self, ordered: FloatArray) -> None:
        self._ordered = ordered

    @property
    def size(self) -> int:
        """How many."""
        return int(self._ordered.size)

    def at(self, place: int) -> float:
        """The sample at a place."""
        return float(self._ordered[place])

    def every(self, step: int) -> FloatArray:
        """The samples at 0, ``step``, 2 ``step`` …"""
        return self._ordered[::step]

    def below(self, value: float) -> int:
        """How many samples are less than ``value``."""
        return int(np.searchsorted(self._ordered, value, side="left"))

    def up_to(self, value: float) -> int:
        """How many samples are not greater than ``value``."""
        return int(np.searchsorted(self._ordered, value, side="right"))


class Counted:
    """``first + k - less`` came ``counts[k]`` times: for clocks that count whole us."""

    def __init__(self, first: int, counts: NDArray[np.int64], less: float = 0.0) -> None:
        self._values = (np.flatnonzero(counts) + first).astype(np.float64)
        self._values -= less
        self._ends = np.cumsum(counts[counts > 0])

    @property
    def size(self) -> int:
        """How many."""
        return int(self._ends[-1]) if self._ends.size else 0

    def at(self, place: int) -> float:
        """The sample at a place; negative ones count from the end."""
        wanted = place if place >= 0 else place + self.size
        return float(self._values[np.searchsorted(self._ends, wanted, side="right")])

    def every(self, step: int) -> FloatArray:
        """The samples at 0, ``step``, 2 ``step`` …"""
        wanted = np.arange(0, self.size, step)
        result: FloatArray = self._values[np.searchsorted(self._ends, wanted, side="right")]
        return result

    def below(self, value: float) -> int:
        """How many samples are less than ``value``."""
        return self._count(int(np.searchsorted(self._values, value, side="left")))

    def up_to(self, value: float) -> int:
        """How many samples are not greater than ``value``."""
        return self._count(int(np.searchsorted(self._values, value, side="right")))

    def _count(self, values: int) -> int:
        return int(self._ends[values - 1]) if values else 0
