"""The outcome of a run as records: what ``results.json`` holds, and how it differs from the past.

They are made by analysis and history and drawn by the report; nothing here computes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hil.records import BoardIdentity, ErrorRecord, Measurement, RunInfo, Skip

Trend = Literal["worse", "better", "same", "unclear"]


@dataclass(frozen=True, slots=True)
class Results:
    """Everything in one ```results.json```, as records."""

    run: RunInfo
    boards: tuple[BoardIdentity, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    skipped: tuple[Skip, ...] = ()
    errors: tuple[ErrorRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
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
class Comparison:
    """A run against ``against``, which says in words what that was: one run, or several.

    ``absent`` names what one side has and the other has not, in words, one entry a case.
    """

    against: str
    changes: tuple[Change, ...] = ()
    absent: tuple[str, ...] = ()
