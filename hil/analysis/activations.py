"""Which release each activation answers, for short captures and long ones in pieces.

The grid is the one that the agent was asked for and is never re-based: release ``k`` is due at
``origin + k * period``, however late the ones before it were. Three rules give the index ``k``:

``given``
    The agent computes each deadline from the one before, so its activations number the releases;
    where it left some out it says so. Its numbers are taken.
``sequence``
    The n-th activation answers the n-th release. For the techniques that have no queue in which a
    release could be lost, because the task itself waits and then runs again (``releases`` are ``in
    order``), and tasks of others that say so. Lateness may grow to many periods: the finding.
``matched``
    For all others: the order-preserving assignment of :mod:`~hil.analysis.release_matching`. A
    release that no activation answers was missed, an activation that answers none is extra.

Each window of a case is assigned by itself. In a long capture the index of the release that each
stamp answers rises by one from stamp to stamp except at few of them; only those are stored.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from hil.analysis.release_matching import Matching, WindowStamps, match_in_order, match_queued
from hil.model.earliness import UNKNOWN_EARLINESS_US, earliness_us
from hil.model.techniques import is_queued

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.model.captures import Capture, FloatArray, IntArray, Track

POLLED_TICK = "polled_tick"
"""Counter of an agent whose clock counts its ticks: none is lost, they number the releases."""
BoolArray = NDArray[np.bool_]
Rule = Literal["given", "sequence", "matched"]


@dataclass(frozen=True, slots=True)
class WindowCounts:
    """One window of a track on its grid: ``judged`` releases from ``first`` on, until ``end_us``.

    A release whose own period ends after the window is not judged. ``start`` and ``stop`` are its
    stamps among the activations, ``last`` the release answered last (``first - 1`` for none),
    ``missed`` releases that no activation answered, ``lost_at_end`` stamps that the wire lost
    behind the last one.
    """

    first: int
    judged: int
    end_us: float
    start: int
    stop: int
    last: int
    missed: int
    lost_at_end: int


@dataclass(frozen=True, slots=True)
class Activations:
    """One task's activations on their grid, of which any piece can be asked for.

    Activation ``i`` answers the release ``i + shifts[k]`` for the last ``k`` with ``starts[k] <=
    i``; both (segments,) int64, the releases increasing. ``extra`` are the stamps of the track that
    answer no release, (extra,) int64: they are not among the activations here, but in
    :attr:`every`. ``breaks`` are the activations before which the wire lost some, or a window
    begins: ``window_starts`` has those, the first 0. ``lost`` is how many the wire lost in all,
    ``missed`` the releases that no activation answered. ``otherwise`` is the assignment that fits
    as well, where there is one: some activations are whole periods later, and fewer releases lost.
    """

    task: int
    period_us: float
    track: Track
    starts: IntArray
    shifts: IntArray
    extra: IntArray
    breaks: IntArray
    window_starts: IntArray
    windows: tuple[WindowCounts, ...]
    window_us: float
    rule: Rule
    missed: int
    dropped: int
    lost: int
    otherwise: Activations | None = None

    @property
    def n(self) -> int:
        """How many activations answer a release."""
        return int(self.track.stamps_us.size) - int(self.extra.size)

    @property
    def judged(self) -> int:
        """How many releases lie in the windows with their whole period."""
        return sum(window.judged for window in self.windows)

    @property
    def every(self) -> Activations:
        """All activations, also those that answer nothing; for what asks for no release."""
        if not self.extra.size:
            return self
        none = np.zeros(1, np.int64)
        return replace(
            self,
            starts=none,
            shifts=none,
            extra=none[:0],
            breaks=_breaks(self.track),
            window_starts=self.in_track(self.window_starts),
            otherwise=None,
        )

    def in_track(self, at: IntArray) -> IntArray:
        """The indices in the track's stamps of activations with indices ``at``."""
        if not self.extra.size:
            return at
        before = self.extra - np.arange(self.extra.size)
        result: IntArray = at + np.searchsorted(before, at, side="right")
        return result

    @property
    def stamps_us(self) -> FloatArray:
        """All stamps from the grid's origin, us, (n,); a new array."""
        return self.times(0, self.n)

    @property
    def index(self) -> IntArray:
        """The release that each activation answers, (n,) int64; a new array."""
        return self.releases(0, self.n).astype(np.int64)

    @property
    def begins(self) -> IntArray:
        """The first activation of each window, (windows,) int64; the first is 0."""
        later = self.window_starts
        return np.concatenate([[0], later[(later > 0) & (later < self.n)]]).astype(np.int64)

    @property
    def joined(self) -> BoolArray:
        """Where nothing is between two neighbours, no lost stamp and no end of a window.

        (n - 1,); a new array.
        """
        joined = np.ones(max(self.n - 1, 0), dtype=np.bool_)
        joined[self.breaks - 1] = False
        return joined

    def times(self, start: int, end: int) -> FloatArray:
        """Stamps of a piece from the grid's origin, us; a new array."""
        if not self.extra.size:
            part: FloatArray = self.track.stamps_us[start:end].astype(np.float64)
        elif (end := min(end, self.n)) > start:
            first, last = self.in_track(np.array([start, end - 1])).tolist()
            left_out = self.extra[slice(*np.searchsorted(self.extra, (first, last)))]
            answering = np.delete(self.track.stamps_us[first : last + 1], left_out - first)
            part = answering.astype(np.float64)
        else:
            part = np.empty(0)
        part -= self.track.origin_us
        return part

    def releases(self, start: int, end: int) -> FloatArray:
        """The release that each activation of a piece answers; a new array."""
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

    def releases_of_stamps(self, start: int, end: int) -> IntArray:
        """The release that each of a piece of the track's stamps answers; -1: extra, none."""
        end = min(end, int(self.track.stamps_us.size))
        first, last = np.searchsorted(self.extra, (start, end)).tolist()
        result = np.full(end - start, -1, np.int64)
        answers = np.ones(end - start, np.bool_)
        answers[self.extra[first:last] - start] = False
        result[answers] = self.releases(start - first, end - last).astype(np.int64)
        return result

    def unbroken(self, start: int, end: int) -> BoolArray | None:
        """Of the intervals from each activation of a piece to its next; ``None`` for all."""
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
        stamps = (self.track.stamps_us[self.in_track(at)] - self.track.origin_us).astype(np.float64)
        if self.starts.size == 1:
            return stamps, (at + self.shifts[0]).astype(np.float64)
        shift = self.shifts[np.searchsorted(self.starts, at, side="right") - 1]
        return stamps, (at + shift).astype(np.float64)

    def first_answering(self, release: int) -> int:
        """Index of the first activation that answers ``release`` or a later one."""
        k = int(np.searchsorted(self.starts + self.shifts, release, side="right")) - 1
        if k < 0:
            return 0
        end = int(self.starts[k + 1]) if k + 1 < self.starts.size else self.n
        return min(release - int(self.shifts[k]), end)


def lateness_us(activations: Activations, start: int = 0, end: int | None = None) -> FloatArray:
    """Actual minus intended activation in us, (n,) float64; of a piece if asked.

    ``lateness_i = stamp_i - (origin + k_i * period)``. A new array.
    """
    end = activations.n if end is None else end
    late = activations.releases(start, end)
    late *= -activations.period_us
    late += activations.times(start, end)
    return late


def activations_of(capture: Capture, track: Track, method: str | None = None) -> Activations:
    """The activations of a track of ``capture``, or of a series of it, measured by ``method``.

    A grid that begins at the task's own first activation is as late as that one, by an amount that
    nobody knows: others may come up to half a period before they are due by it.
    """
    technique = capture.plan.technique
    if capture.counters.get(POLLED_TICK):
        track = replace(track, numbered=True)
    early_us = earliness_us(capture.board, technique, method)
    if track.from_first:
        early_us = max(early_us, track.period_us / 2)
    return assign(track, technique, early_us, method)


def assign(
    track: Track,
    technique: str = "",
    earliness_us: float = UNKNOWN_EARLINESS_US,
    method: str | None = None,
) -> Activations:
    """Give every stamp of ``track`` the index of the release that it answers, if it answers one.

    ``technique`` and, of a series, ``method`` choose between the rules ``sequence`` and ``matched``
    (see the module's text); ``track.releases``, if given, increase. ``earliness_us`` is how much
    before it is due a release can be answered, see :func:`hil.model.earliness.earliness_us`.
    """
    queued = is_queued(technique, method) and not track.in_order
    rule: Rule = "matched" if queued else "sequence"
    if track.numbered or track.releases is not None:
        rule = "given"
    n = int(track.stamps_us.size)
    parts = []
    counts = []
    extra_before = 0
    window_starts: list[int] = []
    spans = tuple(_windows(track))
    for span in spans:
        stamps = track.stamps_us[span.start : span.stop]
        window = WindowStamps(
            stamps, track.origin_us + span.first * track.period_us, track.period_us, span.gaps
        )
        if rule == "given" and track.releases is not None:
            matching = _given(track.releases[span.start : span.stop] - span.first)
        elif rule == "matched":
            matching = match_queued(window, earliness_us)
        else:
            matching = match_in_order(window)
        start = span.start - extra_before
        part = _Part.of(matching, start, span.first, window.n)
        parts.append((part, span.start + matching.extra))
        if window.n - matching.extra.size or not parts[1:]:
            window_starts.append(start)
        counts.append(_count(track, span, part, 0))
        extra_before += matching.extra.size
    extra = np.concatenate([extra for _, extra in parts])
    at = _breaks(track)
    at = at - np.searchsorted(extra, at)
    answered = [part for part, _ in parts if part.n]
    starts = np.concatenate([part.starts for part in answered] or [np.zeros(1, np.int64)])
    shifts = np.concatenate([part.shifts for part in answered] or [np.zeros(1, np.int64)])
    activations = Activations(
        task=track.index,
        period_us=float(track.period_us),
        track=track,
        starts=starts,
        shifts=shifts,
        extra=extra,
        breaks=np.unique(at[(at > 0) & (at < n - extra.size)]),
        window_starts=np.array(window_starts, np.int64),
        windows=tuple(counts),
        window_us=sum(window.end_us - window.first * track.period_us for window in counts),
        rule=rule,
        missed=sum(window.missed for window in counts),
        dropped=track.dropped,
        lost=sum(gap.count for gap in track.gaps),
    )
    doubtful = [part.doubtful for part in answered]
    if not any(doubtful):
        return activations
    lower = [
        _count(track, span, part, part.doubt) for span, (part, _) in zip(spans, parts, strict=True)
    ]
    other = replace(
        activations,
        shifts=np.concatenate([part.later() for part in answered]),
        windows=tuple(lower),
        missed=sum(window.missed for window in lower),
    )
    return replace(activations, otherwise=other)


@dataclass(frozen=True, slots=True)
class _Span:
    """Where a window's stamps are in the track, and its first release, gaps and end.

    ``gaps`` are (position in the window, count); those behind its last stamp have position n.
    """

    start: int
    stop: int
    first: int
    end_us: float
    gaps: tuple[tuple[int, int], ...]


def _windows(track: Track) -> Iterator[_Span]:
    """The windows of a track; one that holds a single window is that itself."""
    n = int(track.stamps_us.size)
    starts = [0, *(window.position for window in track.later_windows)]
    firsts = [0, *(window.release for window in track.later_windows)]
    stops = [*starts[1:], n]
    ends = track.window_ends_us if track.later_windows else (track.end_us,)
    at_end = [*(window.lost_before for window in track.later_windows), 0]
    lost: dict[int, int] = {}
    for gap in track.gaps:
        position = min(gap.position, n)
        lost[position] = lost.get(position, 0) + gap.count
    for k, (start, stop, first, end_us) in enumerate(zip(starts, stops, firsts, ends, strict=True)):
        own = []
        for at in sorted(at for at in lost if start <= at <= stop):
            count = lost[at]
            if k and at == start:
                count -= min(count, at_end[k - 1])
            if k + 1 < len(starts) and at == stop:
                count = min(count, at_end[k])
            if count:
                own.append((at - start, count))
        yield _Span(start, stop, first, float(end_us - track.origin_us), tuple(own))


@dataclass(frozen=True, slots=True)
class _Part:
    """The activations of one window: ``n`` that answer a release, from index ``start`` on.

    ``doubtful`` are (activation, releases) where so many may not have been lost, ``doubt`` all.
    """

    start: int
    starts: IntArray
    shifts: IntArray
    n: int
    doubtful: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, matching: Matching, start: int, first: int, stamps: int) -> _Part:
        """Activations from index ``start`` on, of a window that begins with release ``first``."""
        extra = matching.extra
        starts, shifts = matching.starts, matching.shifts
        left_out = np.searchsorted(extra, starts)
        releases = starts + shifts
        own = starts - left_out
        shifts = releases - own
        # a segment that begins with extra ones begins with the activation behind them
        keep = np.append(np.diff(own) > 0, own[-1:] < stamps - extra.size)
        own, shifts = own[keep], shifts[keep]
        change = np.append(True, np.diff(shifts) != 0)[: own.size]
        doubtful = tuple(
            (at - int(np.searchsorted(extra, at)), count) for at, count in matching.doubtful
        )
        return cls(
            start,
            start + own[change],
            shifts[change] + first - start,
            stamps - int(extra.size),
            tuple((start + at, count) for at, count in doubtful),
        )

    @property
    def doubt(self) -> int:
        return sum(count for _, count in self.doubtful)

    def later(self) -> IntArray:
        """The shifts if nothing was lost where that is in doubt."""
        shifts = self.shifts.copy()
        for at, count in self.doubtful:
            shifts[self.starts >= at] -= count
        return shifts


def _count(track: Track, span: _Span, part: _Part, doubt: int) -> WindowCounts:
    """What a window has; ``doubt``: its last activation answers so many releases before."""
    length = span.end_us - span.first * track.period_us
    if track.dropped and span.stop > span.start and not track.later_windows:
        length = min(length, float(track.stamps_us[-1] - track.origin_us))
    behind = sum(count for at, count in span.gaps if at >= span.stop - span.start)
    lost = sum(count for _, count in span.gaps) - behind
    judged = max(0, int(np.floor(length / track.period_us)))
    last = None
    if part.n:
        last = part.start + part.n - 1 + int(part.shifts[-1]) - span.first - doubt
    return WindowCounts(
        span.first,
        judged,
        length + span.first * track.period_us,
        part.start,
        part.start + part.n,
        span.first + (-1 if last is None else last),
        missed_releases(last, judged, part.n + lost, behind),
        behind,
    )


def _breaks(track: Track) -> IntArray:
    """Stamps of a track before which the wire lost some, or a window begins."""
    at = [gap.position for gap in track.gaps] + [window.position for window in track.later_windows]
    breaks = np.unique(np.array(at, np.int64))
    return breaks[(breaks > 0) & (breaks < track.stamps_us.size)]


def _given(releases: IntArray) -> Matching:
    """Releases that are known of each stamp."""
    none = np.empty(0, np.int64)
    if not releases.size:
        return Matching(np.zeros(1, np.int64), np.zeros(1, np.int64), none)
    shift = releases.astype(np.int64) - np.arange(releases.size)
    starts = np.flatnonzero(np.diff(shift, prepend=shift[0] - 1))
    return Matching(starts, shift[starts], none)


def missed_releases(last: int | None, judged: int, activations: int, behind: int) -> int:
    """Releases without an activation, of those ``judged``.

    ``activations`` were recorded up to the ``last`` release answered, ``behind`` after it: those
    were lost on the way, so they answered releases too.
    """
    if last is None:
        return max(0, judged - behind)
    inside = last + 1 - activations
    return max(0, inside) + max(0, judged - (last + 1) - behind)


def activation_time_us(activations: Activations, index: int) -> float:
    """Time of the activation at ``index`` in us on the board's clock."""
    return float(activations.some(np.array([index]))[0][0])
