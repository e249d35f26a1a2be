"""Histories without a change and techniques with one, judged as ``--hil-compare=last`` does."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from hil.analysis.change_detection import JudgedChange, judge_changes
from hil.history.comparison_inputs import PAST_RUNS, FigureKey, pair_figures
from tools.regress.nights import Night, Shift, make_bench, night

TIMES = 3.0
"""How many times the smallest change that would have been told a shift is."""
HISTORY_LENGTHS = (1, 3, 10, 30)
"""How many past runs there are."""
MOST_TIMES = 100.0
"""A smallest change of more than a hundred times the figure tells nothing, and is none."""
METRICS = ("lateness_p50_us", "lateness_p99_us")


@dataclass(frozen=True, slots=True)
class Trial:
    """One figure of a technique that was shifted by three times what it would be told from.

    ``share`` is that smallest change as a share of the figure; ``told`` is ``None`` where it is no
    change that could be made.
    """

    earlier: int
    noise: float
    key: FigureKey
    unbounded: bool
    share: float
    told: bool | None


def judged(now: Night, history: list[Night]) -> dict[FigureKey, JudgedChange]:
    """Every figure of ``now``, as ``--hil-compare=last`` judges it."""
    pairs = list(pair_figures(now, history[:PAST_RUNS]))
    verdicts = judge_changes([figure for _, figure in pairs])
    return {key: verdict for (key, _), verdict in zip(pairs, verdicts, strict=True)}


def worse(now: Night, history: list[Night]) -> list[FigureKey]:
    """The figures of ``now`` that are worse."""
    return [key for key, verdict in judged(now, history).items() if verdict.trend == "worse"]


def quiet_nights(job: tuple[int, int, tuple[float, float], float]) -> list[bool]:
    """For each night of one history without a change, from the second on, whether it alarms.

    With a ``wander`` each technique's level takes a random step of that relative size every night,
    which the comparison does not know of.
    """
    seed, nights, (noise, common), wander = job
    rng = np.random.default_rng([7, seed])
    bench = make_bench(rng, noise)
    history: list[Night] = []
    alarms = []
    for _ in range(nights):
        steps = rng.normal(0.0, wander, len(bench)) if wander else np.zeros(len(bench))
        bench = [
            replace(technique, level_us=technique.level_us * math.exp(step))
            for technique, step in zip(bench, steps, strict=True)
        ]
        now = night(rng, bench, common)
        if history:
            alarms.append(bool(worse(now, history)))
        history.insert(0, now)
        del history[PAST_RUNS:]
    return alarms


def shifted(job: tuple[int, tuple[float, float]]) -> list[Trial]:
    """Each technique of one bench later by three times what each of its figures is told from.

    The smallest change is that of a night without one; the shift comes in another night.
    """
    seed, (noise, common) = job
    rng = np.random.default_rng([8, seed])
    bench = make_bench(rng, noise)
    history = [night(rng, bench, common) for _ in range(PAST_RUNS)]
    trials = []
    for earlier in HISTORY_LENGTHS:
        quiet = night(rng, bench, common)
        verdicts = judged(quiet, history[:earlier])
        for technique in bench:
            for metric in METRICS:
                for task in (0, None):
                    key = FigureKey("b", technique.name, "idle", task, None, metric)
                    verdict = verdicts.get(key)
                    if verdict is None or verdict.detectable is None:
                        continue
                    share = verdict.detectable / verdict.before
                    told = None
                    if share <= MOST_TIMES:
                        shift = Shift(technique.name, by_us=TIMES * verdict.detectable)
                        now = quiet | night(rng, [technique], common, shift)
                        told = judged(now, history[:earlier])[key].trend == "worse"
                    trials.append(Trial(earlier, noise, key, technique.unbounded, share, told))
    return trials
