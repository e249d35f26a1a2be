"""The windows of a case put together to one capture. Pure.

Each window is a capture of its own, in a time base of its own. Joined, they stand one after the
other in the time of the first: a task's later windows are moved so that their grid continues the
first one's, which leaves the lateness of every stamp what it was. What lies between two windows
was not measured and takes no more room than keeps the times in order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from hil.model.captures import EventSet, Gap, LaterWindow, Occurrences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from hil.model.captures import Capture, CaptureIssue, IntArray, Track

SUMMED_COUNTERS = frozenset(
    (
        *("strays", "cleanup_failed", "threads_left", "rest", "load_blocks", "web_served"),
        *("events", "phantom", "sched_full"),
    )
)
"""Counters of what happened, which add up over windows; of any other the last one counts."""
_NS = 1000
_MOST_TRIES = 1000
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


def join_windows(captures: Sequence[Capture]) -> Capture:
    """The capture of a case that was measured in ``captures``, one for each window.

    They are of one case, in the order of time, and each gives figures. A single one is returned as
    it is. In the joined capture

    - a task that is in every window has a track of all its stamps (see
      :class:`~hil.model.captures.Track`); each window ends where it ended, or at its last stamp if
      the board had no room for more;
    - events and occurrences have the time of the first task, faults and log say which window they
      are of, and calibration, numbers and series are those of the last window that has them: they
      belong to what follows a window, and that is done once. Counts of what happened in the windows
      add up (:data:`SUMMED_COUNTERS`);
    - clock exchanges, the sync pattern and what instruments saw are left out: they need the board's
      own time, which ``windows`` have;
    - the plan's duration is the sum, its options are those of all windows.

    Raises ``ValueError`` for no capture, and for windows of different cases.
    """
    if not captures:
        raise ValueError("a case has at least one window")
    if len(captures) == 1:
        return captures[0]
    if len({capture.case for capture in captures}) > 1:
        raise ValueError("the windows of one case only can be joined")
    last = captures[-1]
    tracks, moves = _join_tracks([capture.tracks for capture in captures])
    options: dict[str, int | str] = {}
    for capture in captures:
        options |= capture.plan.options
    duration_us = sum(capture.plan.duration_us for capture in captures)
    return replace(
        last,
        plan=replace(last.plan, window=0, duration_us=duration_us, options=options),
        tracks=tracks,
        events=_join_events(captures, moves),
        occurrences=_join_occurrences(captures, moves),
        pings=None,
        calibration=next((c.calibration for c in reversed(captures) if c.calibration), None),
        counters=_join_counters(captures),
        faults=_named_faults(captures),
        log=_named_lines(captures, lambda capture: capture.log),
        errors=_named_lines(captures, lambda capture: capture.errors),
        values=_latest(capture.values for capture in captures),
        series=tuple(
            _latest(
                {(series.method, series.track.index): series for series in capture.series}
                for capture in captures
            ).values()
        ),
        sync=None,
        edges=(),
        windows=tuple(captures),
        set_aside=_named_lines(captures, lambda capture: capture.set_aside),
    )


@dataclass(slots=True)
class _Joined:
    """One task's track while windows are added to it.

    ``releases_step`` is the smallest number of periods that are a whole number of microseconds.
    """

    first: Track
    parts: list[Track]
    shifts_us: list[int]
    later: list[LaterWindow]
    ends_us: list[int]

    @classmethod
    def begin(cls, track: Track) -> _Joined:
        return cls(track, [track], [0], [], [_measured_end(track)])

    @property
    def releases_step(self) -> int:
        return _NS // math.gcd(round(self.first.period_us * _NS), _NS)

    def releases_until(self, track: Track, shift_us: float) -> int:
        """The grid index at which ``track`` begins if it is moved by about ``shift_us``."""
        periods = (track.origin_us + shift_us - self.first.origin_us) / self.first.period_us
        return round(periods / self.releases_step) * self.releases_step

    def shift_us(self, track: Track, release: int) -> int:
        """The exact shift of a window that begins at this grid index."""
        return self.first.origin_us + round(release * self.first.period_us) - track.origin_us

    def add(self, track: Track, release: int) -> None:
        shift = self.shift_us(track, release)
        position = sum(part.stamps_us.size for part in self.parts)
        before = self.parts[-1]
        lost = sum(gap.count for gap in before.gaps if gap.position >= before.stamps_us.size)
        self.later.append(LaterWindow(position, release, lost))
        self.parts.append(track)
        self.shifts_us.append(shift)
        self.ends_us.append(_measured_end(track) + shift)

    def track(self) -> Track:
        """What the windows make together."""
        starts = [0, *(window.position for window in self.later)]
        firsts = [0, *(window.release for window in self.later)]
        numbered = all(part.releases is not None for part in self.parts)
        return replace(
            self.first,
            end_us=self.ends_us[-1],
            stamps_us=np.concatenate(
                [
                    part.stamps_us + shift
                    for part, shift in zip(self.parts, self.shifts_us, strict=True)
                ]
            ),
            dropped=sum(part.dropped for part in self.parts),
            gaps=tuple(
                Gap(gap.position + start, gap.count)
                for part, start in zip(self.parts, starts, strict=True)
                for gap in part.gaps
            ),
            releases=np.concatenate(
                [
                    part.releases + first
                    for part, first in zip(self.parts, firsts, strict=True)
                    if part.releases is not None
                ]
            )
            if numbered
            else None,
            later_windows=tuple(self.later),
            window_ends_us=tuple(self.ends_us),
        )


def _join_tracks(windows: Sequence[Sequence[Track]]) -> tuple[tuple[Track, ...], list[int]]:
    """The tracks of tasks that are in every window, and by how much the first of them was moved.

    The tasks of a window are moved by about the same time, each by what its own grid asks for, so
    that the phase between two tasks stays as it was.
    """
    common = set.intersection(*({track.index for track in window} for window in windows))
    rows = [sorted((t for t in w if t.index in common), key=lambda t: t.index) for w in windows]
    joined = [_Joined.begin(track) for track in rows[0]]
    moves = [0]
    for row in rows[1:]:
        if not joined:
            moves.append(moves[-1])
            continue
        reached = max(_last_time(task) for task in joined)
        lead = joined[0]
        release = lead.releases_until(row[0], reached - row[0].origin_us)
        step, tried = lead.releases_step, 0
        while True:
            shift = lead.shift_us(row[0], release)
            releases = [task.releases_until(t, shift) for task, t in zip(joined, row, strict=True)]
            if all(
                _first_time(track) + task.shift_us(track, number) >= reached
                for task, track, number in zip(joined, row, releases, strict=True)
            ):
                break
            release += step
            tried += 1
            if tried > _MOST_TRIES:  # periods of quite another size: nearer steps gain nothing
                step *= 2
        for task, track, number in zip(joined, row, releases, strict=True):
            task.add(track, number)
        moves.append(shift)
    return tuple(task.track() for task in joined), moves


def _measured_end(track: Track) -> int:
    """Where the window ended; a track that lacks its last stamps says nothing beyond them."""
    if track.dropped and track.stamps_us.size:
        return min(track.end_us, int(track.stamps_us[-1]))
    return track.end_us


def _first_time(track: Track) -> int:
    first = int(track.stamps_us[0]) if track.stamps_us.size else track.origin_us
    return min(track.origin_us, first)


def _last_time(task: _Joined) -> int:
    track, shift = task.parts[-1], task.shifts_us[-1]
    last = int(track.stamps_us[-1]) if track.stamps_us.size else track.end_us
    return max(track.end_us, last) + shift


def _join_events(captures: Sequence[Capture], moves: Sequence[int]) -> tuple[EventSet, ...]:
    """The events of each kind one after the other; counted ones have no time to be moved."""
    joined: dict[tuple[str, str], EventSet] = {}
    for capture, move in zip(captures, moves, strict=True):
        for events in capture.events:
            key = (events.stage, events.method)
            if events.stimulus_us.any():
                events = replace(
                    events,
                    stimulus_us=events.stimulus_us + move,
                    handler_us=events.handler_us + move,
                )
            before = joined.get(key)
            joined[key] = (
                events
                if before is None
                else replace(
                    events,
                    stimulus_us=np.concatenate([before.stimulus_us, events.stimulus_us]),
                    handler_us=np.concatenate([before.handler_us, events.handler_us]),
                    lost=before.lost + events.lost,
                )
            )
    return tuple(joined.values())


def _join_occurrences(captures: Sequence[Capture], moves: Sequence[int]) -> tuple[Occurrences, ...]:
    times: dict[str, list[IntArray]] = {}
    lost: dict[str, int] = {}
    for capture, move in zip(captures, moves, strict=True):
        for occurrences in capture.occurrences:
            times.setdefault(occurrences.what, []).append(occurrences.times_us + move)
            lost[occurrences.what] = lost.get(occurrences.what, 0) + occurrences.lost
    return tuple(
        Occurrences(what, np.sort(np.concatenate(parts), kind="stable"), lost[what])
        for what, parts in times.items()
    )


def _join_counters(captures: Sequence[Capture]) -> dict[str, int]:
    counters = _latest(capture.counters for capture in captures)
    for name in SUMMED_COUNTERS & counters.keys():
        counters[name] = sum(capture.counters.get(name, 0) for capture in captures)
    return counters


def _latest(mappings: Iterable[Mapping[_Key, _Value]]) -> dict[_Key, _Value]:
    latest: dict[_Key, _Value] = {}
    for mapping in mappings:
        latest |= mapping
    return latest


def _named_faults(captures: Sequence[Capture]) -> tuple[CaptureIssue, ...]:
    return tuple(
        replace(fault, detail=f"window {number}: {fault.detail}")
        for number, capture in enumerate(captures, 1)
        for fault in capture.faults
    )


def _named_lines(
    captures: Sequence[Capture], lines: Callable[[Capture], Sequence[str]]
) -> tuple[str, ...]:
    return tuple(
        f"window {number}: {line}"
        for number, capture in enumerate(captures, 1)
        for line in lines(capture)
    )
