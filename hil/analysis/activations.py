"""Which release each activation answers, and what the grid says of it.

The grid is the one that the agent was asked for and is never re-based: release ``k`` is due at
``origin + k * period``, however late the ones before it were. Three rules give the index ``k``:

``given``
    The agent numbered its releases at the source. Its numbers are taken.
``sequence``
    The n-th activation answers the n-th release. For the techniques that have no queue in which a
    release could be lost, because the task itself waits and then runs again
    (``hil.metrics.NAIVE_TECHNIQUES``). Lateness may grow to many periods; that is the finding.
``level``
    For all others: as ``sequence``, but where the lateness so obtained steps up by a whole period
    or more and *never comes back down*, that many releases were lost before the activation. A late
    activation, or a burst that catches up, returns to the old level and loses nothing. A slow drift
    has no steps and is followed for any number of periods.

A stall of ``k`` periods therefore shows as ``k`` missed or ``k`` late activations under every rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hil.metrics import NAIVE_TECHNIQUES
from hil.records import IntArray, Track

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Rule = Literal["given", "sequence", "level"]

SMALLEST_STEP = 0.02
"""Steps of the level below this, in periods, are noise or drift."""
_STALL, _BEGINS, _NO_DRIFT = 8, 0.1, 0.25
_TYPICAL = 100_000


@dataclass(frozen=True, slots=True)
class Activations:
    """One task's activations on their grid.

    ``stamps_us`` (n,) float64 from the grid's origin; ``index`` (n,) the release that each answers;
    ``joined`` (n-1,) true where two neighbours have no lost stamp between them; ``lost`` stamps
    that the wire lost; ``missed`` releases that no activation answered.
    """

    task: int
    period_us: float
    stamps_us: FloatArray
    index: IntArray
    joined: BoolArray
    window_us: float
    rule: Rule
    missed: int
    dropped: int
    lost: int

    @property
    def n(self) -> int:
        """How many activations were recorded."""
        return int(self.stamps_us.size)

    def times(self, start: int, end: int) -> FloatArray:
        """Stamps of a piece from the grid's origin, us; a new array."""
        return self.stamps_us[start:end].copy()

    def releases(self, start: int, end: int) -> FloatArray:
        """The release that each stamp of a piece answers."""
        return self.index[start:end].astype(np.float64)

    def unbroken(self, start: int, end: int) -> BoolArray | None:
        """Of the intervals from each stamp of a piece to its next; ``None`` for all."""
        part = self.joined[start:end]
        return None if part.all() else part

    def some(self, places: IntArray) -> tuple[FloatArray, FloatArray]:
        """Stamps and releases at any places."""
        return self.stamps_us[places], self.index[places].astype(np.float64)


def assign(track: Track, technique: str = "") -> Activations:
    """Give every stamp of ``track`` the index of the release that it answers.

    ``technique`` chooses between the rules ``sequence`` and ``level`` (see the module's text).
    """
    stamps = (track.stamps_us - track.origin_us).astype(np.float64)
    n = int(stamps.size)
    order = np.arange(n, dtype=np.int64)
    joined = np.ones(max(n - 1, 0), dtype=np.bool_)
    lost = behind = 0
    for gap in track.gaps:
        lost += gap.count
        behind += gap.count if gap.position >= n else 0
        order[gap.position :] += gap.count
        if 0 < gap.position < n:
            joined[gap.position - 1] = False
    rule: Rule = "given" if track.releases is not None else "level"
    if track.releases is not None:
        index = track.releases.astype(np.int64)
    elif technique in NAIVE_TECHNIQUES:
        rule, index = "sequence", order
    else:
        index = _by_level(stamps, order, track.period_us)
    window = float(track.end_us - track.origin_us)
    if track.dropped and n:
        window = min(window, float(stamps[-1]))
    last = int(index[-1]) if n else None
    missed = missed_releases(last, window, track.period_us, n + lost - behind, behind)
    return Activations(
        task=track.index,
        period_us=float(track.period_us),
        stamps_us=stamps,
        index=index,
        joined=joined,
        window_us=window,
        rule=rule,
        missed=missed,
        dropped=track.dropped,
        lost=lost,
    )


def typical_interval(
    n: int, period_us: float, intervals: Callable[[IntArray], FloatArray]
) -> float:
    """Median of some of the ``intervals`` that begin at given stamps; the period if far off it."""
    some = np.arange(0, n - 1, max(1, n // _TYPICAL))
    typical = float(np.median(intervals(some))) if n > 2 else period_us
    return typical if abs(typical / period_us - 1.0) <= 0.1 else period_us


def _by_level(stamps: FloatArray, order: IntArray, period_us: float) -> IntArray:
    n = stamps.size
    if n == 0:
        return order
    typical = typical_interval(n, period_us, lambda at: stamps[at + 1] - stamps[at])
    level = stamps / typical
    level -= order
    np.minimum.accumulate(level[::-1], out=level[::-1])
    result = order
    result += max(0, int(np.rint(level[0])))
    steps = np.diff(level)
    places = np.flatnonzero(steps >= SMALLEST_STEP)
    if places.size:
        lost = np.zeros(n, np.int64)
        lost[places + 1] = whole_steps(places, steps[places])
        result += np.cumsum(lost)
    return result


def whole_steps(places: IntArray, steps: FloatArray) -> IntArray:
    """How many releases were lost at each step of the level, ``steps`` in periods at ``places``.

    Both (n,), steps of at least :data:`SMALLEST_STEP`. One stall may end in several steps, since
    the activations in it are late by parts of a period: 0.41, 5.49 and 2.1 are 8 releases, though
    each rounded by itself gives 7. So those within some activations of the first are rounded by
    their running sum, if one of them is large enough to be no drift.
    """
    found = np.rint(steps).astype(np.int64)
    first = 0
    while first < places.size:
        if steps[first] < _BEGINS:
            first += 1
            continue
        end = int(np.searchsorted(places, places[first] + _STALL, side="right"))
        part = slice(first, end)
        if steps[part].max() >= _NO_DRIFT:
            found[part] = np.diff(np.rint(np.cumsum(steps[part])), prepend=0.0).astype(np.int64)
        first = end
    return found


def missed_releases(
    last: int | None, window_us: float, period_us: float, activations: int, behind: int
) -> int:
    """Releases without an activation; one whose own period ends after the window is not judged.

    ``activations`` were recorded up to the ``last`` release answered, ``behind`` after it: those
    were lost on the way, so they answered releases too.
    """
    judged = max(0, int(np.floor(window_us / period_us)))
    if last is None:
        return max(0, judged - behind)
    inside = last + 1 - activations
    return max(0, inside) + max(0, judged - (last + 1) - behind)


def lateness_us(activations: Activations) -> FloatArray:
    """Actual minus intended activation, (n,) float64 in us, one per stamp.

    >>> # lateness_i = stamp_i - (origin + k_i * period)
    """
    late = activations.index.astype(np.float64)
    late *= -activations.period_us
    late += activations.stamps_us
    return late


def overruns(activations: Activations, late_us: FloatArray | None = None) -> int:
    """Activations that came when the next release was already due."""
    late = lateness_us(activations) if late_us is None else late_us
    return int(np.count_nonzero(late >= activations.period_us))
