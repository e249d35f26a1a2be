"""Two runs beside each other: every figure of both, with bounds, difference and verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.history.comparison_inputs import task_stamps
from hil.history.run_order import CLOCK_WRONG
from hil.history.stored_records import pair_boards
from hil.model.captures import BOARD_SOURCE, task_label
from hil.model.metrics import metric_rank, table_columns
from hil.model.results import case_order, staged_method
from hil.model.units import pick_scale
from hil.report.change_section import detectable_text, relevance

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hil.history.stored_records import HistoryBoard, HistoryCase, HistoryRun
    from hil.model.captures import FloatArray
    from hil.model.results import Change, Comparison, Measurement

_Key = tuple[str, str | None, int | None, str]
HEADLINE = frozenset(metric.name for metric, _ in table_columns("techniques", brief=True))
"""Metrics that are shown also where nothing changed."""
_WEIGHT = {"worse": 4, "better": 3, "unclear": 2, "same": 1, "": 0}
_ROUNDING = 1e-9
"""What rounding leaves of a difference, as a share of the values, or of one count."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure on both sides, as text; ``change`` is ``None`` where the two can't be judged.

    A side without this figure has ``-``. ``detectable`` is the smallest change that would have been
    told, empty where none is judged.
    """

    metric: str
    method: str | None
    task: int | None
    source: str
    before: str
    before_bounds: str
    after: str
    after_bounds: str
    difference: str
    trend: str
    note: str
    change: Change | None
    detectable: str = ""
    task_name: str = ""

    @property
    def name(self) -> str:
        """Metric, method, task, and who saw it if not the board."""
        text = f"{self.metric} ({self.method})" if self.method else self.metric
        text += "" if self.task is None else f", {task_label(self.task, self.task_name)}"
        return text if self.source == BOARD_SOURCE else f"{text}, by {self.source}"

    @property
    def stands_out(self) -> bool:
        """Whether a short list shows it: what changed, and the main figures of the tasks."""
        return self.trend in ("worse", "better") or (
            self.metric in HEADLINE and self.method is None
        )


@dataclass(frozen=True, slots=True)
class Side:
    """What one side is: facts with their names, the same names on both."""

    run: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class CasePair:
    """One technique under one load on both sides.

    ``late_us`` are the latenesses that are stored of each side, all tasks together, float64.
    """

    board: str
    technique: str
    load: str
    figures: tuple[Figure, ...]
    late_us: tuple[FloatArray, FloatArray]

    @property
    def main_figures(self) -> tuple[Figure, ...]:
        """One figure a metric, of those that stand out: the task whose verdict says most."""
        chosen: dict[tuple[str, str | None, str], Figure] = {}
        for figure in self.figures:
            key = (figure.metric, figure.method, figure.source)
            if figure.stands_out and (
                key not in chosen or _WEIGHT[figure.trend] > _WEIGHT[chosen[key].trend]
            ):
                chosen[key] = figure
        return tuple(chosen.values())

    @property
    def relevance(self) -> tuple[int, float]:
        """Its place among the cases, the largest first: worse before better before the rest, then
        how large its largest change of that kind is."""
        weight = max((_WEIGHT[figure.trend] for figure in self.figures), default=0)
        sizes = [
            relevance(figure.change)
            for figure in self.figures
            if figure.change is not None and _WEIGHT[figure.trend] == weight
        ]
        return weight, max(sizes, default=0.0)

    @property
    def trends(self) -> tuple[str, ...]:
        """The verdicts of the case that a reader looks for."""
        trends = {figure.trend for figure in self.figures}
        return tuple(word for word in ("worse", "better") if word in trends)


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Two runs, paired; ``comparison`` is what the pairs were judged by."""

    before: Side
    after: Side
    cases: tuple[CasePair, ...]
    comparison: Comparison


def side_by_side(comparison: Comparison, before: HistoryRun, after: HistoryRun) -> SideBySide:
    """Every case that both runs have, by boards, loads and techniques.

    ``comparison`` is of the same two: :func:`hil.history.comparison.compare_runs`.
    """
    pairs, _ = pair_boards(before, after)
    cases = [case for old, new in pairs for case in _cases(comparison, old, new)]
    return SideBySide(_side(before), _side(after), tuple(cases), comparison)


def _cases(comparison: Comparison, old: HistoryBoard, new: HistoryBoard) -> Iterator[CasePair]:
    board = new.identity.name
    changes: dict[tuple[str, str], dict[_Key, Change]] = {}
    for change in comparison.changes:
        if change.board == board:
            key = (change.metric, change.method, change.task, change.source)
            changes.setdefault((change.technique, change.load), {})[key] = change
    old_cases = {(case.technique, case.load): case for case in old.cases}
    both = [case for case in new.cases if (case.technique, case.load) in old_cases]
    for case in sorted(both, key=lambda case: case_order((board, case.technique, case.load))):
        name = (case.technique, case.load)
        figures = tuple(_figures(old_cases[name], case, changes.get(name, {})))
        late = (_lateness(old_cases[name]), _lateness(case))
        yield CasePair(board, case.technique, case.load, figures, late)


def _figures(
    old: HistoryCase, new: HistoryCase, changes: Mapping[_Key, Change]
) -> Iterator[Figure]:
    before, after = _by_key(old.measurements), _by_key(new.measurements)
    keys = {**before, **after, **changes}
    for key in sorted(keys, key=_figure_order):
        yield _figure(key, before.get(key), after.get(key), changes.get(key))


def _by_key(figures: Sequence[Measurement]) -> dict[_Key, Measurement]:
    methods = [staged_method(figure.metric, figure.method, figure.note) for figure in figures]
    return {
        (figure.metric, method, figure.task, figure.source): figure
        for figure, method in zip(figures, methods, strict=True)
    }


def _figure_order(key: _Key) -> tuple[object, ...]:
    metric, method, task, source = key
    number = -1 if task is None else task
    return method is not None, metric_rank(metric), method or "", number, source


def _figure(
    key: _Key, before: Measurement | None, after: Measurement | None, change: Change | None
) -> Figure:
    values = [measurement.value for measurement in (before, after) if measurement is not None]
    values += [change.before, change.after] if change is not None else []
    unit = next(record.unit for record in (after, before, change) if record is not None)
    size = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    rounding = _ROUNDING * (max(size, 1.0) if unit == "count" else size)
    scale = pick_scale(values, unit, zero=rounding)

    def value_of(measurement: Measurement | None, other: float | None) -> str:
        value = measurement.value if measurement is not None else other
        return "-" if value is None else scale.quantity(value)

    def bounds_of(measurement: Measurement | None) -> str:
        if measurement is None or measurement.lo == measurement.hi:
            return ""
        return scale.bounds(measurement.lo, measurement.hi)

    difference = trend = note = detectable = ""
    if change is not None:
        trend, note = change.trend, change.note or ""
        detectable = detectable_text(change, scale)
        old = change.before if before is None else before.value
        new = change.after if after is None else after.value
        bounds = scale.bounds(change.lo, change.hi, "+")
        difference = f"{scale.quantity(new - old, '+')} {bounds}".rstrip()
    return Figure(
        *key,
        before=value_of(before, None if change is None else change.before),
        before_bounds=bounds_of(before),
        after=value_of(after, None if change is None else change.after),
        after_bounds=bounds_of(after),
        difference=difference,
        trend=trend,
        note=note,
        change=change,
        detectable=detectable,
        task_name=next((m.task_name for m in (after, before) if m is not None), ""),
    )


def _lateness(case: HistoryCase) -> FloatArray:
    parts = [task_stamps(stamps).lateness_us for stamps in case.stamps if stamps.kind == "task"]
    return np.concatenate([*parts, np.empty(0)])


def _started(run: HistoryRun) -> str:
    began = run.info.started_utc or "unknown"
    return f"{began} ({CLOCK_WRONG})" if run.clock_wrong else began


def _side(run: HistoryRun) -> Side:
    boards = [board.identity for board in run.boards]
    facts = (
        ("started", _started(run)),
        ("profile", run.info.profile),
        ("harness", run.info.harness_version),
        ("commit", (run.revision or "unknown")[:12] + ("+" if run.modified else "")),
        ("boards", ", ".join(board.name for board in boards) or "none"),
        ("machine", ", ".join(dict.fromkeys(board.machine for board in boards))),
        ("MicroPython", ", ".join(dict.fromkeys(board.micropython for board in boards))),
    )
    return Side(run.info.id, facts)
