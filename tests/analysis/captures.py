"""Captures built from arrays, for the tests of the analysis."""

from __future__ import annotations

from typing import Any

import numpy as np

from hil.model.board import BoardIdentity
from hil.model.captures import Capture, CapturePlan, TaskPlan, Track
from hil.model.results import Measurement

PERIOD = 10_000


def board(step_us: float = 1.0) -> BoardIdentity:
    return BoardIdentity("b", "p", "sim", "linux", "m", "1", 2**30, tick_resolution_us=step_us)


def track(
    stamps: Any, *, period: float = PERIOD, releases: int | None = None, **more: Any
) -> Track:
    values = np.asarray(stamps, dtype=np.int64)
    count = values.size if releases is None else releases
    index = more.pop("index", 0)
    origin = more.pop("origin", 0)
    end = more.pop("end", origin + int(count * period))
    given = more.pop("given", None)
    return Track(index, period, origin, end, values, releases=given, **more)


def capture(*tracks: Track, technique: str = "timer_hard", **more: Any) -> Capture:
    plans = tuple(TaskPlan(t.index, int(t.period_us)) for t in tracks)
    step = more.pop("step_us", 1.0)
    return Capture(board(step), CapturePlan(technique, "idle", plans, 0), tracks, **more)


def grid(n: int, period: int = PERIOD) -> np.ndarray:
    return np.arange(n, dtype=np.int64) * period


def by_name(measurements: list[Measurement], task: int | None = 0) -> dict[str, Measurement]:
    return {
        measurement.metric: measurement for measurement in measurements if measurement.task == task
    }
