"""A capture as it was planned and as it was decoded: immutable records, and its typed channels.

Arrays in records are one-dimensional ``int64`` unless said otherwise. Board times are *unwrapped*
``ticks_us`` values in microseconds of the board's own clock, host times are monotonic nanoseconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from hil.model.codec import ABSENT, StoredRecord

if TYPE_CHECKING:
    from typing import Self

    from hil.model.board import BoardIdentity
    from hil.model.edges import EdgeRecording
    from hil.model.program_files import ProgramFile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]
    StampArray = IntArray | FloatArray
else:  # a run plans its captures and opens its board before it needs numpy
    FloatArray = Any
    IntArray = Any
    StampArray = Any


def no_values() -> IntArray:
    """No numbers at all."""
    import numpy as np

    return np.empty(0, np.int64)


ChannelKind = Literal["activations", "events", "occurrences", "values", "records"]
"""What a channel holds.

``activations``: times of a periodic task; ``events``: times of one end of a stimulus and its
answer, by the event's number; ``occurrences``: times of what happened by itself (a collection, a
write to flash, a request); ``values``: plain numbers; ``records``: rows of numbers.
"""
OCCURRENCE_PREFIX = "at."
"""How the stored name of a channel of occurrences begins; nothing else on the wire tells them."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel of a capture: what is in it, in which unit, and its name on the wire and on disk.

    ``stored`` may have parts in braces, such as ``isr.{method}``: it stands for a family of
    channels then, of which :meth:`of` gives one. ``columns`` name the numbers of a row of a channel
    of ``records``.
    """

    name: str
    stored: str
    unit: str
    kind: ChannelKind
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.kind == "records") != bool(self.columns):
            raise ValueError(f"channel {self.name}: a channel has columns if it holds records")
        if (self.kind == "occurrences") != self.stored.startswith(OCCURRENCE_PREFIX):
            raise ValueError(
                f"channel {self.name}: occurrences are stored under {OCCURRENCE_PREFIX}NAME"
            )

    def of(self, **parts: object) -> Self:
        """The channel of the family that has these parts in its stored name."""
        return replace(self, stored=self.stored.format(**parts))

    def parts(self, stored: str) -> Mapping[str, str] | None:
        """The parts of a stored name that belongs to this channel or family, else ``None``."""
        match = _stored_pattern(self.stored).fullmatch(stored)
        return None if match is None else match.groupdict()

    def rows(self, numbers: IntArray) -> IntArray:
        """The whole rows among ``numbers``, int64 of shape (rows, columns)."""
        width = len(self.columns)
        return numbers[: numbers.size // width * width].reshape(-1, width)


@cache
def _stored_pattern(stored: str) -> re.Pattern[str]:
    """The names of a family: a part stands for one character or more."""
    pieces = re.split(r"\{(\w+)\}", stored)
    texts = (
        f"(?P<{piece}>.+)" if index % 2 else re.escape(piece) for index, piece in enumerate(pieces)
    )
    return re.compile("".join(texts))


TASK = Channel("task", "task{task}", "us", "activations")
STIMULUS = Channel("stimulus", "stim.{method}", "us", "events")
HANDLER = Channel("handler", "isr.{method}", "us", "events")
SCHEDULED = Channel("call that defers", "sched.{method}", "us", "events")
DEFERRED = Channel("deferred code", "defer.{method}", "us", "events")
COUNTED_LATENCY = Channel("latency by a counter", "count.{method}", "us", "values")
CALIBRATION = Channel("calibration", "cal.{quantity}", "us", "values")
OCCURRENCES = Channel("occurrences", OCCURRENCE_PREFIX + "{what}", "us", "occurrences")
SYNC = Channel("sync pattern", "sync.{side}", "us", "events")
"""The clock read before and after each edge of the sync pattern, by the edge's number."""
HOST_PAUSES = Channel(
    "pauses of the host", "host.pauses", "ns", "records", ("at_ns", "length_ns", "kind")
)
"""When the host went on after it had stood still, for how long, and how: see
:mod:`hil.recording.host_pauses`."""
CAPTURE_CHANNELS = (
    TASK,
    STIMULUS,
    HANDLER,
    SCHEDULED,
    DEFERRED,
    COUNTED_LATENCY,
    CALIBRATION,
    OCCURRENCES,
    SYNC,
    HOST_PAUSES,
)
"""The channels that every capture may have; a workload names its own beside them."""


MAX_TASK_NAME = 24
TASK_NAME = re.compile(rf"[A-Za-z_][A-Za-z0-9_]{{0,{MAX_TASK_NAME - 1}}}", re.ASCII)
"""What a task may be called."""


def task_label(index: int, name: str = "") -> str:
    """How a task is spoken of: by its name, or its number."""
    return name or f"task {index}"


@dataclass(frozen=True, slots=True)
class TaskPlan(StoredRecord):
    """One periodic task as it was asked for; a user's program may give it a ``name``."""

    index: int
    period_us: int
    phase_us: int = 0
    name: str = field(default="", metadata=ABSENT)

    @property
    def label(self) -> str:
        """Its name, or ``task 0``."""
        return task_label(self.index, self.name)


@dataclass(frozen=True, slots=True)
class CapturePlan(StoredRecord):
    """One capture as it was asked for: window number ``window`` of the ``windows`` of its case.

    ``duration_us`` is the length of this window; in a capture that was joined of several, the sum
    of theirs. ``attempt`` counts how often the case was measured in the run before.
    """

    technique: str
    load: str
    tasks: tuple[TaskPlan, ...]
    duration_us: int
    streaming: bool = False
    options: Mapping[str, int | str] = field(default_factory=dict)
    window: int = field(default=0, metadata=ABSENT)
    windows: int = field(default=1, metadata=ABSENT)
    attempt: int = field(default=0, metadata=ABSENT)

    def task_name(self, index: int | None) -> str:
        """The name of the task with this number; empty where it has none."""
        return next((task.name for task in self.tasks if task.index == index), "")

    def task_label(self, index: int) -> str:
        """How the task is spoken of: by its name, or ``task 0``."""
        return task_label(index, self.task_name(index))


@dataclass(frozen=True, slots=True)
class CaptureIssue:
    """Something on the way from the board that was not as it should be, with its place.

    ``kind`` is one of ``damaged`` (checksum or shape), ``missing`` (a gap in the sequence),
    ``duplicate``, ``truncated`` (the stream ended inside a frame), ``wrap`` (tick unwrapping is
    ambiguous), ``clock`` (the board's clock can't be trusted), ``clock_jump`` (what is
    known to be wrong with this board's clock happened, and was corrected), ``agent`` (the agent
    reported an error), ``excess`` (more came than the capture's plan allows, and was not read),
    ``program`` (a stored file of the user's program is damaged; no stamp is).
    """

    kind: str
    detail: str
    offset: int = -1


@dataclass(frozen=True, slots=True)
class Gap:
    """Stamps that the wire lost: ``count`` of them are missing before ``values[position]``."""

    position: int
    count: int


BOARD_SOURCE = "board"
"""The source of the board's own stamps."""


@dataclass(frozen=True, slots=True)
class LaterWindow:
    """Where one more window of a case begins in a track that holds several of them.

    ``position`` is the index of its first stamp, ``release`` the grid index of its first release.
    Of the stamps that the wire lost just before ``position``, ``lost_before`` were the last ones of
    the window before.
    """

    position: int
    release: int
    lost_before: int = 0


@dataclass(frozen=True, slots=True)
class Track:
    """The activations of one periodic task against the grid that it was asked for.

    Activation ``k`` was intended at ``origin_us + k * period_us`` for ``k = 0, 1, …`` up to
    ``end_us``; ``origin_us`` is an unwrapped board time and already contains the phase.
    ``releases`` gives the grid index ``k`` that each stamp belongs to where the agent knows it
    (a sequence number taken at the source), else ``None``. ``numbered``: the agent computes each
    deadline from the one before, so that its n-th activation answers the n-th release; stamps that
    were lost on the way count. ``in_order``: so it does too, but as a loop that keeps
    no grid. ``source`` is where the times come from:
    ``board`` for the board's own stamps, else the instrument's name. ``from_first``: nobody said
    when the task was asked for, so its grid begins at its own first activation, and a delay that
    all activations share can't be seen.

    A case is measured in several windows. Their tracks are joined to one: each later window is
    moved by whole periods to stand after the one before it, so that lateness and releases count on,
    and ``later_windows`` says where each begins. What lies between two windows was not measured:
    no interval, no missed release and no slope reaches across. ``end_us`` is the end of the last
    one; ``window_ends_us`` are the ends of all, where there are several.

    ``stamps_us`` are whole microseconds, int64, for the board's own stamps. Edges that an
    instrument saw are float64, in board time: they are finer than the board's clock. ``name`` is
    what a program of the user's own calls the task.
    """

    index: int
    period_us: float
    origin_us: int
    end_us: int
    stamps_us: StampArray
    dropped: int = 0
    gaps: tuple[Gap, ...] = ()
    releases: IntArray | None = None
    source: str = BOARD_SOURCE
    numbered: bool = False
    in_order: bool = False
    later_windows: tuple[LaterWindow, ...] = ()
    window_ends_us: tuple[int, ...] = ()
    from_first: bool = False
    name: str = ""

    @property
    def label(self) -> str:
        """The task's name, or ``task 0``."""
        return task_label(self.index, self.name)

    @property
    def whole_us(self) -> IntArray:
        """The stamps rounded down to whole microseconds; the board's own as they are."""
        whole = self.stamps_us if self.stamps_us.dtype.kind == "i" else self.stamps_us // 1
        return whole.astype("int64", copy=False)


@dataclass(frozen=True, slots=True)
class Series:
    """A short series of activations taken after the window, its track on a base of its own.

    ``method`` names what was varied, for example ``callback/closure``.
    """

    method: str
    track: Track


Between = Literal["pin", "schedule", "handler", "counter"]
"""What lies between the two stamps of an event, beside the latency itself.

``pin``: the stimulus was stamped in the statement before the pin was written, and the handler reads
the clock in its first statement. ``schedule``: the handler put a reading in an array in the
statement before it deferred, and the deferred code reads the clock first. ``handler``: as an older
agent did it, from the handler's first stamp on, all that the handler does up to the deferral
included. ``counter``: no stimulus was stamped, the handler reads a counter that began with it.
"""


@dataclass(frozen=True, slots=True)
class EventSet:
    """Interrupt events of one kind: ``handler_us[i]`` answers ``stimulus_us[i]``.

    Lost events are left out of both arrays and counted in ``lost``. ``method`` names how the
    stimulus was timed and which kind of handler ran, for example ``loopback/hard``;
    ``stage`` is ``isr`` (stimulus to handler) or ``defer`` (the call that defers, to the deferred
    code). ``between`` says what else lies between the stamps, ``counter_cost_us`` what reading the
    counter costs, where one was read and that is known.
    """

    stage: Literal["isr", "defer"]
    method: str
    stimulus_us: IntArray
    handler_us: IntArray
    lost: int = 0
    between: Between = "pin"
    counter_cost_us: float | None = None


@dataclass(frozen=True, slots=True)
class Occurrences:
    """When something that is no activation happened: ``times_us`` in order, ``lost`` more not seen.

    ``what`` names it, for example ``collection``; the times are those of the capture's tracks.
    """

    what: str
    times_us: IntArray
    lost: int = 0


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

    ``set_us`` and ``keep_us``: intervals over ``read_batch`` writes of an output, and clock reads
    that are put in an array; ``rounds_us``: over the ``rounds`` of a batch's loop alone. Each
    interval contains one more read of the clock. ``readings_us``: unevenly spaced readings of the
    clock, from the first on. In ``watched_us`` the clock was seen to step back ``steps_back``
    times, by ``back_most_us`` at most. What was not taken is empty or 0.
    """

    read_us: IntArray
    read_batch: int
    stamp_us: IntArray
    stamp_batch: int
    step_us: IntArray
    full_us: IntArray = field(default_factory=no_values)
    minimal_us: IntArray = field(default_factory=no_values)
    loop_batch: int = 1
    set_us: IntArray = field(default_factory=no_values)
    keep_us: IntArray = field(default_factory=no_values)
    rounds_us: IntArray = field(default_factory=no_values)
    rounds: int = 0
    readings_us: IntArray = field(default_factory=no_values)
    steps_back: int = 0
    back_most_us: int = 0
    watched_us: int = 0


@dataclass(frozen=True, slots=True)
class SyncPattern:
    """Edges at irregular distances, which tell an instrument's time from any other.

    The clock was read just before (``before_us[i]``) and just after (``after_us[i]``) the statement
    that made edge ``i``; both unwrapped board times, of one length. The first edge rises, and each
    is the opposite of the one before. Some come before the window, the others behind it. ``line``
    is the name of the line that they are on.
    """

    before_us: IntArray
    after_us: IntArray
    line: str = "sync"


@dataclass(frozen=True, slots=True)
class Capture:
    """One finished capture, decoded: everything the analysis needs, nothing it must fetch.

    ``tracks`` are the board's own. ``windows`` are the captures that this one was joined of, in the
    order of time; none where it is one window itself. ``sync`` is the pattern that the board made,
    ``edges`` what instruments saw, one recording each; a joined capture has neither, its
    ``windows`` have them. ``host_clock_ppm`` is how far the rate of the clock that the exchanges
    are against may be off, ``None`` where nobody knows. ``set_aside`` says of each earlier capture
    of the same window why it is invalid. ``program_files`` are those of the user's own program.
    """

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
    occurrences: tuple[Occurrences, ...] = ()
    sync: SyncPattern | None = None
    edges: tuple[EdgeRecording, ...] = ()
    windows: tuple[Capture, ...] = ()
    host_clock_ppm: float | None = None
    set_aside: tuple[str, ...] = ()
    program_files: tuple[ProgramFile, ...] = ()

    def numbers(self, channel: Channel) -> IntArray | None:
        """The numbers of a channel of values or records, ``None`` if the capture has none."""
        return self.values.get(channel.stored)

    @property
    def case(self) -> tuple[str, str, str]:
        """Board, technique and load."""
        return (self.board.name, self.plan.technique, self.plan.load)


CALIBRATE = "calibrate"
