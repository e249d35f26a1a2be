"""One synthetic capture of a kind, and what its figures say, through the door of real ones."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from hil.analysis.activations import assign
from hil.analysis.latency import measure_events
from hil.analysis.metric_sheet import Estimate, MetricSheet
from hil.analysis.stamp_costs import StampCosts
from hil.analysis.task_figures import measure_task
from hil.model.captures import EventSet
from hil.recording.joined_windows import join_windows
from tools import synthetic_captures
from tools.coverage.kinds import KINDS, Kind
from tools.coverage.truths import Truth, covered, windowed
from tools.synthetic_captures import board, quantise

TOLERANCES = {
    "lateness_max_us": "lateness",
    "period_jitter_pp_us": "intervals",
    "c2c_jitter_max_us": "changes",
    "isr_latency_max_us": "lateness",
}
"""Extremes whose tolerance statement is tested, and of which population."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one figure of one capture came to; ``held`` of the ends that were given."""

    metric: str
    value: float
    lo: float | None
    hi: float | None
    held: bool
    worth: float


def outcomes(name: str, n: int, windows: int, seed: int, truth: Truth) -> list[Outcome]:
    """The figures of one capture that have a truth."""
    kind = KINDS[name]
    rng = np.random.default_rng((seed, n, windows, list(KINDS).index(name)))
    # a part of a microsecond, so that the truth lies anywhere between two steps of the clock
    level = (seed * 0.6180339887) % 1.0
    late = kind.capture(n, windows, rng)
    figures = list(_task(kind, late, level, rng, truth))
    if windows == 1 and not windowed(kind):
        figures += _events(kind, n, level, rng, truth)
    return figures


def _task(kind, late, level, rng, truth):
    captures = []
    for part in late:
        origin = rng.uniform(1e6, 2e6)
        grid = origin + np.arange(part.size) * float(synthetic_captures.PERIOD_US)
        stamps = quantise(grid + level + part, kind.step_us)
        start = int(quantise(np.array([origin]), kind.step_us)[0])
        captures.append(
            synthetic_captures.capture(
                [stamps - start - synthetic_captures.grid(part.size)],
                of=board(step_us=kind.step_us),
                technique="thread" if kind.naive else "timer_hard",
                origin_us=start,
                numbered=not kind.naive,
            )
        )
    joined = join_windows(captures)
    activations = assign(joined.tracks[0], joined.plan.technique)
    sheet = measure_task(activations, kind.step_us, 0.0)
    return _judged(sheet, truth, level, kind.step_us)


def _events(kind: Kind, n: int, level: float, rng: np.random.Generator, truth: Truth):
    stimulus = rng.uniform(1e6, 2e6) + np.cumsum(rng.uniform(5_000, 6_000, n))
    handled = stimulus + level + kind.draw(n, 0, rng)
    step = kind.step_us
    events = EventSet("isr", "synthetic", quantise(stimulus, step), quantise(handled, step))
    sheet = MetricSheet(None)
    measure_events(events, step, StampCosts(), 0.0, sheet)
    return _judged(sheet, truth, level, step)


def _judged(sheet: MetricSheet, truth: Truth, level: float, step_us: float):
    for figure in sheet.figures:
        shift = level if figure.metric.startswith(("lateness", "isr_latency")) else 0.0
        if figure.metric in TOLERANCES:
            yield from _tolerance(figure, truth, shift, step_us)
        elif figure.metric in truth.values:
            true = truth.values[figure.metric] + shift
            lo, hi = figure.bounds.lo, figure.bounds.hi
            held = (lo is None or lo <= true) and (hi is None or true <= hi)
            share = 0.0 if "lateness" in figure.metric or "isr" in figure.metric else 1.0
            share = truth.carriers.get(figure.metric, share)
            worth = figure.n_effective or share * figure.n
            yield Outcome(figure.metric, figure.value, lo, hi, held, worth)


def _tolerance(figure: Estimate, truth: Truth, shift: float, step_us: float):
    said = re.search(r"covers ([\d.]+) %", figure.bounds.why_not or "")
    if not said:
        return
    population = getattr(truth, TOLERANCES[figure.metric])
    high = figure.value + 2.0 * step_us - shift
    if figure.metric == "period_jitter_pp_us":
        # the best that a range of this length can cover is more than what it did: judged by its
        # own ends, which the figure does not tell, it is tested in tests/analysis instead
        return
    share = covered(population, -np.inf, high)
    held = share >= float(said[1]) / 100.0
    yield Outcome(figure.metric + " *", figure.value, 0.0, None, held, figure.n_effective or 0.0)
