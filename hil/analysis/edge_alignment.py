"""An instrument's time and the board's brought together by the edges that both know of."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from hil.model.captures import no_values

if TYPE_CHECKING:
    from hil.model.captures import Capture, FloatArray, IntArray
    from hil.model.edges import EdgeFinding, EdgeRecording, LostInterval

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

    def board_us(self, times_ns: IntArray) -> FloatArray:
        """The instrument's times, (n,) ns, in unwrapped board time, (n,) us."""
        rate = self.ppm * 1e-6
        shifted: FloatArray = times_ns / 1000.0 - self.offset_us + rate * self.reference_us
        return shifted / (1.0 + rate)

    def line(self, name: str) -> LineMatch | None:
        """The match of this line, ``None`` where it has none."""
        return next((line for line in self.lines if line.name == name), None)


def align(recording: EdgeRecording, capture: Capture) -> Alignment:
    """Align one window's recording with the board's stamps in ``capture``, the same window."""
    raise NotImplementedError
