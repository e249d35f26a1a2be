"""The outcome of a run as records: what ``results.json`` holds, and how it differs from the past.

They are made by analysis and history and drawn by the report; nothing here computes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from hil.model.codec import ABSENT, REQUIRED, StoredRecord
from hil.records import BoardIdentity, ErrorRecord, Measurement, RunInfo, Skip

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


@dataclass(frozen=True, slots=True)
class EdgeComparison(StoredRecord):
    """The stamps of one capture against the edges that an instrument saw.

    The instrument's time is ``offset_us`` after the board's and runs ``ppm`` faster; ``matched``
    edges have a stamp, ``unmatched`` have none, ``residual_us`` is what is left between the two.
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


@dataclass(frozen=True, slots=True)
class Change(StoredRecord):
    """One figure of a run against the same figure in past runs.

    ``before`` is the typical past value and ``after`` the new one, both in ``unit``; ``lo`` and
    ``hi`` bound ``after - before`` at ``confidence``, the spread from run to run included and,
    in a comparison of many figures, corrected for their number. ``runs`` counts the past runs.
    ``trend`` is ``unclear`` where the stamps can't tell, and ``note`` then says why.
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


@dataclass(frozen=True, slots=True)
class Comparison(StoredRecord):
    """A run against ``against``, which says in words what that was: one run, or several.

    ``absent`` names what one side has and the other has not, in words, one entry a case.
    """

    against: str
    changes: tuple[Change, ...] = field(default=(), metadata=REQUIRED)
    absent: tuple[str, ...] = field(default=(), metadata=REQUIRED)
