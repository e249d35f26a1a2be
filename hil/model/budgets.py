"""Limits of figures, found for each figure, and the figures judged by them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from hil.model.metrics import metric_or_unknown
from hil.model.techniques import TECHNIQUES, is_variant
from hil.model.verdicts import decide

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from hil.model.captures import CapturePlan
    from hil.model.metric import Metric
    from hil.model.results import Measurement

ANY = "any"
OWN = "own"
"""Names a user's own programs in a budgets file: every technique that is not in the table."""
BudgetKind = Literal["absolute", "period", "share", "none"]


@dataclass(frozen=True, slots=True)
class Budget:
    """One limit: ``amount`` in the metric's unit, in periods, or as a share (0..1) of what was due.

    ``board`` is the name pattern, ``None`` for every board; technique and load may be ``any``, and
    the technique ``own``: what is not in the table of techniques.
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
        return self.metric == measurement.metric and self.fits_case(measurement)

    def fits_case(self, measurement: Measurement) -> bool:
        """Whether this budget speaks of this measurement's board, technique and load."""
        own = self.technique == OWN and measurement.technique not in TECHNIQUES
        return (
            (own or self.technique in (ANY, measurement.technique))
            and self.load in (ANY, measurement.load)
            and (self.board is None or fnmatchcase(measurement.board, self.board))
        )

    def rank(self) -> tuple[int, int, bool]:
        """Specificity: of the budgets that fit, the one with the largest rank counts."""
        literal = -1 if self.board is None else len(re.sub(r"[*?]", "", self.board))
        return (literal, {ANY: 0, OWN: 1}.get(self.technique, 2), self.load != ANY)

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
    _by_metric: Mapping[str, list[Budget]] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        by_metric: dict[str, list[Budget]] = {}
        for entry in self.entries:
            by_metric.setdefault(entry.metric, []).append(entry)
        object.__setattr__(self, "_by_metric", by_metric)

    def find(self, measurement: Measurement) -> Budget | None:
        """The budget that counts for this measurement, or ``None``."""
        best: Budget | None = None
        for entry in self._by_metric.get(measurement.metric, ()):
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

    The verdict is that of :func:`~hil.model.verdicts.decide`, ``none`` without a budget.
    ``period_us`` is needed for budgets in periods; without it they give no verdict. Variants beside
    a technique have none, but for what must never happen; nor has what an instrument itself lost.
    """
    metric = _metric(measurement)
    finding = is_variant(measurement.method) and not metric.judged_in_variants
    finding |= metric.integrity and not measurement.by_board
    entry = None if finding else budgets.find(measurement)
    limit = None if entry is None else entry.limit(measurement, period_us)
    if limit is None:
        return replace(measurement, budget=None, verdict="none")
    verdict, remark = decide(measurement, limit)
    note = "; ".join(filter(None, (measurement.note, remark))) or None
    return replace(measurement, budget=limit, verdict=verdict, note=note)


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


def unmatched_budgets(budgets: Budgets, measurements: Sequence[Measurement]) -> list[str]:
    """What a budgets file says of nothing in a run, a line each.

    A line for each board pattern that fits no board of the run, and one for each metric that has a
    limit for a case that was measured and has no figure there. Limits of techniques and loads that
    were not measured are not told: one file serves many runs.
    """
    boards = list(dict.fromkeys(figure.board for figure in measurements))
    if not boards:
        return []
    patterns: dict[str, str] = {}
    metrics: dict[str, str] = {}
    of_cases: dict[tuple[str | None, str, str], set[str]] = {}
    for entry in budgets.entries:
        if entry.board is not None and not any(fnmatchcase(b, entry.board) for b in boards):
            patterns.setdefault(entry.board, entry.location)
            continue
        case = (entry.board, entry.technique, entry.load)
        if case not in of_cases:
            of_cases[case] = {figure.metric for figure in measurements if entry.fits_case(figure)}
        of_case = of_cases[case]
        if of_case and entry.metric not in of_case and entry.kind != "none":
            metrics.setdefault(entry.metric, entry.location)
    names = ", ".join(boards)
    return [
        *(f"{at}: {name!r} fits no board of this run ({names})" for name, at in patterns.items()),
        *(f"{at}: no figure of {metric} in this run" for metric, at in metrics.items()),
    ]


def _metric(measurement: Measurement) -> Metric:
    return metric_or_unknown(measurement.metric, measurement.unit)
