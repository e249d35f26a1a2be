"""False alarms and changes that are told of ``--hil-compare``, on synthetic nights.

    python -m tools.regress [nights] [benches] [--jobs N]

*No change:* histories of 60 nights from the first comparison on, thirteen techniques in three
windows with up to ten figures for two tasks each, without any change; a night alarms if any of its
figures is ``worse``. Goal: at most 1 % of the nights, and of the first comparisons alone.

*A change of three times the smallest one:* each comparison says for each figure what it would have
been told from. After 1, 3, 10 and 30 nights each technique in turn is late by three times that, in
a night of its own. Goal: 95 % of the figures are ``worse`` then. The table has the smallest change
itself, as a share of the figure: a goal that is met by changes that nobody would call small is
none.

Bounds are those of Clopper and Pearson at 95 %; a goal is missed where they exclude it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Iterator
from multiprocessing import Pool

from hil.analysis.uncertainty.distributions import binomial_bounds
from tools.regress.trials import HISTORY_LENGTHS, METRICS, Trial, quiet_nights, shifted

HISTORY = 60
GOAL_ALARMS, GOAL_TOLD = 0.01, 0.95
NOISES = ((0.005, 0.005), (0.01, 0.01), (0.02, 0.01), (0.05, 0.03), (0.10, 0.05))
"""Night noise of each technique and of all together, relative."""
SHIFTED_NOISES = ((0.01, 0.01), (0.05, 0.03))
WANDERS = (0.005, 0.01)


def shown(count: int, n: int) -> str:
    """A share with its bounds."""
    if not n:
        return "-"
    low, high = binomial_bounds(count, n, 0.95)
    return f"{count} of {n} ({count / n:.1%}, {low:.1%} to {high:.1%})"


def rows(trials: list[Trial]) -> Iterator[str]:
    """Smallest changes and what is told of three times as much, by past runs and noise."""
    yield "| past runs | night noise | figure | bounds | smallest change | told at 3 times |"
    yield "|--:|--:|---|---|--:|--:|"
    for earlier in HISTORY_LENGTHS:
        for noise in dict.fromkeys(trial.noise for trial in trials):
            for metric in METRICS:
                for unbounded in (False, True):
                    of_kind = [
                        trial
                        for trial in trials
                        if (trial.earlier, trial.noise, trial.unbounded)
                        == (earlier, noise, unbounded)
                        and (trial.key.metric, trial.key.task) == (metric, None)
                    ]
                    if of_kind:
                        share = statistics.median(trial.share for trial in of_kind)
                        text = f"{share:.0%}" if share < 2.0 else f"{share:.1f} times"
                        kind = "by windows only" if unbounded else "by stamps"
                        yield (
                            f"| {earlier} | {noise:.0%} | {metric} | {kind} | {text} "
                            f"| {told_text(of_kind)} |"
                        )


def told_text(trials: list[Trial]) -> str:
    """How many of those that could be made were told."""
    made = [trial for trial in trials if trial.told is not None]
    return f"{sum(bool(trial.told) for trial in made)} of {len(made)}"


def main() -> int:
    """Print the tables; exit status 1 if a goal is missed."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.regress", description=__doc__.splitlines()[0]
    )
    parser.add_argument("nights", nargs="?", type=int, default=2400)
    parser.add_argument("benches", nargs="?", type=int, default=8, help="benches of each noise")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    begin = time.monotonic()
    count = max(1, args.nights // HISTORY)
    quiet = [(seed, HISTORY, NOISES[seed % len(NOISES)], 0.0) for seed in range(count)]
    wandering = [
        (1000 + at, HISTORY, NOISES[1], wander)
        for at, wander in enumerate(each for each in WANDERS for _ in range(max(1, count // 6)))
    ]
    benches = [(seed, noise) for noise in SHIFTED_NOISES for seed in range(args.benches)]
    with Pool(args.jobs) as pool:
        nights = pool.map(quiet_nights, quiet, 1)
        moved = pool.map(quiet_nights, wandering, 1)
        trials = [trial for part in pool.map(shifted, benches, 1) for trial in part]
    alarms, compared = sum(map(sum, nights)), sum(map(len, nights))
    first = sum(history[0] for history in nights)
    print("# Nights without a change\n")
    print(f"night noise 0.5 % to 10 %: alarms on {shown(alarms, compared)}")
    print(f"of these the first comparisons: {shown(first, len(nights))}")
    for wander in WANDERS:
        some = [part for part, job in zip(moved, wandering, strict=True) if job[3] == wander]
        text = shown(sum(map(sum, some)), sum(map(len, some)))
        print(f"levels that wander by {wander:.1%} a night (no goal): alarms on {text}")
    made = [trial for trial in trials if trial.told is not None]
    told = sum(bool(trial.told) for trial in made)
    print("\n# Later by three times the smallest change that would have been told\n")
    print(f"told: {shown(told, len(made))}")
    print(f"smallest change above a hundred times the figure: {len(trials) - len(made)}\n")
    print("\n".join(rows(trials)))
    print(f"\n{time.monotonic() - begin:.0f} s")
    good = (
        binomial_bounds(alarms, compared, 0.95)[0] <= GOAL_ALARMS
        and binomial_bounds(first, len(nights), 0.95)[0] <= GOAL_ALARMS
        and bool(made)
        and binomial_bounds(told, len(made), 0.95)[1] >= GOAL_TOLD
    )
    print("goals met" if good else "GOALS MISSED")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
