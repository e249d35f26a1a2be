"""Which release each activation answers, for short captures and long ones in pieces.

The grid is the one that the agent was asked for and is never re-based: release ``k`` is due at
``origin + k * period``, however late the ones before it were. Three rules give the index ``k``:

``given``
    The agent numbered its releases at the source. Its numbers are taken.
``sequence``
    The n-th activation answers the n-th release. For the techniques that have no queue in which a
    release could be lost, because the task itself waits and then runs again (``releases`` are ``in
    order``). Lateness may grow to many periods; that is the finding.
``level``
    For all others: as ``sequence``, but where the lateness so obtained steps up by a whole period
    or more and *never comes back down*, that many releases were lost before the activation. A late
    activation, or a burst that catches up, returns to the old level and loses nothing. A slow drift
    has no steps and is followed for any number of periods.

A stall of ``k`` periods therefore appears as ``k`` missed or ``k`` late activations under every
rule.

In a long capture the index of the release that each stamp answers rises by one from stamp to stamp
except at few of them; only those are stored.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from hil.analysis.streaming_stats import PIECE
from hil.model.techniques import find_technique

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.model.captures import FloatArray, IntArray, Track

BoolArray = NDArray[np.bool_]
Rule = Literal["given", "sequence", "level"]
SMALLEST_STEP = 0.02
"""Steps of the level below this, in periods, are noise or drift."""
_STALL, _BEGINS, _NO_DRIFT = 8, 0.1, 0.25
_TYPICAL = 100_000


@dataclass(frozen=True, slots=True)
class Activations:
    """One task's activations on their grid, of which any piece can be asked for.

    Stamp ``i`` answers the release ``i + shifts[k]`` for the last ``k`` with ``starts[k] <= i``;
    both (segments,) int64, the releases increasing. ``breaks`` are the stamps before which the wire
    lost some, ``lost`` how many in all; ``missed`` releases that no activation answered.
    """

    task: int
    period_us: float
    track: Track
    starts: IntArray
    shifts: IntArray
    breaks: IntArray
    window_us: float
    rule: Rule
    missed: int
    dropped: int
    lost: int

    @property
    def n(self) -> int:
        """How many activations were recorded."""
        return int(self.track.stamps_us.size)

    @property
    def stamps_us(self) -> FloatArray:
        """All stamps from the grid's origin, us, (n,); a new array."""
        return self.times(0, self.n)

    @property
    def index(self) -> IntArray:
        """The release that each stamp answers, (n,) int64; a new array."""
        return self.releases(0, self.n).astype(np.int64)

    @property
    def joined(self) -> BoolArray:
        """Where two neighbours have no lost stamp between them, (n - 1,); a new array."""
        joined = np.ones(max(self.n - 1, 0), dtype=np.bool_)
        joined[self.breaks - 1] = False
        return joined

    def times(self, start: int, end: int) -> FloatArray:
        """Stamps of a piece from the grid's origin, us; a new array."""
        part: FloatArray = self.track.stamps_us[start:end].astype(np.float64)
        part -= self.track.origin_us
        return part

    def releases(self, start: int, end: int) -> FloatArray:
        """The release that each stamp of a piece answers; a new array."""
        end = min(end, self.n)
        releases = np.arange(start, end, dtype=np.float64)
        if self.starts.size == 1:
            if self.shifts[0]:
                releases += self.shifts[0]
            return releases
        first = int(np.searchsorted(self.starts, start, side="right")) - 1
        last = int(np.searchsorted(self.starts, end - 1, side="right")) - 1
        if first >= last:
            releases += self.shifts[first]
        else:
            edges = np.concatenate(([start], self.starts[first + 1 : last + 1], [end]))
            releases += np.repeat(self.shifts[first : last + 1], np.diff(edges))
        return releases

    def unbroken(self, start: int, end: int) -> BoolArray | None:
        """Of the intervals from each stamp of a piece to its next; ``None`` for all."""
        if not self.breaks.size:
            return None
        first, last = np.searchsorted(self.breaks, (start + 1, end + 1))
        if first == last:
            return None
        joined = np.ones(end - start, dtype=np.bool_)
        joined[self.breaks[first:last] - 1 - start] = False
        return joined

    def some(self, at: IntArray) -> tuple[FloatArray, FloatArray]:
        """Stamps from the grid's origin, us, and releases, of activations with indices ``at``."""
        stamps = (self.track.stamps_us[at] - self.track.origin_us).astype(np.float64)
        if self.starts.size == 1:
            return stamps, (at + self.shifts[0]).astype(np.float64)
        shift = self.shifts[np.searchsorted(self.starts, at, side="right") - 1]
        return stamps, (at + shift).astype(np.float64)

    def first_answering(self, release: int) -> int:
        """Index of the first stamp that answers ``release`` or a later one."""
        k = int(np.searchsorted(self.starts + self.shifts, release, side="right")) - 1
        if k < 0:
            return 0
        end = int(self.starts[k + 1]) if k + 1 < self.starts.size else self.n
        return min(release - int(self.shifts[k]), end)


def lateness_us(activations: Activations, start: int = 0, end: int | None = None) -> FloatArray:
    """Actual minus intended activation in us, (n,) float64, one per stamp; of a piece if asked.

    ``lateness_i = stamp_i - (origin + k_i * period)``. A new array.
    """
    end = activations.n if end is None else end
    late = activations.releases(start, end)
    late *= -activations.period_us
    late += activations.times(start, end)
    return late


def assign(track: Track, technique: str = "") -> Activations:
    """Give every stamp of ``track`` the index of the release that it answers.

    ``technique`` chooses between the rules ``sequence`` and ``level`` (see the module's text);
    ``track.releases``, if given, increase.
    """
    n = int(track.stamps_us.size)
    starts, shifts, breaks = [0], [0], []
    lost = behind = 0
    for gap in track.gaps:
        lost += gap.count
        behind += gap.count if gap.position >= n else 0
        if gap.position < n:
            starts.append(gap.position)
            shifts.append(shifts[-1] + gap.count)
        if 0 < gap.position < n:
            breaks.append(gap.position)
    activations = Activations(
        task=track.index,
        period_us=float(track.period_us),
        track=track,
        starts=np.array(starts, np.int64),
        shifts=np.array(shifts, np.int64),
        breaks=np.array(breaks, np.int64),
        window_us=float(track.end_us - track.origin_us),
        rule="sequence" if find_technique(technique).releases == "in order" else "level",
        missed=0,
        dropped=track.dropped,
        lost=lost,
    )
    if track.releases is not None:
        activations = replace(activations, rule="given")
    segments = (activations.starts, activations.shifts)
    if n and track.releases is not None:
        segments = _given(track.releases)
    elif n and activations.rule == "level":
        segments = _by_level(activations)
    window, last = activations.window_us, None
    if n:
        last = n - 1 + int(segments[1][-1])
        if track.dropped:
            window = min(window, float(activations.times(n - 1, n)[0]))
    missed = missed_releases(last, window, activations.period_us, n + lost - behind, behind)
    return replace(
        activations, starts=segments[0], shifts=segments[1], window_us=window, missed=missed
    )


def _given(releases: IntArray) -> tuple[IntArray, IntArray]:
    """Starts and shifts of releases that are known of each stamp."""
    shift = releases.astype(np.int64) - np.arange(releases.size)
    starts = np.flatnonzero(np.diff(shift, prepend=shift[0] - 1))
    return starts, shift[starts]


def _by_level(order: Activations) -> tuple[IntArray, IntArray]:
    """Starts and shifts with the releases lost at the source added to those ``order`` has.

    From the last piece to the first, since a level counts where no later one is below it.
    """
    typical = typical_interval(
        order.n, order.period_us, lambda at: order.some(at + 1)[0] - order.some(at)[0]
    )
    lowest = np.inf
    steps_at: list[IntArray] = []
    steps_by: list[FloatArray] = []
    first = 0.0
    for start in reversed(range(0, order.n, PIECE)):
        level = order.times(start, start + PIECE)
        level /= typical
        level -= order.releases(start, start + PIECE)
        if np.isfinite(lowest):
            level = np.append(level, lowest)
        np.minimum.accumulate(level[::-1], out=level[::-1])
        lowest = first = float(level[0])
        steps = np.diff(level)
        hit = np.flatnonzero(steps >= SMALLEST_STEP)
        steps_at.append(start + 1 + hit)
        steps_by.append(steps[hit])
    at = np.concatenate(steps_at[::-1])
    lost = whole_steps(at, np.concatenate(steps_by[::-1]))
    begin = max(0, int(np.rint(first)))
    if not begin and not lost.any():
        return order.starts, order.shifts
    more_at = np.concatenate([[0], at[lost != 0]])
    more_by = np.cumsum(np.concatenate([[begin], lost[lost != 0]]))
    starts = np.union1d(order.starts, more_at).astype(np.int64)
    shifts = order.shifts[np.searchsorted(order.starts, starts, side="right") - 1]
    shifts = shifts + more_by[np.searchsorted(more_at, starts, side="right") - 1]
    return starts, shifts.astype(np.int64)


def latest_releases(track: Track) -> IntArray:
    """The latest release that each stamp can answer, (n,) int64, each release answered once.

    A series is too short to distinguish a lost activation from a late one by its level. So a burst
    that catches up answers the releases just before it, and what none can answer was missed. Up to
    a quarter of a period early is not yet the release before.
    """
    since = (track.stamps_us - track.origin_us).astype(np.float64)
    index = np.floor(since / track.period_us + 0.25).astype(np.int64)
    order = np.arange(index.size, dtype=np.int64)
    # going backwards, each is at least one less than the one behind it
    latest: IntArray = np.minimum.accumulate((index - order)[::-1])[::-1] + order
    return np.maximum(latest, order)


def typical_interval(
    n: int, period_us: float, intervals: Callable[[IntArray], FloatArray]
) -> float:
    """Median of some of the ``intervals`` that begin at given stamps; the period if far off it."""
    some = np.arange(0, n - 1, max(1, n // _TYPICAL))
    typical = float(np.median(intervals(some))) if n > 2 else period_us
    return typical if abs(typical / period_us - 1.0) <= 0.1 else period_us


def whole_steps(at: IntArray, steps: FloatArray) -> IntArray:
    """How many releases were lost at each step of the level.

    ``steps`` are in periods, at least :data:`SMALLEST_STEP`, and come before the stamps with the
    indices ``at``; both (n,). One stall may end in several steps, since the activations in it are
    late by parts of a period: 0.41, 5.49 and 2.1 are 8 releases, though each rounded by itself
    gives 7. So those within some activations of the first are rounded by their running sum, if one
    of them is large enough to be no drift.
    """
    lost = np.rint(steps).astype(np.int64)
    first = 0
    while first < at.size:
        if steps[first] < _BEGINS:
            first += 1
            continue
        end = int(np.searchsorted(at, at[first] + _STALL, side="right"))
        part = slice(first, end)
        if steps[part].max() >= _NO_DRIFT:
            lost[part] = np.diff(np.rint(np.cumsum(steps[part])), prepend=0.0).astype(np.int64)
        first = end
    return lost


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


def activation_time_us(activations: Activations, index: int) -> float:
    """Time of the activation at ``index`` in us on the board's clock."""
    return float(activations.some(np.array([index]))[0][0])
