"""An instrument's time and the board's brought together by the edges that both know of."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from hil.analysis.channel_faults import check_channels
from hil.analysis.clock import instrument
from hil.analysis.clock_line import FeasibleLines, feasible_lines
from hil.analysis.edge_rate import rate_bounds
from hil.analysis.line_faults import LineCheck, check_line, longest_delay_us
from hil.analysis.recording_faults import ODD_RATE_PPM, recording_findings
from hil.analysis.sync_moments import Frame, pair_moments, sync_lines
from hil.analysis.sync_search import MOST_PPM, find_windows
from hil.analysis.task_rhythm import find_rhythm
from hil.analysis.time_faults import check_times
from hil.model.captures import no_values
from hil.model.edges import EdgeFinding, LostInterval, task_line

if TYPE_CHECKING:
    from hil.analysis.sync_search import SyncMatch
    from hil.model.captures import Capture, FloatArray, IntArray
    from hil.model.edges import EdgeRecording

AlignmentVerdict = Literal["aligned", "ambiguous", "no match", "invalid"]


@dataclass(frozen=True, slots=True)
class LineMatch:
    """The edges of one line against the stamps of its task.

    ``edges`` are the indices, in the recording's line, of the edges that are activations: those
    with a stamp, and those without that may be real (an activation whose stamp was lost); glitches,
    duplicates and the trailing edges of pulses are not among them. ``stamps`` (same shape) has for
    each the index of its stamp in the task's track, -1 for none. Both in order of time.
    ``missing`` stamps have no edge; ``valid`` is false where nothing may be computed of this line.
    """

    name: str
    edges: IntArray = field(default_factory=no_values)
    stamps: IntArray = field(default_factory=no_values)
    missing: int = 0
    valid: bool = True


@dataclass(frozen=True, slots=True)
class Alignment:
    """How the instrument's time follows from the board's, and how well that is known.

    At board time ``b`` (unwrapped us) the instrument shows
    ``offset_us + b + ppm * 1e-6 * (b - reference_us)`` microseconds. The truth is
    ``offset_us + b + ppm * 1e-6 * (b - reference_us) + e`` with ``offset_lo_us <= offset_us + e <=
    offset_hi_us`` anywhere from the first to the last edge that was matched; the ends are infinite
    where only the task edges themselves were matched, which tell nothing of the offset (then
    ``pin_delay`` and lateness can't be had, intervals can). ``ppm_lo`` to ``ppm_hi`` hold the true
    rate. ``matched`` edges have a stamp, of ``unmatched`` edges the board knows nothing;
    ``residual_us`` is the root mean square of what is left between the two about each line's own
    mean. Unless ``verdict`` is ``aligned`` nothing may be computed with it, and ``reason`` says in
    a sentence why. ``lost`` are all the intervals in which the edges of some line can't be relied
    on: the recording's own and those that were found; ``lines`` are the tasks' lines.
    ``scatter_us`` is the most that the standard deviation of edges about their stamps can be beside
    the two clocks' steps: the pin's delay varies, or the instrument's time, and nothing tells
    which; it belongs into the budget of jitter by edges, as a part of Type B. ``unseen_us`` is the
    largest error of a single edge that the stamps would not have shown.
    """

    instrument: str
    verdict: AlignmentVerdict
    reason: str = ""
    offset_us: float = 0.0
    offset_lo_us: float = -math.inf
    offset_hi_us: float = math.inf
    ppm: float = 0.0
    ppm_lo: float = -math.inf
    ppm_hi: float = math.inf
    reference_us: float = 0.0
    matched: int = 0
    unmatched: int = 0
    residual_us: float = 0.0
    lines: tuple[LineMatch, ...] = ()
    findings: tuple[EdgeFinding, ...] = ()
    lost: tuple[LostInterval, ...] = ()
    scatter_us: float = 0.0
    unseen_us: float = 0.0

    def board_us(self, times_ns: IntArray) -> FloatArray:
        """The instrument's times, (n,) ns, in unwrapped board time, (n,) us."""
        rate = self.ppm * 1e-6
        shifted: FloatArray = times_ns / 1000.0 - self.offset_us + rate * self.reference_us
        return shifted / (1.0 + rate)

    def line(self, name: str) -> LineMatch | None:
        """The match of this line, ``None`` where it has none."""
        return next((line for line in self.lines if line.name == name), None)


_DENSE_PAIRS = 20
_RHYTHM_RATE = 1e-4


def align(recording: EdgeRecording, capture: Capture) -> Alignment:
    """Align one window's recording with the board's stamps in ``capture``, the same window."""
    sync = capture.sync
    faults = recording_findings(recording)
    step = instrument(capture).tick_us
    if sync is None:
        return _without_sync(recording, capture, step, faults)
    matches = find_windows(recording, sync, step)
    if not matches:
        watched = recording.line(sync.line)
        what = (
            f"the instrument has no line {sync.line}"
            if watched is None
            else f"none of its lines has the board's sync pattern, which was made on {sync.line}"
        )
        return _refused(recording, "no match", f"{what}: check channels and wiring", faults)
    if len(matches) > 1:
        text = f"the sync pattern fits at {len(matches)} positions of the recording equally well"
        return _refused(recording, "ambiguous", text, faults)
    match = matches[0]
    if match.scale != 1.0:
        text = (
            f"the sync pattern is there, but the recording's times run {match.scale:.4g} times as "
            "fast as the board's clock: its sample rate is wrong, or the board's clock is"
        )
        faults = (*faults, EdgeFinding("rate", text, "recording", match.line))
        return _refused(recording, "invalid", text, faults)
    if match.line != sync.line:
        text = (
            f"the sync pattern of {sync.line} came on the channel named {match.line}: "
            "channels are swapped"
        )
        faults = (*faults, EdgeFinding("swapped", text, "recording", match.line))
        return _refused(recording, "invalid", text, faults)
    return _by_sync(recording, capture, match, step, faults)


def _refused(
    recording: EdgeRecording,
    verdict: AlignmentVerdict,
    reason: str,
    findings: tuple[EdgeFinding, ...],
) -> Alignment:
    return Alignment(
        recording.instrument, verdict, reason, findings=findings, lost=tuple(recording.lost)
    )


def _by_sync(
    recording: EdgeRecording,
    capture: Capture,
    match: SyncMatch,
    step: float,
    faults: tuple[EdgeFinding, ...],
) -> Alignment:
    sync = capture.sync
    assert sync is not None
    known = sync.before_us[match.present]
    middle_us = (int(known[0]) + int(known[-1])) // 2
    frame = Frame.of(middle_us, (match.start_ns + match.end_ns) // 2, recording, step)
    lines, moments, findings = sync_lines(frame, match, sync)
    if lines is None:
        text = "the sync edges lie outside the board's clock readings around them: no line fits"
        return _refused(recording, "invalid", text, faults)
    faults = (*faults, *findings)
    offset, rate = lines.centre(float(np.mean(lines.rates)))
    pairs = pair_moments(recording, capture, frame, offset, rate)
    if pairs is not None:
        both = feasible_lines(moments.and_(pairs), MOST_PPM * 1e-6)
        if both is None or both.removed > lines.removed:
            text = "the virtual board's own pairs of times contradict the sync edges"
            return _refused(recording, "invalid", text, faults)
        lines = both
    return _finished(recording, capture, frame, lines, faults)


def _without_sync(
    recording: EdgeRecording, capture: Capture, step: float, faults: tuple[EdgeFinding, ...]
) -> Alignment:
    """By the pairs of a virtual board, else by what is irregular in the task edges."""
    stamps = [track.stamps_us for track in capture.tracks if track.stamps_us.size]
    if not stamps:
        return _refused(recording, "no match", "the board made no sync pattern", faults)
    middle_us = (int(min(s[0] for s in stamps)) + int(max(s[-1] for s in stamps))) // 2
    if min(recording.board_us.size, recording.seen_ns.size) > 1:
        period = capture.board.tick_period
        seen = int(recording.seen_ns[0])
        ticks = int(recording.board_us[0])
        nearest_us = ticks + round((middle_us - ticks) / period) * period
        frame = Frame.of(nearest_us, seen, recording, step)
        pairs = pair_moments(recording, capture, frame, 0.0, 0.0)
        lines = None if pairs is None else feasible_lines(pairs, MOST_PPM * 1e-6)
        if lines is None:
            text = "the virtual board's own pairs of times contradict each other"
            return _refused(recording, "invalid", text, faults)
        return _finished(recording, capture, frame, lines, faults)
    frame = Frame.of(middle_us, (recording.start_ns + recording.end_ns) // 2, recording, step)
    tasks = [
        (frame.own(line.times_ns), frame.board(track.stamps_us))
        for track in capture.tracks
        if (line := recording.line(task_line(track.index))) is not None
    ]
    rhythm = find_rhythm(tasks, frame.step_us + 2.0 * frame.own_us)
    if rhythm is None or not math.isfinite(rhythm.left_us):
        text = "the board made no sync pattern, and no task's edges fit its stamps"
        return _refused(recording, "no match", text, faults)
    if not rhythm.unique:
        text = (
            "the board made no sync pattern, and its tasks are so regular that their edges fit at "
            "several positions: make a sync pattern"
        )
        return _refused(recording, "ambiguous", text, faults)
    offset = rhythm.offset_us - rhythm.rate * rhythm.at_us
    rates = rhythm.rate - _RHYTHM_RATE, rhythm.rate + _RHYTHM_RATE
    corners = np.array([(offset + shift, rate) for rate in rates for shift in (-1.0, 1.0)])
    return _finished(recording, capture, frame, FeasibleLines(corners), faults, rhythm=True)


def _finished(
    recording: EdgeRecording,
    capture: Capture,
    frame: Frame,
    lines: FeasibleLines,
    faults: tuple[EdgeFinding, ...],
    *,
    rhythm: bool = False,
) -> Alignment:
    """With the position known: rate and offset, every edge to its stamp, and what is wrong.

    ``rhythm``: the position comes of the task edges, and nothing bounds the offset.
    """
    offset, rate = (float(value) for value in lines.corners.mean(axis=0))
    checks = _checks(recording, capture, frame, lines, offset, rate)
    low, fitted, high, faults = rate_bounds(checks, frame, lines, faults)
    narrowed = lines.within(low, high) or lines
    offset, rate = narrowed.centre(fitted)
    checks = _checks(recording, capture, frame, narrowed, offset, rate)
    ends = _ends(capture, frame)
    below, above = narrowed.errors(offset, rate, ends)
    times = check_times(checks, frame.step_us, 2.0 * frame.own_us)
    channels, checks = check_channels(
        checks,
        recording,
        capture,
        {line.name: (frame.own(line.times_ns) - offset) / (1.0 + rate) for line in recording.lines},
        {task_line(track.index): frame.board(track.stamps_us) for track in capture.tracks},
        math.inf if rhythm else max(-below, above),
        frame.step_us + 2.0 * frame.own_us,
        longest_delay_us(_slow_us(capture)),
    )
    jumped = {finding.line for finding in times.findings if finding.severity == "line"}
    checks = [replace(each, valid=each.valid and each.name not in jumped) for each in checks]
    of_lines = (finding for check in checks for finding in check.findings)
    findings = (*faults, *times.findings, *channels, *of_lines)
    if low * 1e6 > ODD_RATE_PPM or high * 1e6 < -ODD_RATE_PPM:
        text = (
            f"the instrument's clock runs {rate * 1e6:+.0f} ppm against the board's: its sample "
            "rate is wrong, or the board's clock is"
        )
        findings = (*findings, EdgeFinding("rate", text, "note"))
    span = float(np.ptp(ends)) or 1.0
    low, high = (end + side * 2.0 * times.bend_us / span for end, side in ((low, -1), (high, 1)))
    bend = times.bend_us
    if min(recording.board_us.size, recording.seen_ns.size) < _DENSE_PAIRS:
        bend = max(bend, times.hidden_bend_us)
    below, above = (-math.inf, math.inf) if rhythm else (below - bend, above + bend)
    spoiled = [finding for finding in findings if finding.severity == "recording"]
    lost = (*recording.lost, *(interval for check in checks for interval in check.lost))
    residuals = np.concatenate([check.residual_us for check in checks] or [np.empty(0)])
    base = frame.own_ns / 1000.0 - frame.board_us
    return Alignment(
        recording.instrument,
        "invalid" if spoiled else "aligned",
        spoiled[0].text if spoiled else "",
        base + offset,
        base + offset + below,
        base + offset + above,
        rate * 1e6,
        low * 1e6,
        high * 1e6,
        float(frame.board_us),
        sum(check.matched for check in checks),
        sum(check.unmatched for check in checks),
        float(np.sqrt(np.mean(np.square(residuals)))) if residuals.size else 0.0,
        tuple(
            LineMatch(check.name, check.edges, check.stamps, check.missing, check.valid)
            for check in checks
        ),
        findings,
        lost,
        times.scatter_us,
        times.unseen_us,
    )


def _ends(capture: Capture, frame: Frame) -> FloatArray:
    """The first and last board time of the sync edges and stamps, from the reference on."""
    times = [track.stamps_us for track in capture.tracks]
    if capture.sync is not None:
        times.append(capture.sync.before_us)
    firsts = [int(each[0]) for each in times if each.size]
    lasts = [int(each[-1]) for each in times if each.size]
    return frame.board(np.array([min(firsts), max(lasts)]))


def _slow_us(capture: Capture) -> float:
    """What two readings of the clock and an output between them take."""
    sync = capture.sync
    if sync is None or not sync.before_us.size:
        return math.inf
    return float(np.median(sync.after_us - sync.before_us))


def _checks(
    recording: EdgeRecording,
    capture: Capture,
    frame: Frame,
    lines: FeasibleLines,
    offset: float,
    rate: float,
) -> list[LineCheck]:
    """Every task's line against its stamps."""
    below, above = lines.errors(offset, rate, _ends(capture, frame))
    room = max(-below, above)
    slow = _slow_us(capture)
    checks = []
    for track in capture.tracks:
        line = recording.line(task_line(track.index))
        if line is None:
            continue
        edges_us = (frame.own(line.times_ns) - offset) / (1.0 + rate)
        stamps_us = frame.board(track.stamps_us)
        steps = (room, frame.step_us, slow)
        checks.append(check_line(line, track, edges_us, stamps_us, steps, recording))
    return checks
