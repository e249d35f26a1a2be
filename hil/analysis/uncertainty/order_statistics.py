"""Bounds from sorted samples: percentiles, tolerance statements, signed ranks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import numpy as np

from hil.analysis.metric_sheet import Bounds
from hil.analysis.uncertainty.distributions import quantile_rank

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


def end_shares(quantile: float, worth: float) -> tuple[float | None, float | None]:
    """With which probability either end of an interval may miss the percentile.

    2.5 % each where ``worth`` independent samples support that. Where one end needs up to 4.5 %
    (the largest of 309 samples is below the 99th percentile in 4.5 % of cases) the other has the
    rest; where one can't be given (``None``), the other has all of 5 %.
    """
    both = 1.0 - CONFIDENCE
    least = (1.0 - quantile) ** worth, quantile**worth
    low, high = (max(both / 2, share) for share in least)
    most = 0.9 * both
    if low <= most and high <= most:
        return (both - high, high) if high > low else (low, both - low)
    if high > most:
        return (both if least[0] <= both else None), None
    return None, both


def percentile_interval(
    samples: FloatArray | Ranked,
    quantile: float,
    effective: float,
    step_us: float,
    common: bool = True,
) -> tuple[float, Bounds]:
    """A percentile of sorted samples and order-statistics bounds of the samples' own population.

    ``effective`` is the number of independent samples that the correlated ones are worth.
    ``step_us`` is the clock's step; what it hides is not in the bounds, see :func:`step_reach`.
    Unless ``common`` (all samples share one reading) the rounding differs from sample to sample:
    where the samples spread over several steps each is taken as spread evenly over its step
    (grouped data).
    """
    ordered = Sorted(samples) if isinstance(samples, np.ndarray) else samples
    n = ordered.size
    grouped = not common and step_us > 0.0 and middle_spread(ordered) >= 2.0 * step_us
    over = step_us if grouped else 0.0
    value = _at(ordered, math.ceil(quantile * n), over)
    # three digits, so that the ranks of one number serve many figures
    worth = max(float(f"{effective:.3g}"), 1.0) if effective < n else float(n)
    shares = end_shares(quantile, worth)
    scale = (n + 1.0) / (worth + 1.0)
    ends: list[float | None] = []
    for share, level in zip(shares, (1.0, 0.0), strict=True):
        if share is None:
            ends.append(None)
            continue
        rank = scale * quantile_rank(quantile, worth, abs(level - share))
        inside = 1.0 - 1e-9 <= rank <= n * (1.0 + 1e-9)
        ends.append(_at(ordered, min(max(rank, 1.0), n), over) if inside else None)
    low, high = ends
    if grouped:
        # rounding widens the distribution by step**2/4; undone here as for a normal one
        some = ordered.every(max(1, n // 10_000))
        variance, centre = float(some.var()), float(some.mean())
        narrow = math.sqrt(max(0.0, 1.0 - step_us**2 / 4.0 / variance))
        low = None if low is None else min(low, centre + (low - centre) * narrow)
        high = None if high is None else max(high, centre + (high - centre) * narrow)
    why = None
    if high is None or low is None:
        side = "a lower" if high is not None else ("an upper" if low is not None else "any")
        why = f"too few independent samples for {side} bound"
    return value, Bounds(
        None if low is None else min(low, value), None if high is None else max(high, value), why
    )


def middle_spread(ordered: Ranked) -> float:
    """From the 10th to the 90th percentile."""
    n = ordered.size
    return ordered.at(math.ceil(0.9 * n) - 1) - ordered.at(math.ceil(0.1 * n) - 1)


def step_reach(ordered: Ranked, quantile: float, step_us: float, common: bool) -> float:
    """How far the clock's step can move a percentile, either way.

    With ``common`` one reading (the grid's origin) is shared by all samples and moves them all by
    up to half a step. In the tail rounding adds up to another half, less where the samples spread
    over many steps: as much as it widens a normal distribution. Samples that hardly spread may all
    be rounded alike. Without a common reading and over several steps, what grouped data leave.
    """
    if step_us == 0.0:
        return 0.0
    spread = middle_spread(ordered)
    if not common and spread >= 2.0 * step_us:
        return 0.5 * step_us * min(1.0, 2.0 * step_us / spread)
    half = step_us / 2.0
    if abs(quantile - 0.5) > 0.4:
        seen = spread / 2.56
        own = math.sqrt(max(0.0, seen**2 - step_us**2 / 12.0))
        return half + min(half, 2.6 * (seen - own) if seen > 0.0 else half)
    return half if spread >= step_us else 0.82 * step_us


def percentile(
    samples: FloatArray | Ranked,
    quantile: float,
    effective: float,
    step_us: float,
    common: bool = True,
) -> tuple[float, Bounds]:
    """A percentile of sorted samples with bounds of the population's, the clock's step included.

    See :func:`percentile_interval` and :func:`step_reach`.
    """
    ordered = Sorted(samples) if isinstance(samples, np.ndarray) else samples
    value, interval = percentile_interval(ordered, quantile, effective, step_us, common)
    reach = 0.95 * step_reach(ordered, quantile, step_us, common)
    low, high = interval.lo, interval.hi
    return value, Bounds(
        None if low is None else value - math.hypot(value - low, reach),
        None if high is None else value + math.hypot(high - value, reach),
        interval.why_not,
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
