"""Figures of a run with their errors, paired with the figures of past runs."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hil.analysis.change_detection import FigureHistory, ReferenceEvidence
from hil.analysis.comparison_scale import (
    Evidence,
    TaskStamps,
    figure_evidence,
    on_scale,
    percentile_evidence,
    pooled_evidence,
    task_evidence,
    tilt_ppm,
    widened,
)
from hil.analysis.window_parts import (
    bounded_by_parts,
    cut_window,
    percentile_parts,
    percentile_values,
    task_parts,
    with_parts,
)
from hil.history.stamp_packing import FORMAT, unpack_stamps, unpack_values
from hil.model.captures import BOARD_SOURCE
from hil.model.errors import CaptureError
from hil.model.metrics import metric_or_unknown
from hil.model.results import staged_method
from hil.model.techniques import resolution_us

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hil.history.stored_records import HistoryCase, HistoryStamps
    from hil.model.results import Measurement

EVIDENCE_DETAILS = frozenset({"note", "no_bounds", "windows"})
"""What :func:`case_evidence` reads of a figure beside its value, bounds and name."""
_TOO_FEW = "too few independent"
_UNIFORM = math.sqrt(12.0)
"""How many of its standard deviations a uniform distribution spans."""


def case_evidence(case: HistoryCase, board: str) -> dict[FigureKey, Evidence]:
    """The evidence of one case of a run by figure; runs are paired by ``board``.

    From the stamps where they bound a figure, else from the figure's own bounds, and where one of
    them is missing from what the windows of the runs differ by. The value is the figure's, which
    rests on all stamps, also where the stored ones were thinned.
    """
    step_us = max((stamps.step_us for stamps in case.stamps), default=1.0)
    counts = {
        (stamps.task, metric): stretches
        for stamps in case.stamps
        if stamps.kind == "task"
        for metric, stretches in stamps.counts.items()
    }
    figures = {
        (
            measurement.task,
            staged_method(measurement.metric, measurement.method, measurement.note),
            measurement.metric,
            measurement.source,
        ): measurement
        for measurement in case.measurements
        if metric_or_unknown(measurement.metric).compared != "no"
    }
    by_key = {
        key: with_parts(
            figure_evidence(measurement, step_us, None if key[1] else counts.get((key[0], key[2]))),
            _window_values(measurement),
        )
        for key, measurement in figures.items()
    }
    unpacked = [
        (packed, task_stamps(packed)) for packed in case.stamps if packed.kind in ("task", "series")
    ]
    for packed, stamps in unpacked:
        drift = (packed.task, packed.method, "schedule_drift_ppm", BOARD_SOURCE)
        if drift in by_key:
            by_key[drift] = widened(by_key[drift], tilt_ppm(stamps))
    for task, method, from_stamps, parts in _from_stamps(case, unpacked, step_us):
        for metric, evidence in from_stamps.items():
            key = (task, method, metric, BOARD_SOURCE)
            figure = figures.get(key)
            if figure is None and key[:2] == (None, None):
                by_key[key] = evidence
            elif figure is not None and _tells(figure):
                by_key[key] = _with_value(evidence, figure.value)
        for metric, values in parts.items():
            key = (task, method, metric, BOARD_SOURCE)
            if key in by_key and metric_or_unknown(metric).bounds in ("two-sided", "exact"):
                by_key[key] = with_parts(by_key[key], values)
    return {
        FigureKey(board, case.technique, case.load, *key): (
            with_phase_error(evidence, case.technique, *key[1:3])
        )
        for key, evidence in by_key.items()
    }


def _window_values(figure: Measurement) -> list[float]:
    """What the analysis said of each window, where it said it of several."""
    values = [window.get("value") for window in figure.windows]
    numbers = [float(value) for value in values if isinstance(value, (int, float))]
    finite = len(numbers) == len(values) and all(map(math.isfinite, numbers))
    return numbers if finite and len(numbers) >= 2 and figure.unit != "count" else []


def with_phase_error(
    evidence: Evidence, technique: str, method: str | None, metric: str
) -> Evidence:
    """A lateness widened by where in one step of its clock the run happened to begin: anywhere."""
    step_us = resolution_us(technique, method)
    if not step_us or not metric_or_unknown(metric).is_percentile_of("lateness"):
        return evidence
    return widened(evidence, step_us / _UNIFORM, _UNIFORM)


def task_stamps(packed: HistoryStamps) -> TaskStamps:
    """Unpack one task's or series' stamps.

    Raises :class:`~hil.model.errors.CaptureError` for what is damaged or of a newer format.
    """
    _check(packed)
    stamps, index, joined, windows = unpack_stamps(packed.data, packed.period_us)
    return TaskStamps(
        packed.period_us, stamps.astype(np.float64), index, joined, packed.cost_us, windows
    )


def _check(packed: HistoryStamps) -> None:
    if packed.format > FORMAT:
        raise CaptureError("stamps in the history are of a newer format; update hil")


class _FromStamps(NamedTuple):
    """What one task, series or set of events tells of its figures, whole and in its windows."""

    task: int | None
    method: str | None
    whole: dict[str, Evidence]
    parts: dict[str, list[float]]


def _from_stamps(
    case: HistoryCase, unpacked: Sequence[tuple[HistoryStamps, TaskStamps]], step_us: float
) -> list[_FromStamps]:
    results: list[_FromStamps] = []
    pools: dict[float, list[TaskStamps]] = defaultdict(list)
    for packed, stamps in unpacked:
        parts = task_parts(stamps)
        if packed.stored < packed.taken or packed.kind != "task":
            parts = {metric: parts[metric] for metric in parts if metric not in packed.counts}
        whole = task_evidence(stamps, step_us)
        results.append(_FromStamps(packed.task, packed.method, whole, parts))
        if packed.kind == "task":
            pools[packed.period_us].append(stamps)
    for packed in case.stamps:
        if packed.kind in ("isr", "defer"):
            _check(packed)
            latency = np.maximum(unpack_values(packed.data) - packed.cost_us, 0.0)
            whole = percentile_evidence(packed.kind, latency, step_us)
            windows = [latency[window] for window in cut_window(latency.size)]
            parts = percentile_parts(packed.kind, windows)
            results.append(_FromStamps(None, packed.method, whole, parts))
    if len(pools) == 1 and len(tasks := next(iter(pools.values()))) > 1:
        results.append(_over_all_tasks(case, tasks, step_us))
    return results


def _over_all_tasks(case: HistoryCase, tasks: Sequence[TaskStamps], step_us: float) -> _FromStamps:
    """Percentiles of all tasks together that each task has.

    Where a task's figure has no fixed distribution, only the windows bound it.
    """
    figures = [
        measurement
        for measurement in case.measurements
        if measurement.method is None and measurement.source == BOARD_SOURCE
    ]
    windows = [
        [task.lateness_us[span] for span in cut_window(task.index.size, task.later_windows)]
        for task in tasks
    ]
    together = [np.concatenate(parts) for parts in zip(*windows, strict=False)]
    parts = percentile_parts("lateness", together)
    late = np.concatenate([task.lateness_us for task in tasks])
    bounded = pooled_evidence(tasks, step_us)
    whole: dict[str, Evidence] = {}
    for metric, value in percentile_values("lateness", late).items():
        of_tasks = [figure for figure in figures if figure.metric == metric]
        if len(of_tasks) < len(tasks):
            continue
        if metric in bounded and all(map(_tells, of_tasks)):
            whole[metric] = bounded[metric]
        else:
            figure = replace(of_tasks[0], value=value, lo=None, hi=None)
            whole[metric] = figure_evidence(figure, step_us)
    return _FromStamps(None, None, whole, parts)


def _tells(figure: Measurement) -> bool:
    """Whether stamps bound this figure: not where the analysis says that nothing does."""
    bounded = figure.lo is not None or figure.hi is not None
    return bounded or _TOO_FEW in (figure.remarks or "")


def _with_value(evidence: Evidence, value: float) -> Evidence:
    return replace(evidence, value=value, y=on_scale(value, evidence.c))


class FigureKey(NamedTuple):
    """A figure's name within a run: ``board`` is what the runs are paired by.

    ``source`` and ``method`` are part of it: what an instrument saw and what the board stamped, or
    what was measured in two ways, are never held against each other. ``method`` is that of
    :func:`~hil.model.results.staged_method`.
    """

    board: str
    technique: str
    load: str
    task: int | None
    method: str | None
    metric: str
    source: str = BOARD_SOURCE


PAST_RUNS = 30
"""The most earlier runs that are compared with: more improve the noise floor little."""
PAST_RUNS_OF_PAIR = 16
"""The most runs from which the noise floor of two named runs is learned, while someone waits: with
15 degrees of freedom in place of 29 a bound is 4 % wider (Student's t) where no other figure tells
of the floor."""
_STANDARD_ERRORS_APART = 5.0
_RUNS_ON_A_SIDE = 3
RunEvidence = Mapping[FigureKey, Evidence]
"""Everything that one run says, by figure."""


def pair_figures(
    now: RunEvidence,
    history: Sequence[RunEvidence],
    reference: Sequence[RunEvidence] | None = None,
    *,
    two_nights: bool = True,
) -> Iterator[tuple[FigureKey, FigureHistory]]:
    """Each figure of ``now`` that a reference run has too, with what it is compared with.

    ``history`` are the runs before, the newest first: the noise floor is learned from them. Without
    ``reference`` they are the reference as well, and two runs together are compared with those
    before both, as soon as that leaves two. ``reference`` is not part of ``history``. Where earlier
    runs show a change of their own, only those after it count. ``two_nights`` is false where
    ``now`` is no run after those of ``history``.
    """
    for key, measured in now.items():
        before = [run[key] for run in history if key in run]
        fixed_runs = [run[key] for run in reference or () if key in run]
        evidence, *rest = bounded_by_parts([measured, *before, *fixed_runs])
        before, fixed_runs = rest[: len(before)], rest[len(before) :]
        history_evidence = since_change(_bounded(before))
        named = _bounded(fixed_runs)
        fixed = history_evidence if reference is None else named
        if not fixed:
            continue
        recent: Evidence | None = None
        earlier: ReferenceEvidence | None = None
        newest = before[0] if before and key in history[0] else None
        if newest is not None and not np.isfinite(newest.error):
            newest = None
        if two_nights and newest is not None:
            of_both = history_evidence[1:] if reference is None else fixed
            if reference is not None or len(of_both) >= 2:
                recent, earlier = (
                    newest,
                    ReferenceEvidence(tuple(of_both), tuple(history_evidence[1:])),
                )
        metric = metric_or_unknown(key.metric)
        yield (
            key,
            FigureHistory(
                case=(key.board, key.technique, key.load),
                metric=key.metric,
                sense=metric.sense,
                now=evidence,
                before=ReferenceEvidence(tuple(fixed), tuple(history_evidence)),
                recent=recent,
                earlier=earlier,
                leading=metric.compared == "leading"
                and key.method is None
                and (key.task is None or key._replace(task=None) not in now),
            ),
        )


def since_change(runs: list[Evidence]) -> list[Evidence]:
    """The newest of ``runs`` (newest first), up to where the figure's level has changed.

    A change is where the means before and after are 5 standard errors apart, with three runs on
    either side at least. The scale is that of the median difference between neighbouring runs,
    which a step between two of them does not widen.
    """
    count = len(runs)
    if count < 2 * _RUNS_ON_A_SIDE:
        return runs
    y = np.array([run.y for run in runs])
    # the median of a squared normal difference is 0.455 times its variance, which is twice theirs
    scale = float(np.median(np.square(np.diff(y)))) / (2.0 * 0.455)
    errors = [run.error**2 for run in runs if np.isfinite(run.error)]
    scale = max(scale, float(np.median(errors)) if errors else 0.0, 1e-18)
    newest = np.arange(_RUNS_ON_A_SIDE, count - _RUNS_ON_A_SIDE + 1)
    sums = np.cumsum(y)
    means = sums[newest - 1] / newest
    rest = (sums[-1] - sums[newest - 1]) / (count - newest)
    apart = np.abs(means - rest) / np.sqrt(scale * (1.0 / newest + 1.0 / (count - newest)))
    worst = int(np.argmax(apart))
    return runs[: int(newest[worst])] if apart[worst] > _STANDARD_ERRORS_APART else runs


def _bounded(figures: list[Evidence]) -> list[Evidence]:
    """The evidence with a finite error, or all where none has one."""
    return [evidence for evidence in figures if np.isfinite(evidence.error)] or figures
