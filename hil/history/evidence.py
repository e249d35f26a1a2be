"""From what is kept of a run to what it says of each figure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from hil.analysis.evidence import (
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
from hil.analysis.pairing import FigureKey
from hil.errors import CaptureError
from hil.history.kept import KeptCase, KeptStamps
from hil.history.packing import FORMAT, unpack_stamps, unpack_values
from hil.metrics import MILLISECOND_TECHNIQUES
from hil.records import Measurement

_PREFIX = {"isr": "isr_latency", "defer": "defer_latency"}
_TOO_FEW = "too few independent"
_PHASE = (1000.0 / math.sqrt(12.0), math.sqrt(12.0))
"""A phase anywhere within a millisecond: standard deviation (us), and how many of them it spans."""
DERIVED = frozenset({"desync_s"})
"""Not compared: seen in one run and extrapolated in the next, it moves by orders of magnitude where
nothing changed. What it follows from, the phase's error and the drift, is compared."""


def case_evidence(case: KeptCase, board: str) -> dict[FigureKey, Evidence]:
    """Everything that one case of a run says, with ``board`` as what runs are paired by.

    From the stamps where they tell, else from the figures' own bounds. The value is the figure's,
    which rests on all stamps, also where those that are kept were thinned.
    """
    step_us = max((one.step_us for one in case.stamps), default=1.0)
    counts = {
        (one.task, metric): stretches
        for one in case.stamps
        if one.kind == "task"
        for metric, stretches in one.counts.items()
    }
    figures = {
        (one.task, one.method, one.metric): one
        for one in case.measurements
        if one.metric not in DERIVED
    }
    found = {
        key: figure_evidence(one, step_us, None if key[1] else counts.get((key[0], key[2])))
        for key, one in figures.items()
    }
    unpacked = [(one, task_stamps(one)) for one in case.stamps if one.kind in ("task", "series")]
    for kept, stamps in unpacked:
        drift = (kept.task, kept.method, "schedule_drift_ppm")
        if drift in found:
            found[drift] = widened(found[drift], tilt_ppm(stamps))
    for task, method, told in _from_stamps(case, unpacked, step_us):
        for metric, evidence in told.items():
            key = (task, method, metric)
            figure = figures.get(key)
            if figure is None and key[:2] == (None, None):
                found[key] = evidence
            elif figure is not None and _tells(figure):
                found[key] = _with_value(evidence, figure.value)
    return {
        FigureKey(board, case.technique, case.load, *key): (
            widened(evidence, *_PHASE) if _has_phase(case.technique, *key[1:]) else evidence
        )
        for key, evidence in found.items()
    }


def _has_phase(technique: str, method: str | None, metric: str) -> bool:
    """Whether this lateness hangs on where in a millisecond the run happened to begin."""
    by_asyncio = method.startswith("asyncio/") if method else technique in MILLISECOND_TECHNIQUES
    return by_asyncio and metric.startswith("lateness_p")


def task_stamps(one: KeptStamps) -> TaskStamps:
    """Unpack one task's or series' stamps.

    Raises :class:`~hil.errors.CaptureError` for what is damaged or of a newer format.
    """
    _check(one)
    stamps, index, joined = unpack_stamps(one.data, one.period_us)
    return TaskStamps(one.period_us, stamps.astype(np.float64), index, joined, one.cost_us)


def _check(one: KeptStamps) -> None:
    if one.format > FORMAT:
        raise CaptureError("stamps in the history are of a newer format; update hil")


def _from_stamps(
    case: KeptCase, unpacked: Sequence[tuple[KeptStamps, TaskStamps]], step_us: float
) -> list[tuple[int | None, str | None, dict[str, Evidence]]]:
    found: list[tuple[int | None, str | None, dict[str, Evidence]]] = []
    pools: dict[float, list[TaskStamps]] = defaultdict(list)
    for one, stamps in unpacked:
        found.append((one.task, one.method, task_evidence(stamps, step_us)))
        if one.kind == "task":
            pools[one.period_us].append(stamps)
    for one in case.stamps:
        if one.kind not in ("task", "series"):
            _check(one)
            latency = np.maximum(unpack_values(one.data) - one.cost_us, 0.0)
            told = percentile_evidence(_PREFIX[one.kind], latency, step_us)
            found.append((None, one.method, told))
    if len(pools) == 1 and len(tasks := next(iter(pools.values()))) > 1:
        every: Callable[[str], bool] = lambda metric: all(  # noqa: E731
            metric in told for task, method, told in found if task is not None and method is None
        )
        whole = pooled_evidence(tasks, step_us)
        steady = {
            metric: evidence
            for metric, evidence in whole.items()
            if every(metric) and _steady(case, metric)
        }
        found.append((None, None, steady))
    return found


def _steady(case: KeptCase, metric: str) -> bool:
    """Whether no task's figure says that it has no fixed distribution."""
    mine = [one for one in case.measurements if one.metric == metric and one.method is None]
    return bool(mine) and all(_tells(one) for one in mine)


def _tells(figure: Measurement) -> bool:
    """Whether stamps bound this figure: not where the analysis says that nothing does."""
    bounded = figure.lo is not None or figure.hi is not None
    return bounded or _TOO_FEW in (figure.remarks or "")


def _with_value(evidence: Evidence, value: float) -> Evidence:
    return replace(evidence, value=value, y=on_scale(value, evidence.c))
