"""One limit, and which of several limits speaks of a measurement."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from hil.records import Measurement

ANY = "any"
Kind = Literal["absolute", "period", "share", "none"]


@dataclass(frozen=True, slots=True)
class Budget:
    """One limit: ``amount`` in the metric's unit, in periods, or as a share (0..1) of what was due.

    ``board`` is the name pattern, ``None`` for every board; technique and load may be ``any``.
    ``place`` says where it was written, for messages.
    """

    metric: str
    kind: Kind
    amount: float
    technique: str = ANY
    load: str = ANY
    board: str | None = None
    place: str = ""

    def fits(self, one: Measurement) -> bool:
        """Whether this budget speaks of this measurement."""
        return (
            self.metric == one.metric
            and self.technique in (ANY, one.technique)
            and self.load in (ANY, one.load)
            and (self.board is None or fnmatchcase(one.board, self.board))
        )

    def rank(self) -> tuple[int, bool, bool]:
        """Specificity: of the budgets that fit, the one with the largest rank counts."""
        literal = -1 if self.board is None else len(re.sub(r"[*?]", "", self.board))
        return (literal, self.technique != ANY, self.load != ANY)

    def limit(self, one: Measurement, period_us: float | None) -> float | None:
        """The limit in the metric's unit; ``None`` where it does not apply or can't be told."""
        if self.kind == "none":
            return None
        if self.kind == "period":
            return None if period_us is None else self.amount * period_us
        return self.amount * _due(one) if self.kind == "share" else self.amount


@dataclass(frozen=True, slots=True)
class Budgets:
    """All limits of one file, in the order in which they were written."""

    entries: tuple[Budget, ...] = ()
    path: Path | None = None

    def find(self, one: Measurement) -> Budget | None:
        """The budget that counts for this measurement, or ``None``."""
        best: Budget | None = None
        for entry in self.entries:
            if entry.fits(one) and (best is None or entry.rank() >= best.rank()):
                best = entry
        return best


def _due(one: Measurement) -> float:
    """How many there should have been: ``n`` counts what came, but all events of an event set."""
    lost = one.metric in ("missed", "dropped") and one.method is None
    return one.n + one.value if lost else float(one.n)
