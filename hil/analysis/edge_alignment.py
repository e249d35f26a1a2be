"""An instrument's time and the board's brought together by the edges that both know of."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from hil.analysis.channel_faults import check_channels
from hil.analysis.clock import instrument
from hil.analysis.clock_line import FeasibleLines, Moments, feasible_lines
from hil.analysis.line_faults import LineCheck, check_line, longest_delay_us
from hil.analysis.recording_faults import ODD_RATE_PPM, recording_findings
from hil.analysis.sync_search import MOST_PPM, find_windows
from hil.analysis.time_faults import check_times
from hil.analysis.uncertainty.slope import slope_of
from hil.model.captures import no_values
from hil.model.edges import EdgeFinding, LostInterval, task_line

if TYPE_CHECKING:
    from hil.analysis.sync_search import SyncMatch
    from hil.model.captures import Capture, FloatArray, IntArray, StampArray
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


_FEWEST_FOR_RATE = 30
_MOST_PAIRS = 1000
_DENSE_PAIRS = 20
_SCATTERED_US = 2.0
_COARSE_US, _HIDDEN = 4.0, 0.1
_SAFE = 1.6  # 95 % of a fit's bounds to 99.8 %: what they restrict must hold
_TILT = 1.5  # rounding can tilt a fitted line by so many steps over its span


@dataclass(frozen=True, slots=True)
class Frame:
    """Where both times are counted from, so that no digits are lost, and the steps of the clocks.

    ``board_us`` and ``own_ns`` are whole numbers; ``step_us`` is within what a board's reading may
    be late, ``own_us`` half a step of the instrument.
    """

    board_us: int
    own_ns: int
    step_us: float
    own_us: float

    def board(self, times_us: StampArray) -> FloatArray:
        """Board times from the reference on."""
        result: FloatArray = (times_us - self.board_us).astype(np.float64)
        return result

    def own(self, times_ns: IntArray) -> FloatArray:
        """The instrument's times from the reference on, in us."""
        result: FloatArray = (times_ns - self.own_ns) / 1000.0
        return result


def align(recording: EdgeRecording, capture: Capture) -> Alignment:
    """Align one window's recording with the board's stamps in ``capture``, the same window."""
    sync = capture.sync
    faults = recording_findings(recording)
    step = instrument(capture).tick_us
    if sync is None:
        return _refused(recording, "no match", "the board made no sync pattern", faults)
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
    present = match.present
    middle_us = (int(sync.before_us[present][0]) + int(sync.before_us[present][-1])) // 2
    middle_ns = (match.start_ns + match.end_ns) // 2
    reading = step if float(step).is_integer() else step + 1.0
    half = recording.resolution_ns / 2000.0 + 0.0005
    frame = Frame(middle_us, middle_ns, reading, half)
    moments = Moments(
        frame.board(sync.before_us[present]),
        frame.board(sync.after_us[present]) + reading,
        frame.own(match.earliest_ns[present]) - half,
        frame.own(match.latest_ns[present]) + half,
    )
    excess = _excess_us(moments, reading + 2.0 * half)
    moments = replace(moments, early=moments.early - excess, late=moments.late + excess)
    most = MOST_PPM * 1e-6
    lines = feasible_lines(moments, most)
    if lines is None:
        text = "the sync edges lie outside the board's clock readings around them: no line fits"
        return _refused(recording, "invalid", text, faults)
    faults = (*faults, *_sync_findings(match, lines, excess))
    pairs = _pairs(recording, capture, frame, lines)
    if pairs is not None:
        both = feasible_lines(moments.and_(pairs), most)
        if both is None or both.removed > lines.removed:
            text = "the virtual board's own pairs of times contradict the sync edges"
            return _refused(recording, "invalid", text, faults)
        lines = both
    return _finished(recording, capture, frame, lines, faults)


def _excess_us(moments: Moments, steps_us: float) -> float:
    """How far the sync edges scatter between their readings beyond the steps of both clocks.

    Those that nothing came in between lie at much the same position between their readings. On a
    coarse clock these don't tell which they are, so that a few on either side don't count.
    """
    width = moments.high - moments.low
    usual = width <= np.median(width) + steps_us
    board = (moments.low + moments.high) / 2.0
    shift = (moments.early + moments.late) / 2.0 - board
    board, shift = board[usual], shift[usual]
    first, second = np.triu_indices(board.size, 1)
    apart = board[second] - board[first]
    long = apart >= 0.5 * float(np.max(apart, initial=0.0))
    if not long.any():
        return 0.0
    rate = float(np.median((shift[second] - shift[first])[long] / apart[long]))
    left = np.sort(shift - rate * board)
    hidden = round(_HIDDEN * left.size) if steps_us > _COARSE_US else 0
    return max(0.0, float(left[-1 - hidden] - left[hidden]) - steps_us)


def _sync_findings(
    match: SyncMatch, lines: FeasibleLines, excess_us: float
) -> tuple[EdgeFinding, ...]:
    findings: list[EdgeFinding] = []
    missing = match.present.size - match.matched
    bad = match.doubtful + lines.removed
    if missing or bad:
        parts = [f"{missing} missing"] * bool(missing) + [f"{bad} doubtful"] * bool(bad)
        text = f"of {match.present.size} sync edges {', '.join(parts)}; the others bound the offset"
        findings.append(EdgeFinding("sync", text, "note", match.line, missing + bad))
    if excess_us > _SCATTERED_US:
        text = (
            f"the sync edges scatter by {excess_us:.1f} us between the board's readings around "
            "them, more than both clocks' steps: the bounds allow for it"
        )
        findings.append(EdgeFinding("sync", text, "note", match.line))
    if match.inverted:
        text = f"the levels of {match.line} are inverted"
        findings.append(EdgeFinding("inverted", text, "note", match.line))
    return tuple(findings)


def _pairs(
    recording: EdgeRecording, capture: Capture, frame: Frame, lines: FeasibleLines
) -> Moments | None:
    """The pairs of a virtual board as moments, unwrapped by what the sync edges say."""
    count = min(recording.board_us.size, recording.seen_ns.size)
    if not count:
        return None
    chosen = np.unique(np.linspace(0, count - 1, min(count, _MOST_PAIRS)).astype(int))
    seen = frame.own(recording.seen_ns[chosen])
    offset, rate = lines.corners.mean(axis=0)
    expected = (seen - offset) / (1.0 + rate)
    period = capture.board.tick_period
    ticks = recording.board_us[chosen] - frame.board_us % period
    board = ticks + np.rint((expected - ticks) / period) * period
    return Moments(board, board + frame.step_us, seen - frame.own_us, seen + frame.own_us)


def _finished(
    recording: EdgeRecording,
    capture: Capture,
    frame: Frame,
    lines: FeasibleLines,
    faults: tuple[EdgeFinding, ...],
) -> Alignment:
    offset, rate = (float(value) for value in lines.corners.mean(axis=0))
    checks = _checks(recording, capture, frame, lines, offset, rate)
    low, fitted, high, faults = _rate_bounds(checks, frame, lines, faults)
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
        max(-below, above),
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
    below, above = below - bend, above + bend
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


def _rate_bounds(
    checks: list[LineCheck],
    frame: Frame,
    lines: FeasibleLines,
    faults: tuple[EdgeFinding, ...],
) -> tuple[float, float, float, tuple[EdgeFinding, ...]]:
    """The rate by the sync edges and by all matched edges: least, likeliest, most of what both
    allow."""
    low, high = lines.rates
    chosen = [check for check in checks if check.matched >= _FEWEST_FOR_RATE and check.valid]
    if not chosen:
        return low, (low + high) / 2.0, high, faults
    x = np.concatenate([check.stamp_us for check in chosen])
    y = np.concatenate([check.own_minus_board(frame.own) for check in chosen])
    starts = np.cumsum([0, *(check.matched for check in chosen[:-1])]).tolist()
    span = max(float(np.ptp(check.stamp_us)) for check in chosen)
    steps = frame.step_us + 2.0 * frame.own_us
    fit = slope_of(x, y, "stationary", starts, step=steps)
    if fit.lo is None or fit.hi is None:
        return low, (low + high) / 2.0, high, faults
    tilt = _TILT * steps / span
    lower = fit.value - _SAFE * (fit.value - fit.lo) - tilt
    upper = fit.value + _SAFE * (fit.hi - fit.value) + tilt
    if lower > high or upper < low:
        text = (
            f"the rate by the sync edges ({low * 1e6:.2f} to {high * 1e6:.2f} ppm) and by the "
            f"tasks' edges ({lower * 1e6:.2f} to {upper * 1e6:.2f} ppm) contradict each other: "
            "time jumped or changed its rate in the instrument or the board"
        )
        fault = EdgeFinding("step", text, "recording")
        return min(low, lower), fit.value, max(high, upper), (*faults, fault)
    return max(low, lower), fit.value, min(high, upper), faults
