"""The activations that an instrument saw, as tracks in board time beside the board's own.

Each window has an alignment of its own; its edges are moved to board time by that and by nothing
else. The windows of a case are then put together on the grid of the board's own joined track, so
that lateness and releases mean the same for both.

Where the instrument lost edges there is a gap, as where the wire lost stamps: nothing is said of
the releases in it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.edge_alignment import align
from hil.model.captures import Gap, LaterWindow
from hil.model.edges import task_line
from hil.model.techniques import is_queued

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.analysis.activations import BoolArray
    from hil.analysis.edge_alignment import Alignment
    from hil.model.captures import Capture, FloatArray, IntArray, StampArray, Track
    from hil.model.edges import EdgeLine, EdgeRecording


@dataclass(frozen=True, slots=True)
class AlignedWindow:
    """What one instrument saw of one window, window ``number`` of those of its case, from 0 on."""

    number: int
    window: Capture
    recording: EdgeRecording
    alignment: Alignment

    @property
    def usable(self) -> bool:
        """Whether figures may be computed of it."""
        return self.alignment.verdict == "aligned"

    @property
    def resolution_us(self) -> float:
        """The least step between two times of the instrument."""
        return self.recording.resolution_ns / 1000.0

    def board_us(self, line: EdgeLine) -> FloatArray:
        """The edges of a line in board time, (n,) us."""
        return self.alignment.board_us(line.times_ns)

    @property
    def offset_error_us(self) -> float:
        """How far an edge's board time may be off, anywhere in the window; may be infinite."""
        alignment = self.alignment
        return max(
            alignment.offset_hi_us - alignment.offset_us,
            alignment.offset_us - alignment.offset_lo_us,
        )

    @property
    def rate_error_ppm(self) -> float:
        """How far the rate of the instrument's time against the board's may be off."""
        alignment = self.alignment
        return max(alignment.ppm_hi - alignment.ppm, alignment.ppm - alignment.ppm_lo)


def align_windows(capture: Capture) -> dict[str, tuple[AlignedWindow, ...]]:
    """Every recording of a capture with its alignment, by instrument, in the order of windows."""
    by_instrument: dict[str, list[AlignedWindow]] = {}
    for number, window in enumerate(capture.windows or (capture,)):
        for recording in window.edges:
            aligned = AlignedWindow(number, window, recording, align(recording, window))
            by_instrument.setdefault(recording.instrument, []).append(aligned)
    return {instrument: tuple(windows) for instrument, windows in by_instrument.items()}


@dataclass(frozen=True, slots=True)
class WindowEdges:
    """The activations of one task's pin in one window, in board time.

    ``times_us`` (n,) float64; ``stamps`` (n,) int64 the index of each one's stamp in ``track``, the
    window's own, -1 for none. ``short`` counts pulses shorter than the instrument's sample period,
    which it can't see.
    """

    aligned: AlignedWindow
    track: Track
    times_us: FloatArray
    stamps: IntArray
    gaps: tuple[Gap, ...]
    short: int

    def delays_us(self, tick_us: float) -> FloatArray:
        """From each stamp to its edge, (pairs,) us; a stamp is half a step behind in the mean."""
        paired = self.stamps >= 0
        stamps = self.track.stamps_us[self.stamps[paired]]
        delays: FloatArray = self.times_us[paired] - stamps - tick_us / 2.0
        return delays


@dataclass(frozen=True, slots=True)
class EdgeTrack:
    """One task as an instrument saw it, in all windows that could be aligned."""

    track: Track
    windows: tuple[WindowEdges, ...]


def edge_tracks(capture: Capture, windows: Sequence[AlignedWindow]) -> tuple[EdgeTrack, ...]:
    """A track for every task whose line one instrument watches; ``windows`` are its windows.

    Tasks whose pin it does not watch, and windows that could not be aligned, are left out.
    """
    usable = [aligned for aligned in windows if aligned.usable]
    tracks = []
    for track in capture.tracks:
        parts = [part for aligned in usable if (part := _window_edges(capture, aligned, track))]
        if parts:
            tracks.append(EdgeTrack(_joined(track, parts), tuple(parts)))
    return tuple(tracks)


def pace_track(
    capture: Capture, windows: Sequence[AlignedWindow], name: str, parts: int
) -> Track | None:
    """The rising edges of a line that sets the pace: ``parts`` of them in a period of task 0.

    One of them is where task 0 is due. ``None`` where no window has the line, or no task.
    """
    of_task = next((track for track in capture.tracks if track.index == 0), None)
    if of_task is None:
        return None
    whole = _divided(of_task, parts)
    parts_seen = []
    for aligned in windows:
        line = aligned.recording.line(name)
        own = next((track for track in aligned.window.tracks if track.index == 0), None)
        if line is None or own is None or not aligned.usable:
            continue
        own = _divided(own, parts)
        times_us = aligned.board_us(line)[line.levels == 1]
        first_us = own.origin_us - own.period_us / 2.0
        lost = _lost_us(aligned, own)
        keep = (times_us >= first_us) & (times_us <= own.end_us)
        for begin, end in lost:
            keep &= (times_us <= begin) | (times_us >= end)
        times_us = times_us[keep]
        gaps = _gaps(own, times_us, lost, own.stamps_us[:0], queued=True)
        unstamped = np.full(times_us.size, -1, np.int64)
        parts_seen.append(WindowEdges(aligned, own, times_us, unstamped, gaps, 0))
    return _joined(whole, parts_seen) if parts_seen else None


def _divided(track: Track, parts: int) -> Track:
    """The same windows on a grid of a shorter period."""
    later = tuple(replace(w, release=w.release * parts) for w in track.later_windows)
    return replace(track, period_us=track.period_us / parts, later_windows=later)


def all_edge_tracks(capture: Capture) -> tuple[Track, ...]:
    """The tracks of every instrument, for pictures and exports."""
    return tuple(
        edges.track
        for windows in align_windows(capture).values()
        for edges in edge_tracks(capture, windows)
    )


def _window_edges(capture: Capture, aligned: AlignedWindow, joined: Track) -> WindowEdges | None:
    name = task_line(joined.index)
    line, match = aligned.recording.line(name), aligned.alignment.line(name)
    own = next((track for track in aligned.window.tracks if track.index == joined.index), None)
    if line is None or match is None or not match.valid or own is None:
        return None
    times_us = aligned.alignment.board_us(line.times_ns[match.edges])
    lost = _lost_us(aligned, own)
    # an edge without a stamp is an activation of the window only inside it
    keep = (match.stamps >= 0) | ((times_us >= own.origin_us) & (times_us <= own.end_us))
    for begin, end in lost:
        keep &= (times_us <= begin) | (times_us >= end)
    times_us, stamps = times_us[keep], match.stamps[keep]
    alone = np.ones(own.stamps_us.size, np.bool_)
    alone[stamps[stamps >= 0]] = False
    unseen = _unseen_pulses(aligned, own, alone)
    queued = is_queued(capture.plan.technique, None) and not own.in_order and not own.numbered
    gaps = _gaps(own, times_us, (*lost, *unseen), own.stamps_us[alone], queued=queued)
    return WindowEdges(aligned, own, times_us, stamps, gaps, len(unseen))


def _lost_us(aligned: AlignedWindow, track: Track) -> list[tuple[float, float]]:
    """Where the instrument did not see everything of a window, in board time, in order."""
    recording, alignment = aligned.recording, aligned.alignment
    low, high = float(track.origin_us), float(track.end_us)
    begun, ended = alignment.board_us(np.array([recording.start_ns, recording.end_ns])).tolist()
    spans = [(low, begun)] if begun > low else []
    for lost in alignment.lost:
        begin, end = alignment.board_us(np.array([lost.start_ns, lost.end_ns])).tolist()
        if end > low and begin < high:
            spans.append((max(begin, low), min(end, high)))
    if ended < high:
        spans.append((ended, high))
    return sorted(spans)


def _unseen_pulses(
    aligned: AlignedWindow, track: Track, alone: BoolArray
) -> list[tuple[float, float]]:
    """Pulses shorter than a sample: two stamps closer together than that, and no edge of either.

    ``alone``: which of the window's stamps have no edge.
    """
    stamps = track.stamps_us
    near = np.diff(stamps) < aligned.resolution_us
    at = np.flatnonzero(near & alone[:-1] & alone[1:])
    return [(float(stamps[i]), float(stamps[i + 1])) for i in at.tolist()]


def _gaps(
    track: Track,
    times_us: FloatArray,
    lost: Sequence[tuple[float, float]],
    alone_us: StampArray,
    *,
    queued: bool,
) -> tuple[Gap, ...]:
    """How many activations are missing where; ``alone_us``: the stamps that have no edge.

    Of a task whose n-th activation answers the n-th release, as many as it stamped there. Of any
    other, as many as releases passed: one that was missed just there can't be told from one that
    was not seen.
    """
    counts: dict[int, int] = {}
    for begin, end in lost:
        position = int(np.searchsorted(times_us, (begin + end) / 2.0))
        before = float(times_us[position - 1]) if position else track.origin_us - track.period_us
        after = float(times_us[position]) if position < times_us.size else float(track.end_us)
        stamped = int(np.count_nonzero((alone_us > before) & (alone_us < after)))
        passed = round((after - before) / track.period_us) - 1
        counts[position] = max(counts.get(position, 0), max(0, passed) if queued else stamped)
    return tuple(Gap(position, count) for position, count in sorted(counts.items()) if count)


def _joined(track: Track, parts: Sequence[WindowEdges]) -> Track:
    """The windows of one task on the grid of the board's joined track."""
    releases = [0, *(window.release for window in track.later_windows)]
    ends_us = track.window_ends_us if track.later_windows else (track.end_us,)
    numbers = [part.aligned.number if track.later_windows else 0 for part in parts]
    first = releases[numbers[0]]
    origin_us = track.origin_us + round(first * track.period_us)
    times, gaps, later = [], [], []
    position = lost_before = 0
    for part, number in zip(parts, numbers, strict=True):
        due_us = track.origin_us + round(releases[number] * track.period_us)
        times.append(part.times_us + (due_us - part.track.origin_us))
        if part is not parts[0]:
            later.append(LaterWindow(position, releases[number] - first, lost_before))
        gaps += [Gap(gap.position + position, gap.count) for gap in part.gaps]
        size = int(part.times_us.size)
        lost_before = sum(gap.count for gap in part.gaps if gap.position >= size)
        position += size
    own_ends = tuple(ends_us[number] for number in numbers)
    return replace(
        track,
        origin_us=origin_us,
        end_us=own_ends[-1],
        stamps_us=np.concatenate(times),
        dropped=0,
        gaps=tuple(gaps),
        releases=None,
        source=parts[0].aligned.recording.instrument,
        later_windows=tuple(later),
        window_ends_us=own_ends if later else (),
    )
