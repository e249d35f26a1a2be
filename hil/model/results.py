"""The outcome of a run: figures, verdicts, skips, errors, and how it differs from the past."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from hil.model.board import BoardIdentity, Source
from hil.model.captures import BOARD_SOURCE, task_label
from hil.model.codec import ABSENT, REQUIRED, StoredRecord
from hil.model.edges import EdgeFinding
from hil.model.metrics import find_metric, metric_or_unknown
from hil.model.program_records import ProgramRecord
from hil.model.techniques import is_variant, load_rank, technique_rank
from hil.model.units import describe_figure

Verdict = Literal["pass", "fail", "undecided", "none"]
CaseKey = tuple[str, str, str]
"""Board, technique and load of one case."""
FIRST_ACTIVATION = "first activation"
"""The reference of a lateness that counts from the task's own first activation."""


@dataclass(frozen=True, slots=True)
class UncertaintyPart(StoredRecord):
    """One entry of a figure's uncertainty budget (JCGM 100:2008, 4.2 and 4.3).

    Type ``A`` was evaluated from repeated observations, ``B`` from other knowledge. The standard
    uncertainty is in ``us`` for a time and in ``ppm`` for a rate or a ratio; ``dof`` are its
    degrees of freedom, ``None`` where it is known as such.
    """

    what: str
    type: Literal["A", "B"]
    us: float | None = field(default=None, metadata=ABSENT)
    ppm: float | None = field(default=None, metadata=ABSENT)
    dof: float | None = field(default=None, metadata=ABSENT)

    @property
    def amount(self) -> float:
        """The standard uncertainty in the unit that it is stored in."""
        return (self.ppm if self.us is None else self.us) or 0.0


@dataclass(frozen=True, slots=True)
class Measurement(StoredRecord):
    """One figure with its bounds; a figure that could not be measured has no record at all.

    ``lo`` and ``hi`` bound ``value`` at ``confidence``; both are ``None`` where no bound can be
    given, and ``no_bounds`` then says why (``note`` where the figure was stored before there was
    ``no_bounds``). ``note`` is what to keep in mind. ``where_us`` is the board time of the worst
    activation, from the start of the window, for metrics that have one. ``source`` is ``board``
    for the board's own stamps, else the instrument. ``n_effective`` is the number of independent
    samples that ``n`` correlated ones are worth for the bounds. ``windows`` are figures of parts of
    the capture as plain JSON objects. ``reference`` is what a lateness counts from where nobody
    said when the task was asked for (:data:`FIRST_ACTIVATION`). ``task_name`` is what a program of
    the user's own calls the task.
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
    source: str = BOARD_SOURCE
    n_effective: float | None = field(default=None, metadata=ABSENT)
    windows: tuple[Mapping[str, Any], ...] = field(default=(), hash=False, metadata=ABSENT)
    no_bounds: str | None = field(default=None, metadata=ABSENT)
    uncertainty: tuple[UncertaintyPart, ...] = field(default=(), metadata=ABSENT)
    reference: str | None = field(default=None, metadata=ABSENT)
    task_name: str = field(default="", metadata=ABSENT)

    def __repr__(self) -> str:
        return describe_figure(self)  # what a failed assertion shows, and nothing is cut off

    @property
    def task_label(self) -> str:
        """The task's name, or ``task 0``; ``all tasks`` for a figure over all of them."""
        return "all tasks" if self.task is None else task_label(self.task, self.task_name)

    @property
    def by_board(self) -> bool:
        """Whether it comes of the board's own stamps, and not of what an instrument saw."""
        return self.source == BOARD_SOURCE

    @property
    def remarks(self) -> str | None:
        """What to keep in mind, and why there are no bounds."""
        return "; ".join(filter(None, (self.note, self.no_bounds))) or None


CLOCK, LINK, BENCH = "clock", "link", "bench"
"""In a technique's place in a :class:`Skip`: its reason tells what is wrong with a board's clock,
what is special about the link to it, or whether the bench expects it."""
TOLD_FIRST = (CLOCK, LINK, BENCH)


@dataclass(frozen=True, slots=True)
class Skip(StoredRecord):
    """A combination that this board can't run, with the reason a person can act on."""

    board: str
    technique: str
    load: str
    reason: str


@dataclass(frozen=True, slots=True)
class Notice(StoredRecord):
    """What a reader must know of a case beside its figures, and what to do: one sentence or two.

    ``task`` is its index, ``None`` for the whole case.
    """

    board: str
    technique: str
    load: str
    task: int | None
    text: str


LEFT_OUT = "left out: "
"""How an error begins that names a stored capture which could not be read."""


@dataclass(frozen=True, slots=True)
class ErrorRecord(StoredRecord):
    """A combination with no trustworthy measurement; ``detail`` may be the board's traceback.

    ``attempt`` is which measurement of the case it was, from 0 on.
    """

    board: str
    technique: str
    load: str
    error: str
    detail: str = ""
    attempt: int = field(default=0, metadata=ABSENT)


@dataclass(frozen=True, slots=True)
class Attempt(StoredRecord):
    """One of several times that a case was measured in a run, number ``attempt`` from 1 on.

    ``verdict`` is the worst of its figures', ``invalid`` where there are none; ``text`` says why.
    """

    board: str
    technique: str
    load: str
    attempt: int
    verdict: Literal["pass", "fail", "undecided", "none", "invalid"]
    text: str = ""
    measurements: tuple[Measurement, ...] = field(default=(), metadata=ABSENT)


@dataclass(frozen=True, slots=True)
class HostClock(StoredRecord):
    """How the host's clock is synchronised, and how far its rate may be off, in ppm."""

    sync: str
    error_ppm: float | None = None


@dataclass(frozen=True, slots=True)
class RunInfo(StoredRecord):
    """The ``run`` object of ``results.json``.

    ``hashes`` are the SHA-256 digests (hexadecimal) of the files that the figures were computed
    from, by their paths in the run's folder. ``order_seed`` is the seed of the order in which the
    windows of the cases were measured.
    """

    id: str
    started_utc: str
    duration_s: float
    profile: str
    harness_version: str
    host: str
    source: Source
    host_clock: HostClock | None = field(default=None, metadata=ABSENT)
    order_seed: int | None = field(default=None, metadata=ABSENT)
    hashes: Mapping[str, str] = field(default_factory=dict, hash=False, metadata=ABSENT)


Trend = Literal["worse", "better", "same", "unclear"]


@dataclass(frozen=True, slots=True)
class Cause(StoredRecord):
    """How many late activations of a task had this cause, and their share of the late ones."""

    board: str
    technique: str
    load: str
    task: int | None
    cause: str
    activations: int
    share: float


ALIGNED = "aligned"
"""The verdict on edges that were brought to the board's time."""


@dataclass(frozen=True, slots=True)
class WindowAlignment(StoredRecord):
    """How an instrument's time follows from the board's in one window, number ``window`` from 1.

    As :class:`~hil.analysis.edge_alignment.Alignment` has it: bounds of offset and rate, and what
    is wrong with the recording. Unless ``verdict`` is ``aligned`` the window gives no figure by the
    pin, and ``reason`` says why.
    """

    window: int
    verdict: str
    reason: str = field(default="", metadata=ABSENT)
    offset_us: float = 0.0
    offset_lo_us: float | None = None
    offset_hi_us: float | None = None
    ppm: float = 0.0
    ppm_lo: float | None = None
    ppm_hi: float | None = None
    matched: int = 0
    unmatched: int = 0
    residual_us: float = 0.0
    findings: tuple[EdgeFinding, ...] = field(default=(), metadata=ABSENT)

    @property
    def aligned(self) -> bool:
        """Whether figures by the pin come of the window."""
        return self.verdict == ALIGNED


@dataclass(frozen=True, slots=True)
class Agreement(StoredRecord):
    """One figure by the board's stamps and by the pin, and whether the two agree.

    ``difference`` is pin less board, less what is known to lie between the two (the delay of the
    pin and the cost of a clock read, for a lateness). ``lo`` to ``hi`` is where it may lie by the
    bounds of both, an end is ``None`` where one of them has none: they ``disagree`` where 0 is not
    among it.
    """

    task: int | None
    metric: str
    unit: str
    board: float
    pin: float
    difference: float
    lo: float | None
    hi: float | None
    verdict: Literal["agree", "disagree"]
    method: str | None = field(default=None, metadata=ABSENT)


@dataclass(frozen=True, slots=True)
class EdgeComparison(StoredRecord):
    """The stamps of one case against the edges that an instrument saw.

    The instrument's time is ``offset_us`` after the board's, in the first window that could be
    aligned, and runs ``ppm`` faster, in the mean; ``matched`` edges have a stamp, ``unmatched``
    have none, ``residual_us`` is what is left between the two. ``verdict`` is ``aligned`` where
    figures come of it, else why they don't; ``windows`` has each window's own. ``odd_clock`` is
    which of the clocks of ``board``, ``host`` and ``instrument`` differs from the other two, where
    that can be told; ``clocks`` is a sentence on it where two differ by more than good ones do.
    """

    board: str
    technique: str
    load: str
    instrument: str
    offset_us: float
    ppm: float
    matched: int
    unmatched: int
    residual_us: float
    verdict: str
    windows: tuple[WindowAlignment, ...] = field(default=(), metadata=ABSENT)
    agreements: tuple[Agreement, ...] = field(default=(), metadata=ABSENT)
    odd_clock: str | None = field(default=None, metadata=ABSENT)
    clocks: str = field(default="", metadata=ABSENT)

    @property
    def aligned(self) -> bool:
        """Whether figures by the pin come of the case."""
        return self.verdict == ALIGNED


@dataclass(frozen=True, slots=True)
class Results(StoredRecord):
    """Everything in one ``results.json``, as records."""

    run: RunInfo
    boards: tuple[BoardIdentity, ...] = field(default=(), metadata=REQUIRED)
    measurements: tuple[Measurement, ...] = field(default=(), metadata=REQUIRED)
    skipped: tuple[Skip, ...] = field(default=(), metadata=REQUIRED)
    errors: tuple[ErrorRecord, ...] = field(default=(), metadata=REQUIRED)
    causes: tuple[Cause, ...] = field(default=(), metadata=ABSENT)
    edges: tuple[EdgeComparison, ...] = field(default=(), metadata=ABSENT)
    notices: tuple[Notice, ...] = field(default=(), metadata=ABSENT)
    attempts: tuple[Attempt, ...] = field(default=(), metadata=ABSENT)
    programs: tuple[ProgramRecord, ...] = field(default=(), metadata=ABSENT)

    @property
    def counted_attempts(self) -> dict[CaseKey, int]:
        """Of each case with several attempts the one whose figures are its own, from 0 on."""
        counted: dict[CaseKey, int] = {}
        for attempt in self.attempts:  # the worst of a case comes first
            counted.setdefault(case_key(attempt), attempt.attempt - 1)
        return counted


@dataclass(frozen=True, slots=True)
class Change(StoredRecord):
    """One figure of a run against the same figure in past runs.

    ``before`` is the typical past value and ``after`` the new one, both in ``unit``; ``lo`` and
    ``hi`` bound ``after - before`` at ``confidence``, the spread from run to run included and,
    in a comparison of many figures, corrected for their number. ``runs`` counts the past runs.
    ``trend`` is ``unclear`` where the stamps can't tell, and ``note`` then says why.
    ``detectable`` is the smallest change to the worse that would have been told, in ``unit``.
    ``source`` is where both sides' times come from: ``board``, else the instrument. ``task_name``
    is what a program of the user's own calls the task.
    """

    board: str
    technique: str
    load: str
    task: int | None
    metric: str
    unit: str
    before: float
    after: float
    lo: float | None
    hi: float | None
    runs: int
    trend: Trend
    confidence: float = 0.95
    method: str | None = None
    note: str | None = None
    detectable: float | None = None
    source: str = BOARD_SOURCE
    task_name: str = field(default="", metadata=ABSENT)


@dataclass(frozen=True, slots=True)
class Comparison(StoredRecord):
    """A run against ``against``, which says in words what that was: one run, or several.

    ``absent`` names what one side has and the other has not, in words, one entry a case.
    ``missing`` names what the last run had and this one was asked for and lacks: a board, a
    technique or a case, in words. Then the bench is broken.
    """

    against: str
    changes: tuple[Change, ...] = field(default=(), metadata=REQUIRED)
    absent: tuple[str, ...] = field(default=(), metadata=REQUIRED)
    missing: tuple[str, ...] = field(default=(), metadata=ABSENT)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a metric has no figure: one clear line."""

    task: int | None
    metric: str
    reason: str
    method: str | None = None


def missing_metric(skip: Skip) -> str | None:
    """The metric that this entry speaks of, or ``None`` when the whole case was skipped."""
    name = skip.reason.partition(":")[0].partition(" ")[0]
    return name if find_metric(name) else None


_STAGES = ("isr", "defer")


def shared_stage(measurement: Measurement) -> str | None:
    """The stage of an event (``isr``, ``defer``) where the metric's name does not tell it.

    Both stages of one method have a ``missed``; the note of each begins with its stage.
    """
    return _stage(measurement.metric, measurement.method, measurement.note)


def staged_method(metric: str, method: str | None, note: str | None) -> str | None:
    """The method with the stage behind it where two figures of the method differ by nothing else.

    ``loopback/hard, isr``: what a figure is found by again in another run.
    """
    stage = _stage(metric, method, note)
    return method if stage is None else f"{method}, {stage}"


def _stage(metric: str, method: str | None, note: str | None) -> str | None:
    stage = (note or "").partition(" ")[0]
    named = metric.startswith(tuple(f"{name}_" for name in _STAGES))
    return stage if method is not None and stage in _STAGES and not named else None


class OfCase(Protocol):
    """What belongs to a case."""

    @property
    def board(self) -> str:
        """The board's name."""

    @property
    def technique(self) -> str:
        """The technique, or what takes its place."""

    @property
    def load(self) -> str:
        """The load."""


def case_key(record: OfCase) -> CaseKey:
    """The case that a record is of."""
    return (record.board, record.technique, record.load)


def case_order(
    case: CaseKey, boards: Sequence[str] = (), *, technique_first: bool = False
) -> tuple[object, ...]:
    """Sort key of cases wherever they are listed: by board, load and technique.

    Boards stand in the order of ``boards``, others after them by name; loads and techniques in the
    order of their tables. ``technique_first`` sorts the loads of a technique together.
    """
    board, technique, load = case
    rank = boards.index(board) if board in boards else len(boards)
    by_load = (load_rank(load), technique_rank(technique))
    return (rank, board, *(by_load[::-1] if technique_first else by_load))


def group_by_case(measurements: Iterable[Measurement]) -> dict[CaseKey, list[Measurement]]:
    """The figures of each case, in the order in which they come."""
    groups: dict[CaseKey, list[Measurement]] = {}
    for measurement in measurements:
        groups.setdefault(case_key(measurement), []).append(measurement)
    return groups


def worst_verdict(measurements: Iterable[Measurement]) -> Verdict:
    """``fail`` if any figure failed, else ``undecided`` if any is, else ``pass``, else ``none``.

    ``pass`` needs a limit that something other than the measurement itself met: stamps that were
    not lost, and variants beside the technique, say nothing of how it keeps its time.
    """
    told = list(measurements)
    for word in ("fail", "undecided"):
        if any(measurement.verdict == word for measurement in told):
            return word
    met = any(m.verdict == "pass" and _tells_of_technique(m) for m in told)
    return "pass" if met else "none"


def _tells_of_technique(measurement: Measurement) -> bool:
    metric = metric_or_unknown(measurement.metric, measurement.unit)
    return not (metric.integrity or is_variant(measurement.method))
