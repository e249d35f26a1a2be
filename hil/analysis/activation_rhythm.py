"""How activations follow one another, whatever was intended: one by one, in groups, of two rates.

For programs whose text may say another period than they have. Nothing here knows of a grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from hil.model.captures import FloatArray, IntArray

_MOST = 20_000
"""Stamps that are looked at; a rhythm shows in fewer."""
_SEPARATE = 4.0
"""Steps within a group are shorter than those between groups by this factor at least."""
_EVEN, _MOSTLY = 0.2, 0.8
_CHAIN_STEP = 0.25
_CHAIN_STARTS = 8


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Groups of ``size`` activations that lie ``apart_us`` from one another, ``interval_us`` apart.

    A group of one is an activation. ``interval_us`` is the median from group to group, ``mean_us``
    the mean, and ``apart_us`` the median within a group (0 for groups of one). ``is_even``: most
    groups follow one another in this interval.
    """

    interval_us: float
    mean_us: float
    size: int = 1
    apart_us: float = 0.0
    is_even: bool = True


def find_rhythm(stamps_us: IntArray) -> Rhythm | None:
    """The rhythm of activations at ``stamps_us``, (n,) us in order; ``None`` for fewer than four.

    Groups are where most steps are of two lengths, of which one is shorter by a factor of four, or
    where steps of two lengths take turns.
    """
    stamps = stamps_us[:_MOST].astype(np.float64)
    if stamps.size < 4:
        return None
    steps = np.diff(stamps)
    least = _separating_step(steps)
    if least is not None:
        begins = np.concatenate(([0], np.flatnonzero(steps >= least) + 1))
        size = int(np.median(np.diff(np.concatenate((begins, [stamps.size])))))
        if size >= 2 and begins.size >= 3:
            between = np.diff(stamps[begins])
            apart_us = float(np.median(steps[steps < least]))
            return Rhythm(float(np.median(between)), float(np.mean(between)), size, apart_us)
    pair = _alternating(steps)
    if pair is not None:
        return Rhythm(sum(pair), 2 * float(np.mean(steps)), 2, min(pair))
    usual = float(np.median(steps))
    even = np.abs(steps - usual) <= _EVEN * usual
    return Rhythm(usual, float(np.mean(steps)), is_even=bool(even.mean() >= _MOSTLY))


def _separating_step(steps: FloatArray) -> float | None:
    """The length between short and long steps, where the two kinds are far apart."""
    ordered = np.sort(np.maximum(steps, 1.0))
    first, last = int(0.25 * ordered.size), int(0.9 * ordered.size)
    middle = ordered[first : last + 1]
    if middle.size < 2:
        return None
    factors = middle[1:] / middle[:-1]
    at = int(np.argmax(factors))
    return float(middle[at + 1]) if factors[at] >= _SEPARATE else None


def _alternating(steps: FloatArray) -> tuple[float, float] | None:
    """Median even and odd step, where the two are certainly different and take turns."""
    if steps.size < 8:
        return None
    even, odd = steps[::2], steps[1::2]
    middles = float(np.median(even)), float(np.median(odd))
    differ = abs(middles[0] - middles[1])
    spread = max(_typical_spread(even), _typical_spread(odd))
    return middles if differ > _EVEN * sum(middles) / 2 and differ > 4 * spread else None


def _typical_spread(values: FloatArray) -> float:
    low, high = np.percentile(values, (10, 90))
    return float(high - low)


def find_second_rate(stamps_us: IntArray, period_us: float) -> float | None:
    """The period of further activations among those of ``period_us``, in us, if there are any.

    A chain of activations one period apart is followed through the stamps; what is left over must
    be regular, and so must the chain: ``None`` where either is not.
    """
    stamps = stamps_us[:_MOST].astype(np.float64)
    if stamps.size < 12:
        return None
    due = (stamps[-1] - stamps[0]) / period_us
    chains = (_chain(stamps, start, period_us) for start in range(_CHAIN_STARTS))
    chain = max(chains, key=lambda links: int(links.sum()))
    rest = stamps[~chain]
    if chain.sum() < 0.8 * due or rest.size < max(4, 0.1 * stamps.size):
        return None
    steps = np.diff(rest)
    usual = float(np.median(steps))
    regular = np.abs(steps - usual) < 0.3 * usual
    return usual if usual > 0 and regular.mean() >= 0.7 else None


def _chain(
    stamps: FloatArray, start: int, period_us: float
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which stamps are each a period behind the one before, from ``start`` on."""
    links = np.zeros(stamps.size, dtype=np.bool_)
    at = start
    links[at] = True
    due = float(stamps[at]) + period_us
    while due <= stamps[-1] + _CHAIN_STEP * period_us:
        near = int(np.searchsorted(stamps, due))
        choices = [i for i in (near - 1, near) if at < i < stamps.size]
        best = min(choices, key=lambda i: abs(float(stamps[i]) - due), default=None)
        if best is not None and abs(float(stamps[best]) - due) <= _CHAIN_STEP * period_us:
            at = best
            links[at] = True
            due = float(stamps[at])
        due += period_us
    return links
