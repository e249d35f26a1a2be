"""Bounds from sorted samples: percentiles, tolerance statements, signed ranks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import numpy as np

from hil.analysis.metric_sheet import Bounds
from hil.analysis.uncertainty.distributions import quantile_ranks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hil.model.captures import FloatArray


class Ranked(Protocol):
    """Samples in ascending order; ranks count from 0."""

    @property
    def size(self) -> int:
        """How many."""

    def at(self, rank: int) -> float:
        """The sample of a rank."""

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

    def at(self, rank: int) -> float:
        """The sample of a rank."""
        return float(self._ordered[rank])

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

    def at(self, rank: int) -> float:
        """The sample of a rank; negative ones count from the end."""
        wanted = rank if rank >= 0 else rank + self.size
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


CONFIDENCE = 0.95
PERCENTILES: tuple[tuple[str, float], ...] = (("p50", 0.5), ("p99", 0.99), ("p999", 0.999))


def needed_samples(quantile: float, confidence: float = CONFIDENCE) -> int:
    """Samples after which the largest one is above ``quantile`` with ``confidence``.

    From ``1 - quantile**n >= confidence`` (distribution-free, independent samples): 299 for p99,
    2995 for p99.9. For the median this gives five samples.
    """
    return math.ceil(math.log(1.0 - confidence) / math.log(quantile))


def percentile_refusal(name: str, quantile: float, n: int) -> str | None:
    """The reason why ``n`` samples can't support this percentile, or ``None`` when they can."""
    needed = needed_samples(quantile)
    if n >= needed:
        return None
    return f"{name} needs {needed} samples for one-sided 95 %, the capture has {n}"


def covered_share(n: float, confidence: float = CONFIDENCE) -> float:
    """The share of the population that lies below the largest of ``n`` samples, at least.

    Holds with ``confidence`` (one-sided tolerance limit, Wilks 1941): ``(1 - confidence)**(1/n)``.
    """
    return float((1.0 - confidence) ** (1.0 / n)) if n > 0 else 0.0


def covered_share_of_range(n: float, confidence: float = CONFIDENCE) -> float:
    """The share of the population between the smallest and the largest of ``n`` samples.

    Wilks (1941): the share ``p`` solves ``1 - n p**(n-1) + (n-1) p**n = confidence``.
    """
    if n < 2:
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(80):
        middle = (low + high) / 2
        confidence_reached = 1.0 - n * middle ** (n - 1) + (n - 1) * middle**n
        low, high = (middle, high) if confidence_reached >= confidence else (low, middle)
    return low


def percentile(
    samples: FloatArray | Ranked,
    quantile: float,
    effective: float,
    step_us: float,
    common: bool = True,
) -> tuple[float, Bounds]:
    """A percentile of sorted samples and order-statistics bounds of the population's.

    ``effective`` is the number of independent samples that the correlated ones are worth.
    ``step_us`` is the clock's step. With ``common`` one reading (the grid's origin) is shared by
    all samples and shifts them all by up to half a step, which is added on either side. Without,
    the rounding differs from sample to sample: where the samples spread over several steps each is
    taken as spread evenly over its step (grouped data), else half a step is added.
    """
    ordered = Sorted(samples) if isinstance(samples, np.ndarray) else samples
    n = ordered.size
    spread = ordered.at(math.ceil(0.9 * n) - 1) - ordered.at(math.ceil(0.1 * n) - 1)
    grouped = not common and spread >= 2.0 * step_us
    value = _at(ordered, math.ceil(quantile * n), step_us if grouped else 0.0)
    worth = max(effective, 1.0)
    low_rank, high_rank = quantile_ranks(quantile, worth, CONFIDENCE)
    scale = (n + 1.0) / (worth + 1.0)
    if high_rank * scale > n:
        return value, Bounds(why_not="too few independent samples for an upper bound")
    if low_rank * scale < 1.0:
        return value, Bounds(why_not="too few independent samples for a lower bound")
    low = _at(ordered, low_rank * scale, step_us if grouped else 0.0)
    high = _at(ordered, high_rank * scale, step_us if grouped else 0.0)
    shift = 0.0 if grouped else 0.475 * step_us
    if grouped:
        # rounding widens the distribution by step**2/4; undone here as for a normal one
        some = ordered.every(max(1, n // 10_000))
        variance = float(some.var())
        narrow = math.sqrt(max(0.0, 1.0 - step_us**2 / 4.0 / variance))
        centre = float(some.mean())
        low = min(low, centre + (low - centre) * narrow)
        high = max(high, centre + (high - centre) * narrow)
    return value, Bounds(
        value - math.hypot(value - min(low, value), shift),
        value + math.hypot(max(high, value) - value, shift),
    )


def _at(ordered: Ranked, rank: float, step_us: float) -> float:
    """The value at a fractional 1-based rank, spread over the clock's step if that is not 0."""
    below = min(ordered.size - 1, max(0, math.floor(rank) - 1))
    above = min(ordered.size - 1, below + 1)
    part = rank - math.floor(rank)
    low, high = ordered.at(below), ordered.at(above)
    if step_us == 0.0:
        return low + part * (high - low)
    nearest = high if part >= 0.5 else low
    first = ordered.below(nearest - step_us / 2.0)
    after = ordered.up_to(nearest + step_us / 2.0)
    return nearest + step_us * ((rank - 0.5 - first) / (after - first) - 0.5)


def sign_rank(n: int, confidence: float = CONFIDENCE) -> int | None:
    """The largest rank whose order statistics bound the median, ``None`` for too few samples.

    ``P(X_(r) <= median <= X_(n+1-r)) = 1 - 2 P(Binomial(n, 1/2) < r)`` (Thompson 1936).
    """
    rank, below = 0, 1.0
    while below <= (1.0 - confidence) / 2 * 2.0**n:
        rank += 1
        below += math.comb(n, rank)
    return rank or None
