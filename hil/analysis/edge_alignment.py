"""An instrument's time and the board's brought together by the edges that both know of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from hil.model.captures import Capture, FloatArray, IntArray
    from hil.model.edges import EdgeRecording

AlignmentVerdict = Literal["aligned", "ambiguous", "no match", "void"]


@dataclass(frozen=True, slots=True)
class Alignment:
    """How the instrument's time follows from the board's, and how well that is known.

    At board time ``b`` (unwrapped us) the instrument shows
    ``offset_us + b + ppm * 1e-6 * (b - reference_us)`` microseconds. ``offset_lo_us`` to
    ``offset_hi_us`` hold the true offset, ``ppm_lo`` to ``ppm_hi`` the true rate. ``matched`` edges
    have a stamp, of ``unmatched`` edges the board knows nothing; ``residual_us`` is the root mean
    square of what is left between the two. Unless ``verdict`` is ``aligned`` nothing may be
    computed with it, and ``reason`` says in a sentence why.
    """

    instrument: str
    verdict: AlignmentVerdict
    reason: str = ""
    offset_us: float = 0.0
    offset_lo_us: float = 0.0
    offset_hi_us: float = 0.0
    ppm: float = 0.0
    ppm_lo: float = 0.0
    ppm_hi: float = 0.0
    reference_us: float = 0.0
    matched: int = 0
    unmatched: int = 0
    residual_us: float = 0.0

    def board_us(self, times_ns: IntArray) -> FloatArray:
        """The instrument's times, (n,) ns, in unwrapped board time, (n,) us."""
        rate = self.ppm * 1e-6
        shifted: FloatArray = times_ns / 1000.0 - self.offset_us + rate * self.reference_us
        return shifted / (1.0 + rate)


def align(recording: EdgeRecording, capture: Capture) -> Alignment:
    """Align one window's recording with the board's stamps in ``capture``, the same window."""
    raise NotImplementedError
