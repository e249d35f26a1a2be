"""Histories without a change and techniques with one, judged as ``--hil-compare=last`` does."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from hil.analysis.change_detection import CHANGE_CONFIDENCE, judge_changes
from hil.analysis.uncertainty.distributions import normal_quantile
from hil.history.comparison_inputs import PAST_RUNS, FigureKey, pair_figures
from tools.regress.nights import Change, Night, Technique, lateness, make_bench, night

RISE = 0.20
"""How much p99 rises, relative."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One technique with a rise, after a history without."""

    n: int
    correlated: bool
    tail: bool
    noise: float
    detected: bool
    by_p99: bool
    oracle: float


def worse(now: Night, history: list[Night]) -> list[FigureKey]:
    """The figures of ``now`` that are worse, as ``--hil-compare=last`` judges them."""
    pairs = list(pair_figures(now, history[:PAST_RUNS]))
    verdicts = judge_changes([judged for _, judged in pairs])
    return [
        key for (key, _), verdict in zip(pairs, verdicts, strict=True) if verdict.trend == "worse"
    ]


def quiet_nights(job: tuple[int, int, tuple[float, float], float]) -> int:
    """Alarms in one history of so many nights without a change.

    With a ``wander`` each technique's level takes a random step of that relative size every night,
    which the comparison does not know of.
    """
    seed, nights, (noise, common), wander = job
    rng = np.random.default_rng([7, seed])
    bench = make_bench(rng, noise)
    history: list[Night] = []
    alarms = 0
    for _ in range(nights):
        steps = rng.normal(0.0, wander, len(bench)) if wander else np.zeros(len(bench))
        bench = [
            replace(technique, level_us=technique.level_us * math.exp(step))
            for technique, step in zip(bench, steps, strict=True)
        ]
        now = night(rng, bench, common)
        alarms += bool(history and worse(now, history))
        history.insert(0, now)
        del history[PAST_RUNS:]
    return alarms


def risen(job: tuple[int, tuple[float, float], tuple[int, ...]]) -> list[Trial]:
    """Each technique of one bench with a rise, in both kinds, on two nights."""
    seed, (noise, common), stamps = job
    rng = np.random.default_rng([8, seed])
    bench = make_bench(rng, noise, stamps)
    history = [night(rng, bench, common) for _ in range(PAST_RUNS)]
    nights = [night(rng, bench, common) for _ in range(2)]
    trials = []
    for technique in bench:
        possible = oracle(technique, math.hypot(technique.noise, common), len(bench))
        for tail in (False, True):
            change = Change(technique.name, RISE, tail)
            judged_against, hits = list(history), set()
            for base in nights:
                now = dict(base)
                now.update(night(rng, [technique], common, change))
                alarms = worse(now, judged_against)
                hits |= {key.metric for key in alarms if key.technique == technique.name}
                judged_against.insert(0, now)
            by_p99 = "lateness_p99_us" in hits
            trials.append(
                Trial(technique.n, technique.correlated, tail, noise, bool(hits), by_p99, possible)
            )
    return trials


def oracle(technique: Technique, noise: float, tests: int) -> float:
    """The share found by a normal test of p99 over both tasks that knows everything else."""
    error = p99_error(replace(technique, noise=0.0))
    sigma = math.hypot(error / math.sqrt(2.0), noise) / math.sqrt(2.0)
    limit = -normal_quantile((1.0 - CHANGE_CONFIDENCE) / 2.0 / tests)
    return 0.5 * math.erfc((limit - math.log1p(RISE) / sigma) / math.sqrt(2.0))


_ERRORS: dict[tuple[int, str, bool], float] = {}


def p99_error(technique: Technique) -> float:
    """Relative standard error of one task's p99 from one night, from 300 draws."""
    key = (technique.n, technique.shape, technique.correlated)
    if key not in _ERRORS:
        rng = np.random.default_rng(5)
        draws = [np.quantile(lateness(rng, technique, 1000.0), 0.99) for _ in range(300)]
        _ERRORS[key] = float(np.std(np.log(draws)))
    return _ERRORS[key]
