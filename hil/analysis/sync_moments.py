"""Moments that board and instrument both know of: the sync edges, and pairs of a virtual board.

A sync edge lies between the two readings of the board's clock around it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.clock_line import FeasibleLines, Moments, feasible_lines
from hil.analysis.sync_search import MOST_PPM
from hil.model.edges import EdgeFinding

if TYPE_CHECKING:
    from hil.analysis.sync_search import SyncMatch
    from hil.model.captures import Capture, FloatArray, IntArray, StampArray, SyncPattern
    from hil.model.edges import EdgeRecording

_MOST_PAIRS = 1000
_SCATTERED_US = 2.0
_COARSE_US, _HIDDEN = 4.0, 0.1


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

    @classmethod
    def of(cls, board_us: int, own_ns: int, recording: EdgeRecording, step_us: float) -> Frame:
        """With these references; of a step that is no whole number a reading shows less."""
        reading = step_us if float(step_us).is_integer() else step_us + 1.0
        return cls(board_us, own_ns, reading, recording.resolution_ns / 2000.0 + 0.0005)

    def board(self, times_us: StampArray) -> FloatArray:
        """Board times from the reference on."""
        result: FloatArray = (times_us - self.board_us).astype(np.float64)
        return result

    def own(self, times_ns: IntArray) -> FloatArray:
        """The instrument's times from the reference on, in us."""
        result: FloatArray = (times_ns - self.own_ns) / 1000.0
        return result


def sync_lines(
    frame: Frame, match: SyncMatch, sync: SyncPattern
) -> tuple[FeasibleLines | None, Moments, tuple[EdgeFinding, ...]]:
    """The lines that the sync edges allow, ``None`` for none, their moments, and what is wrong."""
    present = match.present
    moments = Moments(
        frame.board(sync.before_us[present]),
        frame.board(sync.after_us[present]) + frame.step_us,
        frame.own(match.earliest_ns[present]) - frame.own_us,
        frame.own(match.latest_ns[present]) + frame.own_us,
    )
    excess = _excess_us(moments, frame.step_us + 2.0 * frame.own_us)
    moments = replace(moments, early=moments.early - excess, late=moments.late + excess)
    lines = feasible_lines(moments, MOST_PPM * 1e-6)
    findings = () if lines is None else _sync_findings(match, lines, excess)
    return lines, moments, findings


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


def pair_moments(
    recording: EdgeRecording, capture: Capture, frame: Frame, offset: float, rate: float
) -> Moments | None:
    """The pairs of a virtual board as moments, unwrapped by a line that is known well enough.

    ``None`` where it gives none.
    """
    count = min(recording.board_us.size, recording.seen_ns.size)
    if not count:
        return None
    chosen = np.unique(np.linspace(0, count - 1, min(count, _MOST_PAIRS)).astype(int))
    seen = frame.own(recording.seen_ns[chosen])
    expected = (seen - offset) / (1.0 + rate)
    period = capture.board.tick_period
    ticks = recording.board_us[chosen] - frame.board_us % period
    board = ticks + np.rint((expected - ticks) / period) * period
    return Moments(board, board + frame.step_us, seen - frame.own_us, seen + frame.own_us)
