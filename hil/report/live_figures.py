"""The figures of a capture that is still being taken, by the same functions as the report's."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.activations import activations_of, lateness_us
from hil.analysis.clock import instrument
from hil.analysis.streaming_cost import streaming_cost
from hil.analysis.summary import summarise_tasks
from hil.report.terminal.sparklines import Group, lateness_groups

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.model.captures import Capture, FloatArray
    from hil.model.results import Measurement

LIVE_METRICS = (
    *("lateness_p50_us", "lateness_p99_us", "lateness_max_us"),
    *("missed", "extra", "dropped"),
)
LAST = 12
"""How many of the last activations of each task are shown."""
BINS = 60


@dataclass(frozen=True, slots=True)
class TaskSoFar:
    """One task: its figures by metric, its number of activations, the lateness of the last ones."""

    index: int
    period_us: float
    n: int
    figures: Mapping[str, Measurement]
    last_us: FloatArray
    name: str = ""
    """What a program of the user's own calls it; empty where it has only its number."""
    sending: str | None = None
    """What sending the stamps costs, where that is known: a line."""


@dataclass(frozen=True, slots=True)
class FiguresSoFar:
    """All tasks, the distribution of their lateness, and how long it took to compute (ms)."""

    tasks: tuple[TaskSoFar, ...] = ()
    lateness: Group | None = None
    cost_ms: float = 0.0


def figures_so_far(capture: Capture) -> FiguresSoFar:
    """The figures of what came so far.

    They have no verdicts: the window's end is where the last stamp is, and more will come.
    """
    began = time.perf_counter()
    measured: dict[int | None, dict[str, Measurement]] = {}
    for measurement in summarise_tasks(capture):
        if measurement.metric in LIVE_METRICS:
            measured.setdefault(measurement.task, {})[measurement.metric] = measurement
    read_cost_us = instrument(capture).read_cost_us
    tasks = []
    for track in capture.tracks:
        activations = activations_of(capture, track)
        first = max(0, activations.n - LAST)
        last_us = np.round(lateness_us(activations, first, activations.n) - read_cost_us, 3)
        figures = measured.get(track.index, {})
        cost = streaming_cost(capture, track.index)
        sending = None if cost is None else cost.line
        tasks.append(
            TaskSoFar(
                *(track.index, track.period_us, activations.n, figures, last_us),
                *(track.name, sending),
            )
        )
    group = next(lateness_groups([capture], BINS), None)
    cost_ms = (time.perf_counter() - began) * 1e3
    return FiguresSoFar(tuple(tasks), group, cost_ms)
