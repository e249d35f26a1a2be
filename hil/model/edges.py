"""Edges that an instrument outside the board saw, in the instrument's own time: immutable records.

An edge is a level change of one pin. Times are whole nanoseconds of the instrument's clock since
an arbitrary moment, ``int64`` arrays of shape (n,), ascending.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from hil.model.captures import no_values
from hil.model.codec import ABSENT, StoredRecord

if TYPE_CHECKING:
    from hil.model.captures import CaptureIssue, IntArray

SYNC_LINE, LOOP_LINE, RESPONSE_LINE = "sync", "loop", "response"
"""The pin of the sync pattern, the net of the loopback pair, the pin that a handler answers on."""
EDGE_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
"""What a line or an instrument may be called: the names are parts of files' names."""
TASK_LINE = "task{task}"
"""The output of a task."""


def task_line(task: int) -> str:
    """The name of the line that a task toggles."""
    return TASK_LINE.format(task=task)


@dataclass(frozen=True, slots=True)
class EdgeLine:
    """All edges of one line: after edge ``i``, at ``times_ns[i]``, its level is ``levels[i]``.

    ``initial`` is the level before the first edge, ``None`` where that is not known. Two edges in a
    row to the same level are possible where an instrument lost one between them.
    """

    name: str
    times_ns: IntArray
    levels: IntArray
    initial: int | None = None


@dataclass(frozen=True, slots=True)
class LostInterval:
    """From ``start_ns`` to ``end_ns`` the instrument saw not everything, and why."""

    start_ns: int
    end_ns: int
    reason: str


EdgeFindingKind = Literal[
    "rate",
    "step",
    "gap",
    "lost",
    "duplicate",
    "glitch",
    "extra",
    "board missed",
    "swapped",
    "inverted",
    "dead",
    "undriven",
    "order",
    "scatter",
    "outlier",
    "sync",
]
FindingSeverity = Literal["note", "interval", "line", "recording"]
"""What a finding takes away: nothing; the edges of an interval, of a line, of the recording."""


@dataclass(frozen=True, slots=True)
class EdgeFinding(StoredRecord):
    """Something that is wrong with a recording, or with the board as the recording shows it.

    ``text`` is a sentence for the reader. ``line`` is the line it is about, empty for all of them.
    ``count`` is how often it was seen, ``start_ns`` and ``end_ns`` the first and last moment in the
    instrument's time.

    ``rate``: the instrument's rate is wrong; ``step``: its time jumped against the board's;
    ``gap``: it says itself that it lost edges; ``lost``: edges are missing that the board made;
    ``duplicate``: an edge twice; ``glitch``: a pulse that the board can't have made; ``extra``: an
    edge without a stamp; ``board missed``: the board stamped an activation and made no edge;
    ``swapped`` and ``inverted``: channels; ``dead``: a line without edges; ``undriven``: edges on a
    line that nothing drives; ``order``: times that run backwards; ``scatter``: edges scatter about
    the stamps; ``outlier``: single edges far from where the others lie; ``sync``: the sync pattern
    is not whole.
    """

    kind: EdgeFindingKind
    text: str
    severity: FindingSeverity
    line: str = field(default="", metadata=ABSENT)
    count: int = field(default=1, metadata=ABSENT)
    start_ns: int = field(default=0, metadata=ABSENT)
    end_ns: int = field(default=0, metadata=ABSENT)


@dataclass(frozen=True, slots=True)
class EdgeRecording:
    """What one instrument saw during one window, from ``start_ns`` to ``end_ns`` of its time.

    ``instrument`` is the ``source`` of the figures that come of it. ``resolution_ns`` is the least
    step between two of its times (its sample period). ``host_ns`` and ``own_ns`` are pairs of one
    moment in the host's monotonic and the instrument's time, as they were recorded, to check its
    rate by; ``board_us`` and ``seen_ns`` such pairs of the board's ``ticks_us`` (as it counts, not
    unwrapped), which only the virtual boards can give. All four are empty where there are none.
    ``lost`` are intervals in which it lost edges; ``issues`` what was wrong with the recording as
    such, in words.
    """

    instrument: str
    lines: tuple[EdgeLine, ...]
    start_ns: int
    end_ns: int
    resolution_ns: float
    lost: tuple[LostInterval, ...] = ()
    issues: tuple[CaptureIssue, ...] = ()
    host_ns: IntArray = field(default_factory=no_values)
    own_ns: IntArray = field(default_factory=no_values)
    board_us: IntArray = field(default_factory=no_values)
    seen_ns: IntArray = field(default_factory=no_values)

    def line(self, name: str) -> EdgeLine | None:
        """The line of this name, ``None`` where the instrument does not watch it."""
        return next((line for line in self.lines if line.name == name), None)
