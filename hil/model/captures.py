"""A capture as it was planned and as it was decoded: immutable records without behaviour.

Arrays in records are one-dimensional ``int64`` unless said otherwise. Board times are *unwrapped*
``ticks_us`` values in microseconds of the board's own clock, host times are monotonic nanoseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hil.model.codec import StoredRecord

if TYPE_CHECKING:
    from typing import Literal

    from hil.model.board import BoardIdentity

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]
else:  # a run plans its captures and opens its board before it needs numpy
    FloatArray = Any
    IntArray = Any


def _no_values() -> IntArray:
    import numpy as np

    return np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class TaskPlan(StoredRecord):
    """One periodic task as it was asked for."""

    index: int
    period_us: int
    phase_us: int = 0


@dataclass(frozen=True, slots=True)
class CapturePlan(StoredRecord):
    """One capture as it was asked for."""

    technique: str
    load: str
    tasks: tuple[TaskPlan, ...]
    duration_us: int
    streaming: bool = False
    options: Mapping[str, int | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CaptureIssue:
    """Something on the way from the board that was not as it should be, with its place.

    ``kind`` is one of ``damaged`` (checksum or shape), ``missing`` (a gap in the sequence),
    ``duplicate``, ``truncated`` (the stream ended inside a frame), ``wrap`` (tick unwrapping is
    ambiguous), ``clock`` (the board's clock can't be trusted), ``clock_jump`` (what is
    known to be wrong with this board's clock happened, and was corrected), ``agent`` (the agent
    reported an error).
    """

    kind: str
    detail: str
    offset: int = -1


@dataclass(frozen=True, slots=True)
class Gap:
    """Stamps that the wire lost: ``count`` of them are missing before ``values[position]``."""

    position: int
    count: int


@dataclass(frozen=True, slots=True)
class Track:
    """The activations of one periodic task against the grid that it was asked for.

    Activation ``k`` was intended at ``origin_us + k * period_us`` for ``k = 0, 1, …`` up to
    ``end_us``; ``origin_us`` is an unwrapped board time and already contains the phase.
    ``releases`` gives the grid index ``k`` that each stamp belongs to where the agent knows it
    (a sequence number taken at the source), else ``None``.
    """

    index: int
    period_us: float
    origin_us: int
    end_us: int
    stamps_us: IntArray
    dropped: int = 0
    gaps: tuple[Gap, ...] = ()
    releases: IntArray | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """A short series of activations taken after the window, its track on a base of its own.

    ``method`` names what was varied, for example ``callback/closure``.
    """

    method: str
    track: Track


@dataclass(frozen=True, slots=True)
class EventSet:
    """Interrupt events of one kind: ``handler_us[i]`` answers ``stimulus_us[i]``.

    Lost events are left out of both arrays and counted in ``lost``. ``method`` names how the
    stimulus was timed and which kind of handler ran, for example ``loopback/hard``;
    ``stage`` is ``isr`` (stimulus to handler) or ``defer`` (handler to deferred code). Where a
    stamp was taken between the two its cost is part of the difference (``stamped``).
    """

    stage: Literal["isr", "defer"]
    method: str
    stimulus_us: IntArray
    handler_us: IntArray
    lost: int = 0
    stamped: bool = True


@dataclass(frozen=True, slots=True)
class Pings:
    """Clock exchanges: host sent, board received and answered, host received.

    ``host_tx_ns`` and ``host_rx_ns`` are monotonic host times, ``board_rx_us`` and
    ``board_tx_us`` unwrapped board times; all four have one entry per exchange.
    """

    host_tx_ns: IntArray
    board_rx_us: IntArray
    board_tx_us: IntArray
    host_rx_ns: IntArray


@dataclass(frozen=True, slots=True)
class Calibration:
    """The instrument's own cost on this board, from back-to-back measurements (all int64 us).

    ``read_us``: intervals over ``read_batch`` clock reads; ``stamp_us``: intervals over
    ``stamp_batch`` full stamps; ``step_us``: smallest non-zero steps seen on the clock.
    ``full_us`` and ``minimal_us``, taken in turn: the same loop of ``loop_batch`` activations, all
    of them stamped and only the first and the last.
    """

    read_us: IntArray
    read_batch: int
    stamp_us: IntArray
    stamp_batch: int
    step_us: IntArray
    full_us: IntArray = field(default_factory=_no_values)
    minimal_us: IntArray = field(default_factory=_no_values)
    loop_batch: int = 1


@dataclass(frozen=True, slots=True)
class Capture:
    """One finished capture, decoded: everything the analysis needs, nothing it must fetch."""

    board: BoardIdentity
    plan: CapturePlan
    tracks: tuple[Track, ...] = ()
    events: tuple[EventSet, ...] = ()
    pings: Pings | None = None
    calibration: Calibration | None = None
    counters: Mapping[str, int] = field(default_factory=dict)
    faults: tuple[CaptureIssue, ...] = ()
    log: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    values: Mapping[str, IntArray] = field(default_factory=dict)
    """Channels of plain numbers by name, as the agent took them (not the calibration's)."""
    series: tuple[Series, ...] = ()

    @property
    def case(self) -> tuple[str, str, str]:
        """Board, technique and load."""
        return (self.board.name, self.plan.technique, self.plan.load)


CALIBRATE = "calibrate"
