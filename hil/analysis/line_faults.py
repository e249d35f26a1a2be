"""One task's line against its stamps: which edges are its activations, and what is wrong with it.

What can be told: two edges in a row to the same level mean that the instrument lost one between
them, or gave one twice. A pulse much shorter than the task's own is a glitch. A stamp without an
edge, after which levels go on as if it had not been, is an activation at which the board did not
switch its pin. What remains is the one's fault or the other's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.stamp_matching import match_stamps
from hil.model.edges import EdgeFinding, LostInterval

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.model.captures import FloatArray, IntArray
    from hil.model.edges import EdgeLine, EdgeRecording


@dataclass(frozen=True, slots=True)
class LineCheck:
    """``edges`` and ``stamps`` as in ``LineMatch``; what was matched, in both times.

    ``stamp_us`` (matched,) are the stamps from the reference on, ``times_ns`` their edges in the
    instrument's time, ``residual_us`` what is left between the two about their mean.
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
    def unmatched(self) -> int:
        """Edges that may be real and have none."""
        return int(self.edges.size) - self.matched

    def own_minus_board(self, own: Callable[[IntArray], FloatArray]) -> FloatArray:
        """The instrument's time less the board's, (matched,) us."""
        return own(self.times_ns) - self.stamp_us


def check_line(
    line: EdgeLine,
    edges_us: FloatArray,
    stamps_us: FloatArray,
    room_us: float,
    step_us: float,
    recording: EdgeRecording,
) -> LineCheck:
    """Match the edges of a line, at ``edges_us`` in board time, to the stamps of its task."""
    resolution = step_us + recording.resolution_ns / 1000.0
    match = match_stamps(edges_us, stamps_us, room_us, resolution)
    own = match.stamp >= 0
    residual = edges_us[own] - stamps_us[match.stamp[own]]
    if residual.size:
        residual = residual - residual.mean()
    edges = np.flatnonzero(own)
    inside = np.arange(edges[0], edges[-1] + 1) if edges.size else edges
    missing = int(stamps_us.size - own.sum())
    return LineCheck(
        line.name,
        inside,
        match.stamp[inside],
        missing,
        True,
        stamps_us[match.stamp[own]],
        line.times_ns[own],
        residual,
        match.delay_us,
        (),
        (),
    )
