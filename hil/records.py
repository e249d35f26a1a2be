"""What is passed between the layers: immutable records, one direction, no behaviour.

Arrays in records are one-dimensional ``int64`` unless said otherwise. Board times are *unwrapped*
``ticks_us`` values in microseconds of the board's own clock, host times are monotonic nanoseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from hil.model.codec import ABSENT, StoredRecord

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    IntArray = NDArray[np.int64]
else:  # a run plans its captures and opens its board before it needs numpy
    IntArray = Any
Clock = Literal["real", "virtual"]
Source = Literal["hardware", "emulator", "sim", "replay"]
Verdict = Literal["pass", "fail", "undecided", "none"]


def _no_values() -> IntArray:
    import numpy as np

    return np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Temperature(StoredRecord):
    """A board's own temperature before and after a run, in degrees Celsius."""

    before: float | None = None
    after: float | None = None


@dataclass(frozen=True, slots=True)
class BoardIdentity(StoredRecord):
    """What a board says of itself; absent facts are ``None``, never zero."""

    name: str
    port: str
    source: Source
    platform: str
    machine: str
    micropython: str
    tick_period: int
    cpu_hz: int | None = None
    unique_id: str | None = None
    tick_resolution_us: float | None = None
    stamp_cost_us: float | None = None
    free_bytes: int | None = field(default=None, metadata=ABSENT)
    capabilities: tuple[str, ...] = ()
    clock_jump_us: int | None = field(default=None, metadata=ABSENT)
    """The board's clock is known to be off by this much in single readings."""
    clock: Clock = "real"
    """Whether the board's time passes by itself, or is a number (the embedded board's may be)."""
    temperature_c: Temperature | None = field(default=None, metadata=ABSENT)


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
class Fault:
    """Something on the way from the board that was not as it should be, with its place.

    ``kind`` is one of ``damaged`` (checksum or shape), ``missing`` (a gap in the sequence),
    ``duplicate``, ``truncated`` (the stream ended inside a frame), ``wrap`` (tick unwrapping is
    ambiguous), ``clock`` (the board's clock can't be trusted), ``clock_jump`` (what is
    known to be wrong with this board's clock happened, and was put right), ``agent`` (the agent
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
    faults: tuple[Fault, ...] = ()
    log: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    values: Mapping[str, IntArray] = field(default_factory=dict)
    """Channels of plain numbers by name, as the agent took them (not the calibration's)."""
    series: tuple[Series, ...] = ()


@dataclass(frozen=True, slots=True)
class UncertaintyPart(StoredRecord):
    """One entry of a figure's uncertainty budget (JCGM 100:2008, 4.2 and 4.3), in microseconds.

    Type ``A`` was evaluated from repeated observations, ``B`` from other knowledge.
    """

    what: str
    type: Literal["A", "B"]
    us: float


@dataclass(frozen=True, slots=True)
class Measurement(StoredRecord):
    """One figure with its bounds; a figure that could not be measured has no record at all.

    ``lo`` and ``hi`` bound ``value`` at ``confidence``; both are ``None`` where no bound can be
    given, and ``no_bounds`` then says why (``note`` where the figure was stored before there was
    ``no_bounds``). ``note`` is what to keep in mind. ``where_us`` is the board time of the worst
    activation, from the start of the window, for metrics that have one. ``source`` is ``board``
    for the board's own stamps, else the instrument. ``n_effective`` is the number of independent
    samples that ``n`` correlated ones are worth for the bounds. ``windows`` are figures of parts of
    the capture as plain JSON objects.
    """

    board: str
    technique: str
    load: str
    task: int | None
    metric: str
    unit: str
    value: float
    lo: float | None
    hi: float | None
    n: int
    confidence: float = 0.95
    method: str | None = field(default=None, metadata=ABSENT)
    note: str | None = field(default=None, metadata=ABSENT)
    where_us: float | None = field(default=None, metadata=ABSENT)
    budget: float | None = None
    verdict: Verdict = "none"
    source: str = "board"
    n_effective: float | None = field(default=None, metadata=ABSENT)
    windows: tuple[Mapping[str, Any], ...] = field(default=(), hash=False, metadata=ABSENT)
    no_bounds: str | None = field(default=None, metadata=ABSENT)
    uncertainty: tuple[UncertaintyPart, ...] = field(default=(), metadata=ABSENT)

    @property
    def remarks(self) -> str | None:
        """What to keep in mind, and why there are no bounds."""
        return "; ".join(filter(None, (self.note, self.no_bounds))) or None


@dataclass(frozen=True, slots=True)
class Skip(StoredRecord):
    """A combination that this board can't run, with the reason a person can act on."""

    board: str
    technique: str
    load: str
    reason: str


@dataclass(frozen=True, slots=True)
class ErrorRecord(StoredRecord):
    """A combination with no trustworthy measurement; ``detail`` may be the board's traceback."""

    board: str
    technique: str
    load: str
    error: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class HostClock(StoredRecord):
    """How the host's clock is kept, and how far its rate may be off, in parts per million."""

    sync: str
    error_ppm: float | None = None


@dataclass(frozen=True, slots=True)
class RunInfo(StoredRecord):
    """The ``run`` object of ``results.json``.

    ``hashes`` are the SHA-256 digests (hexadecimal) of the files that the figures were computed
    from, by their paths in the run's folder.
    """

    id: str
    started_utc: str
    duration_s: float
    profile: str
    harness_version: str
    host: str
    source: Source
    host_clock: HostClock | None = field(default=None, metadata=ABSENT)
    hashes: Mapping[str, str] = field(default_factory=dict, hash=False, metadata=ABSENT)
