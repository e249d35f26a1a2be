"""The activations of a long capture: nothing as long as the stamps themselves is kept beside them.

The index of the release that each stamp answers rises by one from stamp to stamp but at a few
places, so that these places are all that is kept of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hil.analysis.activations import (
    SMALLEST_STEP,
    Activations,
    BoolArray,
    FloatArray,
    Rule,
    assign,
    missed_releases,
    typical_interval,
    whole_steps,
)
from hil.analysis.passes import PIECE
from hil.metrics import NAIVE_TECHNIQUES
from hil.records import IntArray, Track

LONG = 1_000_000
"""From so many stamps on, a track is worked on in pieces."""


@dataclass(frozen=True, slots=True)
class LongActivations:
    """As :class:`~hil.analysis.activations.Activations`, of which any piece can be asked for.

    Stamp ``i`` answers the release ``i + shifts[k]`` for the last ``k`` with ``places[k] <= i``;
    ``breaks`` are the stamps before which the wire lost some.
    """

    task: int
    period_us: float
    track: Track
    places: IntArray
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

    def times(self, start: int, end: int) -> FloatArray:
        """Stamps of a piece from the grid's origin, us; a new array."""
        part = np.empty(max(0, min(end, self.n) - start))
        np.subtract(self.track.stamps_us[start:end], self.track.origin_us, out=part)
        return part

    def releases(self, start: int, end: int) -> FloatArray:
        """The release that each stamp of a piece answers."""
        end = min(end, self.n)
        first = int(np.searchsorted(self.places, start, side="right")) - 1
        last = int(np.searchsorted(self.places, end - 1, side="right")) - 1
        result = np.arange(start, end, dtype=np.float64)
        if first == last:
            result += self.shifts[first]
        else:
            edges = np.concatenate(([start], self.places[first + 1 : last + 1], [end]))
            result += np.repeat(self.shifts[first : last + 1], np.diff(edges))
        return result

    def unbroken(self, start: int, end: int) -> BoolArray | None:
        """Of the intervals from each stamp of a piece to its next; ``None`` for all."""
        first, last = np.searchsorted(self.breaks, (start + 1, end + 1))
        if first == last:
            return None
        result = np.ones(end - start, dtype=np.bool_)
        result[self.breaks[first:last] - 1 - start] = False
        return result

    def some(self, places: IntArray) -> tuple[FloatArray, FloatArray]:
        """Stamps and releases at any places."""
        stamps = (self.track.stamps_us[places] - self.track.origin_us).astype(np.float64)
        shift = self.shifts[np.searchsorted(self.places, places, side="right") - 1]
        return stamps, (places + shift).astype(np.float64)

    def place_of(self, release: int) -> int:
        """The first stamp that answers ``release`` or a later one."""
        k = int(np.searchsorted(self.places + self.shifts, release, side="right")) - 1
        if k < 0:
            return 0
        end = int(self.places[k + 1]) if k + 1 < self.places.size else self.n
        return min(release - int(self.shifts[k]), end)


Task = Activations | LongActivations


def late_part(task: Task, start: int, end: int) -> FloatArray:
    """Lateness of a piece, us; see ``activations.lateness_us``."""
    late = task.releases(start, end)
    late *= -task.period_us
    late += task.times(start, end)
    return late


def assign_any(track: Track, technique: str = "", long: int = LONG) -> Task:
    """The activations of a track, kept as suits its length; see ``activations.assign``."""
    if track.stamps_us.size < max(long, 4) or track.releases is not None:
        return assign(track, technique)
    n = int(track.stamps_us.size)
    places, shifts, breaks = [0], [0], []
    lost = behind = 0
    for gap in track.gaps:
        lost += gap.count
        behind += gap.count if gap.position >= n else 0
        if gap.position < n:
            places.append(gap.position)
            shifts.append(shifts[-1] + gap.count)
        if 0 < gap.position < n:
            breaks.append(gap.position)
    found = LongActivations(
        task=track.index,
        period_us=float(track.period_us),
        track=track,
        places=np.array(places, np.int64),
        shifts=np.array(shifts, np.int64),
        breaks=np.array(breaks, np.int64),
        window_us=float(track.end_us - track.origin_us),
        rule="sequence" if technique in NAIVE_TECHNIQUES else "level",
        missed=0,
        dropped=track.dropped,
        lost=lost,
    )
    window = found.window_us
    if track.dropped:
        window = min(window, float(found.times(n - 1, n)[0]))
    at, by = (found.places, found.shifts) if found.rule == "sequence" else _by_level(found)
    last = int(by[-1]) + n - 1
    missed = missed_releases(last, window, found.period_us, n + lost - behind, behind)
    return LongActivations(
        *(found.task, found.period_us, track, at, by, found.breaks, window, found.rule, missed),
        *(found.dropped, lost),
    )


def _by_level(order: LongActivations) -> tuple[IntArray, IntArray]:
    """Places and shifts with the releases lost at the source added; see ``activations._by_level``.

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
        follows = np.append(level, lowest)
        np.minimum.accumulate(follows[::-1], out=follows[::-1])
        if not np.isfinite(lowest):
            follows = follows[:-1]
        lowest = first = float(follows[0])
        steps = np.diff(follows)
        hit = np.flatnonzero(steps >= SMALLEST_STEP)
        steps_at.append(start + 1 + hit)
        steps_by.append(steps[hit])
    places = np.concatenate(steps_at[::-1])
    lost = whole_steps(places, np.concatenate(steps_by[::-1]))
    more_at = np.concatenate([[0], places[lost != 0]])
    more_by = np.cumsum(np.concatenate([[max(0, int(np.rint(first)))], lost[lost != 0]]))
    at = np.union1d(order.places, more_at).astype(np.int64)
    by = order.shifts[np.searchsorted(order.places, at, side="right") - 1]
    by = by + more_by[np.searchsorted(more_at, at, side="right") - 1]
    return at, by.astype(np.int64)
