"""One task's line against its stamps: which edges are its activations, and what is wrong with it.

What can be told: two edges in a row to the same level mean that the instrument lost one between
them, or gave one twice. A pulse much shorter than the task's period is a glitch. A stamp without an
edge, after which levels go on as if it had not been, is an activation at which the board did not
switch its pin; an edge without a stamp, after which they do, is one that the board did not record.
Where levels fit both, it can't be told.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.lost_intervals import LostIntervals
from hil.analysis.stamp_matching import match_stamps
from hil.model.edges import EdgeFinding, LostInterval

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from hil.analysis.stamp_matching import StampMatch
    from hil.model.captures import FloatArray, IntArray, Track
    from hil.model.edges import EdgeFindingKind, EdgeLine, EdgeRecording, FindingSeverity

LEAST_MATCHED = 0.5
"""The share of a task's stamps that need an edge for the line to be taken as the task's."""
_SHORT = 0.1  # of the usual distance of stamps: a pulse that no task makes
_SHORT_MOST_US = 200.0
_SLOWEST, _LONGEST_US = 20.0, 100.0  # from stamp to pin, in clock readings with an output
_REGULAR = 0.8  # of the activations have a trailing edge: pulses


@dataclass(frozen=True, slots=True)
class LineCheck:
    """``edges`` and ``stamps`` as in ``LineMatch``; what was matched, in both times.

    ``stamp_us`` (matched,) are the stamps from the reference on, ``times_ns`` their edges in the
    instrument's time, ``residual_us`` what is left between the two about their median.
    """

    name: str
    edges: IntArray
    stamps: IntArray
    missing: int
    valid: bool
    stamp_us: FloatArray
    times_ns: IntArray
    residual_us: FloatArray
    delay_us: float
    findings: tuple[EdgeFinding, ...]
    lost: tuple[LostInterval, ...]

    @property
    def matched(self) -> int:
        """Edges that have a stamp."""
        return int(self.stamp_us.size)

    @property
    def stamped(self) -> int:
        """Stamps of the task."""
        return self.matched + self.missing

    @property
    def unmatched(self) -> int:
        """Edges that may be real and have none."""
        return int(self.edges.size) - self.matched

    def own_minus_board(self, own: Callable[[IntArray], FloatArray]) -> FloatArray:
        """The instrument's time less the board's, (matched,) us."""
        return own(self.times_ns) - self.stamp_us


@dataclass
class _Faults:
    """Counts by kind with the first and last moment, and the intervals that they spoil."""

    counts: dict[EdgeFindingKind, int] = field(default_factory=dict)
    ends: dict[EdgeFindingKind, tuple[int, int]] = field(default_factory=dict)
    lost: list[LostInterval] = field(default_factory=list)

    def add(self, kind: EdgeFindingKind, start: int, end: int, count: int, reason: str) -> None:
        first, last = self.ends.get(kind, (start, end))
        self.counts[kind] = self.counts.get(kind, 0) + count
        self.ends[kind] = (min(first, start), max(last, end))
        if reason:
            self.lost.append(LostInterval(start, end, reason))


_TEXTS: dict[EdgeFindingKind, tuple[str, str, FindingSeverity]] = {
    "lost": ("edge", "{line} lacks {n}, which the instrument lost{doubt}", "interval"),
    "duplicate": ("edge", "{line} has {n} twice: the instrument's fault", "interval"),
    "glitch": ("pulse", "{line} has {n} too short for the board: interference", "interval"),
    "extra": ("edge", "{line} has {n} without a stamp: switched by the board, unrecorded", "note"),
    "board missed": ("activation", "the board stamped {n} and did not switch {line}", "note"),
    "outlier": ("stretch", "{line} has {n} where stamps and edges don't fit", "interval"),
}


def check_line(
    line: EdgeLine,
    track: Track,
    edges_us: FloatArray,
    stamps_us: FloatArray,
    steps_us: tuple[float, float, float],
    recording: EdgeRecording,
) -> LineCheck:
    """Match the edges of a line, at ``edges_us`` in board time, to the stamps of its task.

    ``steps_us``: how far the two times may be off each other, the step of the board's clock, and
    what two readings of it and an output between them take.
    """
    room_us, step_us, slow_us = steps_us
    resolution = step_us + recording.resolution_ns / 1000.0
    match = match_stamps(edges_us, stamps_us, room_us, resolution)
    own = match.stamp >= 0
    matched = np.flatnonzero(own)
    residual = edges_us[own] - stamps_us[match.stamp[own]]
    if residual.size:
        residual = residual - np.median(residual)
    findings: list[EdgeFinding] = []
    lost_before = LostIntervals.of(recording.lost)
    expected = _expected(line, edges_us, stamps_us, match, lost_before)
    missing = int(stamps_us.size - matched.size)
    valid = True
    if stamps_us.size and not _driven(edges_us, stamps_us, room_us):
        text = f"{line.name} has no edges, and the board stamped {stamps_us.size} activations"
        findings.append(EdgeFinding("dead", text, "line", line.name, missing))
        valid = False
    elif matched.size and match.delay_us > longest_delay_us(slow_us) + room_us:
        text = (
            f"the edges of {line.name} come {match.delay_us:.0f} us after its stamps, far longer "
            "than this board takes: another channel"
        )
        findings.append(EdgeFinding("outlier", text, "line", line.name, missing))
        valid = False
    elif expected and matched.size < LEAST_MATCHED * expected:
        text = (
            f"the edges of {line.name} don't follow its stamps ({matched.size} of {expected} do): "
            "another channel, or time jumped"
        )
        findings.append(EdgeFinding("outlier", text, "line", line.name, missing))
        valid = False
    edges, lost = matched, []
    if valid and matched.size:
        faults = _Faults()
        edges = _judge(line, track, edges_us, stamps_us, match, faults, lost_before)
        findings += _told(line, faults)
        lost = faults.lost
    return LineCheck(
        line.name,
        edges,
        match.stamp[edges],
        missing,
        valid,
        stamps_us[match.stamp[own]],
        line.times_ns[own],
        residual,
        match.delay_us,
        tuple(findings),
        tuple(lost),
    )


def longest_delay_us(slow_us: float) -> float:
    """The longest usual delay from a stamp to its pin on a board that takes ``slow_us`` for two
    readings of its clock and an output between them."""
    return _SLOWEST * slow_us + _LONGEST_US


def _driven(edges: FloatArray, stamps: FloatArray, room: float) -> bool:
    first, last = np.searchsorted(edges, (stamps[0] - room, stamps[-1] + room))
    return bool(last - first > 0.02 * stamps.size or stamps.size == 1)


def _expected(
    line: EdgeLine, edges: FloatArray, stamps: FloatArray, match: StampMatch, lost: LostIntervals
) -> int:
    """Stamps whose edge the instrument should have: all but those in the intervals it lost."""
    if not lost.starts_ns.size or not edges.size or not stamps.size:
        return int(stamps.size)
    slope, level = _line_between(line, edges)
    expected = (stamps + match.delay_us - level) / slope
    times = line.times_ns[0] + np.rint(expected).astype(np.int64)
    return int((~lost.hold(times)).sum())


def _line_between(line: EdgeLine, edges: FloatArray) -> tuple[float, float]:
    """Board us per ns, and the board's time of the first edge."""
    span = int(line.times_ns[-1] - line.times_ns[0])
    slope = float(edges[-1] - edges[0]) / span if span else 1e-3
    return slope, float(edges[0])


def _judge(
    line: EdgeLine,
    track: Track,
    edges_us: FloatArray,
    stamps_us: FloatArray,
    match: StampMatch,
    faults: _Faults,
    known: LostIntervals,
) -> IntArray:
    """The edges that are activations; what lies between two matched neighbours is judged."""
    matched = np.flatnonzero(match.stamp >= 0)
    stamp, level, times = match.stamp[matched], line.levels[matched], line.times_ns
    more = np.diff(matched) - 1
    left = np.diff(stamp) - 1
    usual = float(np.median(np.diff(stamps_us))) if stamps_us.size > 1 else 1e4
    short = min(_SHORT * usual, _SHORT_MOST_US)
    pulses = bool(
        matched.size > 2
        and (level == level[0]).all()
        and float((more == 1).mean() if more.size else 0.0) >= _REGULAR
    )
    toggled = np.diff(level) != 0
    lost_stamps = _stamps_lost_behind(track, stamp[:-1])
    same = line.levels[1:] == line.levels[:-1]
    usual_more = 1 if pulses else 0
    fits = (more == usual_more) & (left == 0) & (toggled if not pulses else ~toggled)
    edges = [matched]
    for i in np.flatnonzero(~fits):
        first, last = int(matched[i]), int(matched[i + 1])
        start, end = int(times[first]), int(times[last])
        if known.touch(start, end):
            continue
        between = np.arange(first + 1, last)
        extras, gone = int(more[i]) - usual_more, int(left[i])
        if between.size and extras > 0:
            taken = _extra_edges(
                line, edges_us, between, first, last, short, faults, same, bool(lost_stamps[i])
            )
            edges.append(taken)
            if gone:
                faults.add("outlier", start, end, 1, "stamps and edges don't fit")
            continue
        if gone and not pulses:
            repeated = not toggled[i]
            if gone % 2 == 1 and not repeated:
                faults.add("board missed", start, end, 1, "")
                if gone > 1:
                    faults.lost.append(LostInterval(start, end, "edges are missing"))
            else:
                faults.add("lost", start, end, gone, "edges are missing")
        elif gone:
            faults.add("lost", start, end, gone, "edges are missing")
        elif not lost_stamps[i]:  # neither a stamp nor an edge between them, and the level is wrong
            faults.add("lost", start, end, 1, "an edge is missing")
    _open_ends(line, edges_us, stamps_us, match, faults, known)
    result: IntArray = np.unique(np.concatenate(edges))
    return result


def _extra_edges(
    line: EdgeLine,
    edges_us: FloatArray,
    between: IntArray,
    first: int,
    last: int,
    short: float,
    faults: _Faults,
    same: NDArray[np.bool_],
    lost_stamps: bool,
) -> IntArray:
    """Name what lies between two matched edges; returns those that may be activations."""
    times = line.times_ns
    around = np.concatenate(([first], between, [last]))
    close = np.diff(edges_us[around]) < short
    near = close[:-1] | close[1:]  # of each edge between: its neighbour before or behind
    real = between[~near]
    if near.any():
        group = between[near]
        repeats = int(same[around[:-1]][: between.size + 1].sum())
        kind: EdgeFindingKind = "duplicate" if repeats else "glitch"
        count = group.size if repeats else (group.size + 1) // 2
        start = int(times[group[0] - 1]) if close[0] else int(times[group[0]])
        end = int(times[group[-1] + 1]) if close[-1] else int(times[group[-1]])
        faults.add(kind, start, end, count, "short pulses")
    if real.size and not lost_stamps:
        faults.add("extra", int(times[real[0]]), int(times[real[-1]]), real.size, "")
    return real


def _stamps_lost_behind(track: Track, stamp: IntArray) -> NDArray[np.bool_]:
    """Whether stamps are known to be lost between each stamp and the next."""
    lost = np.zeros(stamp.size, np.bool_)
    for gap in track.gaps:
        lost |= stamp == gap.position - 1
    return lost


def _open_ends(
    line: EdgeLine,
    edges_us: FloatArray,
    stamps_us: FloatArray,
    match: StampMatch,
    faults: _Faults,
    known: LostIntervals,
) -> None:
    """Stamps before the first matched edge and behind the last one have lost theirs."""
    matched = np.flatnonzero(match.stamp >= 0)
    slope, _ = _line_between(line, edges_us)
    for edge, gone, sign in (
        (matched[0], int(match.stamp[matched[0]]), -1),
        (matched[-1], int(stamps_us.size - 1 - match.stamp[matched[-1]]), 1),
    ):
        if not gone:
            continue
        outer = stamps_us[0] if sign < 0 else stamps_us[-1]
        reach = abs(float(outer + match.delay_us - edges_us[edge])) + 1000.0
        at = int(line.times_ns[edge])
        start, end = sorted((at, at + sign * int(reach / slope)))
        if not known.touch(start, end):
            faults.add("lost", start, end, gone, "edges are missing")


def counted(count: int, noun: str) -> str:
    """``1 edge``, ``2 edges``, ``3 stretches``."""
    ending = "" if count == 1 else "es" if noun.endswith("ch") else "s"
    return f"{count} {noun}{ending}"


def _told(line: EdgeLine, faults: _Faults) -> list[EdgeFinding]:
    findings = []
    for kind, count in faults.counts.items():
        noun, text, severity = _TEXTS[kind]
        doubt = "" if count % 2 else ", unless the board did not switch the pin"
        start, end = faults.ends[kind]
        said = text.format(n=counted(count, noun), line=line.name, doubt=doubt)
        findings.append(EdgeFinding(kind, said, severity, line.name, count, start, end))
    return findings
