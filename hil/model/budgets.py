"""Limits of figures, verdicts by them, and the line that says how a figure failed."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from hil.model.metrics import metric_or_unknown
from hil.model.techniques import is_variant

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from hil.model.captures import CapturePlan
    from hil.model.metric import Metric
    from hil.model.results import Measurement

ANY = "any"
BudgetKind = Literal["absolute", "period", "share", "none"]


@dataclass(frozen=True, slots=True)
class Budget:
    """One limit: ``amount`` in the metric's unit, in periods, or as a share (0..1) of what was due.

    ``board`` is the name pattern, ``None`` for every board; technique and load may be ``any``.
    ``location`` says where it was written, for messages.
    """

    metric: str
    kind: BudgetKind
    amount: float
    technique: str = ANY
    load: str = ANY
    board: str | None = None
    location: str = ""

    def fits(self, measurement: Measurement) -> bool:
        """Whether this budget speaks of this measurement."""
        return (
            self.metric == measurement.metric
            and self.technique in (ANY, measurement.technique)
            and self.load in (ANY, measurement.load)
            and (self.board is None or fnmatchcase(measurement.board, self.board))
        )

    def rank(self) -> tuple[int, bool, bool]:
        """Specificity: of the budgets that fit, the one with the largest rank counts."""
        literal = -1 if self.board is None else len(re.sub(r"[*?]", "", self.board))
        return (literal, self.technique != ANY, self.load != ANY)

    def limit(self, measurement: Measurement, period_us: float | None) -> float | None:
        """The limit in the metric's unit; ``None`` where it does not apply or is not known."""
        if self.kind == "none":
            return None
        if self.kind == "period":
            return None if period_us is None else self.amount * period_us
        return self.amount * _due(measurement) if self.kind == "share" else self.amount


@dataclass(frozen=True, slots=True)
class Budgets:
    """All limits of one file, in the order in which they were written."""

    entries: tuple[Budget, ...] = ()
    path: Path | None = None

    def find(self, measurement: Measurement) -> Budget | None:
        """The budget that counts for this measurement, or ``None``."""
        best: Budget | None = None
        for entry in self.entries:
            if entry.fits(measurement) and (best is None or entry.rank() >= best.rank()):
                best = entry
        return best


def _due(measurement: Measurement) -> float:
    """How many there should have been: ``n`` counts what came, but all events of an event set."""
    lost = _metric(measurement).outside_n and measurement.method is None
    return measurement.n + measurement.value if lost else float(measurement.n)


def judge_measurement(
    measurement: Measurement, budgets: Budgets, *, period_us: float | None = None
) -> Measurement:
    """The same measurement with its budget (in the metric's unit) and its verdict.

    The verdict follows the value: ``fail`` when it is beyond the budget, ``pass`` when it is at or
    within it, ``none`` without a budget. Bounds that straddle the budget do not change the verdict,
    they are said: in the note of a ``pass`` and in :func:`failure_message`. ``period_us`` is needed
    for budgets in periods; without it they give no verdict. Variants beside a technique
    have none, but for what must never happen.
    """
    finding = is_variant(measurement.method) and not _metric(measurement).judged_in_variants
    entry = None if finding else budgets.find(measurement)
    limit = None if entry is None else entry.limit(measurement, period_us)
    if limit is None:
        return replace(measurement, budget=None, verdict="none")
    if _beyond(measurement, measurement.value, limit):
        return replace(measurement, budget=limit, verdict="fail")
    note = measurement.note
    if straddles(measurement, limit):
        text = "its bounds reach beyond the budget"
        note = f"{note}; {text}" if note else text
    return replace(measurement, budget=limit, verdict="pass", note=note)


def judge_measurements(
    measurements: Iterable[Measurement], budgets: Budgets, plan: CapturePlan
) -> tuple[Measurement, ...]:
    """All figures of one capture, judged; the plan gives each task's period.

    A figure over all tasks is judged by the shortest period.
    """
    periods = {task.index: float(task.period_us) for task in plan.tasks}
    shortest = min(periods.values(), default=None)
    return tuple(
        judge_measurement(
            figure,
            budgets,
            period_us=shortest if figure.task is None else periods.get(figure.task, shortest),
        )
        for figure in measurements
    )


def straddles(measurement: Measurement, limit: float) -> bool:
    """Whether the bounds lie on both sides of the limit, so that the verdict is not certain."""
    if measurement.lo is None or measurement.hi is None:
        return False
    sides = {_beyond(measurement, bound, limit) for bound in (measurement.lo, measurement.hi)}
    if _metric(measurement).sense == "magnitude" and measurement.lo < 0 < measurement.hi:
        sides.add(False)
    return len(sides) > 1


def failure_message(measurement: Measurement) -> str:
    """One line on a judged measurement that failed: what, how much, how certain, where, of n."""
    m = measurement
    sense = _metric(m).sense
    unit = "" if m.unit in ("1", "count") else f" {m.unit}"
    who = [m.technique, m.load, *([] if m.task is None else [f"task {m.task}"]), f"board {m.board}"]
    method = f" ({m.method})" if m.method else ""
    parts = [f"{', '.join(who)}: {m.metric}{method} = {_text(m.value)}{unit}"]
    if m.lo is not None and m.hi is not None:
        parts.append(f" [{_text(m.lo)} .. {_text(m.hi)} at {m.confidence:.0%}]")
    if m.budget is not None:
        word = "below its smallest allowed" if sense == "higher" else "over its budget of"
        sign = "+-" if sense == "magnitude" else ""
        parts.append(f" is {word} {sign}{_text(m.budget)}{unit}")
        if straddles(m, m.budget):
            parts.append(" (the bounds hold both sides: not certain)")
    if m.where_us is not None:
        parts.append(f"; the worst activation is {m.where_us / 1e6:.6f} s into the window")
    parts.append(f"; n = {m.n}")
    return "".join(parts)


def _metric(measurement: Measurement) -> Metric:
    return metric_or_unknown(measurement.metric, measurement.unit)


def _beyond(measurement: Measurement, value: float, limit: float) -> bool:
    sense = _metric(measurement).sense
    if sense == "higher":
        return value < limit
    return (abs(value) if sense == "magnitude" else value) > limit


def _text(value: float) -> str:
    return f"{value:.0f}" if value == round(value) and abs(value) < 1e15 else f"{value:.5g}"
