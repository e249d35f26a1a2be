"""Synthetic nights: what thirteen techniques would leave behind, with known night noise.

A technique's lateness has a level, a shape (exponential, log-normal, with rare late ones), and
either white or autocorrelated stamps (a first-order process of 0.6 behind a normal copula). A
night moves the level of everything together (the board was warmer) and of each technique by
itself, and so does each of the three windows of a night by itself; rare stalls of the host hit both
tasks of a capture. Of some techniques the analysis bounds no figure of the lateness.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hil.analysis.comparison_scale import (
    Evidence,
    TaskStamps,
    figure_evidence,
    pooled_evidence,
    stretches_of,
    task_evidence,
)
from hil.analysis.uncertainty.distributions import log_normal_tail
from hil.analysis.window_parts import cut_window, percentile_parts, task_parts, with_parts
from hil.history.comparison_inputs import FigureKey
from hil.model.results import Measurement

FloatArray = NDArray[np.float64]
Night = dict[FigureKey, Evidence]
PERIOD = 10_000.0
SHAPES = ("exponential", "lognormal", "spikes")
STAMPS = (500, 1000, 2000, 3000)
PHI = 0.6
WINDOWS = 3


@dataclass(frozen=True, slots=True)
class Technique:
    """One technique of the synthetic bench: ``noise`` is its own night noise, relative.

    ``within`` is what its windows differ by within a night; ``unbounded`` has no bounds of its own.
    """

    name: str
    n: int
    level_us: float
    shape: str
    correlated: bool
    noise: float
    within: float = 0.0
    unbounded: bool = False


@dataclass(frozen=True, slots=True)
class Shift:
    """All of the lateness of one technique is longer by ``by_us``."""

    technique: str
    by_us: float


def make_bench(
    rng: np.random.Generator, noise: float, stamps: tuple[int, ...] = STAMPS
) -> list[Technique]:
    """Thirteen techniques; their own night noise lies around ``noise`` (a factor of 1.5).

    Their windows differ within a night by about as much (a factor of 2).
    """
    techniques = []
    for number in range(13):
        own = noise * float(np.exp(rng.normal(0.0, 0.4)))
        techniques.append(
            Technique(
                name=f"t{number}",
                n=stamps[number % len(stamps)],
                level_us=float(np.exp(rng.uniform(np.log(40.0), np.log(800.0)))),
                shape=SHAPES[number % 3],
                correlated=(number // 4) % 2 == 1,
                noise=own,
                within=own * float(np.exp(rng.normal(0.0, 0.7))),
                unbounded=number % 5 == 4,
            )
        )
    return techniques


def night(
    rng: np.random.Generator,
    bench: list[Technique],
    common: float,
    shift: Shift | None = None,
) -> Night:
    """The evidence of one night; ``common`` is the night noise that all techniques share."""
    shared = float(np.exp(rng.normal(0.0, common)))
    evidence: Night = {}
    for technique in bench:
        level = technique.level_us * shared * float(np.exp(rng.normal(0.0, technique.noise)))
        windows = np.repeat(
            np.exp(rng.normal(0.0, technique.within, WINDOWS)), -(-technique.n // WINDOWS)
        )[: technique.n]
        stall = rng.random(technique.n) < 0.0004
        tasks = []
        for task in range(2):
            late = lateness(rng, technique, level) * windows
            if shift is not None and shift.technique == technique.name:
                late = late + shift.by_us
            late += stall * rng.uniform(12_000.0, 25_000.0)
            tasks.append(_task(late, task))
        for task, stamps in enumerate(tasks):
            parts = task_parts(stamps)
            told = _counts(stamps) | task_evidence(stamps, 1.0)
            _add(evidence, technique, task, told, parts)
        spans = [
            [task.lateness_us[span] for span in cut_window(technique.n, task.later_windows)]
            for task in tasks
        ]
        together = [np.concatenate(window) for window in zip(*spans, strict=True)]
        parts = percentile_parts("lateness", together)
        _add(evidence, technique, None, pooled_evidence(tasks, 1.0), parts)
    return evidence


def lateness(rng: np.random.Generator, technique: Technique, level: float) -> FloatArray:
    """The lateness of one task in one night, (n,) us."""
    normal = rng.normal(0.0, 1.0, technique.n)
    if technique.correlated:
        # y_i = phi y_{i-1} + sqrt(1 - phi^2) e_i
        normal = _filtered(normal)
    return level * shaped(normal, technique.shape)


def shaped(normal: FloatArray, shape: str) -> FloatArray:
    """A standard normal turned into the shape's distribution, with a scale of about 1."""
    if shape == "lognormal":
        return np.exp(0.6 * normal)
    upper = np.clip(np.exp(log_normal_tail(normal)), 1e-12, 1.0)
    exponential = -np.log(upper)
    if shape == "exponential":
        return 0.3 + exponential
    return 1.0 + 0.2 * exponential + np.where(upper < 0.03, 3.0 + 40.0 * (0.03 - upper), 0.0)


def _filtered(noise: FloatArray) -> FloatArray:
    result = np.empty_like(noise)
    last, scale = float(noise[0]), float(np.sqrt(1.0 - PHI * PHI))
    for at, value in enumerate((noise * scale).tolist()):
        last = last if at == 0 else PHI * last + value
        result[at] = last
    return result


def _task(late: FloatArray, task: int) -> TaskStamps:
    index = np.arange(late.size, dtype=np.int64)
    stamps = np.floor(index * PERIOD + late + 0.37 * task)
    size = -(-late.size // WINDOWS)
    windows = tuple(range(size, late.size, size))
    joined = np.ones(late.size - 1, dtype=np.bool_)
    joined[[at - 1 for at in windows]] = False
    return TaskStamps(PERIOD, stamps, index, joined, 0.0, windows)


def _counts(stamps: TaskStamps) -> dict[str, Evidence]:
    over = stamps.lateness_us >= PERIOD
    figure = Measurement(
        *("b", "t", "idle", 0, "overruns", "count"), float(over.sum()), None, None, over.size
    )
    return {
        "overruns": figure_evidence(figure, 1.0, stretches_of(over)),
        "missed": figure_evidence(
            Measurement("b", "t", "idle", 0, "missed", "count", 0.0, None, None, over.size), 1.0
        ),
    }


def _add(
    into: Night,
    technique: Technique,
    task: int | None,
    more: dict[str, Evidence],
    parts: dict[str, list[float]],
) -> None:
    for metric, evidence in more.items():
        if technique.unbounded and metric.startswith("lateness"):
            evidence = replace(evidence, low=math.inf, high=math.inf)
        if metric in parts:
            evidence = with_parts(evidence, parts[metric])
        into[FigureKey("b", technique.name, "idle", task, None, metric)] = evidence
