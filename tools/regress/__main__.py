"""False alarms and found changes of ``--hil-compare``, on synthetic nights.

    python -m tools.regress [nights] [trials] [--jobs N]

*No change:* histories of 200 nights from the first night on, thirteen techniques with up to ten
figures for two tasks each, without any change; a night alarms if any figure is ``worse``. The first
history is printed by itself, then all nights together, with the exact 95 % bounds of the share
(Clopper and Pearson).

*A rise of 20 %:* after 30 nights one technique's p99 lateness rises by 20 %, either with all of its
lateness or only in the tail above p90. It is found if a figure of that technique is ``worse`` on
the first or the second night with the change.

What can be found is limited by the night noise and by how much the stamps of a night say. The
column *oracle* is the share that somebody would find who knows the level, the noise and the
distribution exactly, looks at nothing but the p99 over both tasks on the same two nights, and is
allowed as few false alarms for all techniques together; no test of p99 alone finds more. The goal
is judged on the cases in which the oracle finds at least 99 %: elsewhere the table says what
physics leaves.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from multiprocessing import Pool

from hil.analysis.uncertainty.distributions import binomial_bounds
from tools.regress.trials import Trial, quiet_nights, risen

HISTORY = 200
GOAL_ALARMS, GOAL_FOUND = 0.01, 0.95
POSSIBLE = 0.99
NOISES = ((0.005, 0.005), (0.02, 0.01), (0.05, 0.03), (0.10, 0.05))
"""Night noise of each technique and of all together, relative."""
TYPICAL = (0.01, 0.01)
WANDERS = (0.005, 0.01)


def shown(count: int, n: int) -> str:
    """A share with its bounds."""
    if not n:
        return "-"
    low, high = binomial_bounds(count, n, 0.95)
    return f"{count} of {n} ({count / n:.1%}, 95 % bounds {low:.1%} to {high:.1%})"


def rows(trials: list[Trial]) -> Iterator[str]:
    """The operating curve by stamps, correlation and noise."""
    yield "| stamps | error | night noise | kind of rise | oracle | found | p99 itself | trials |"
    yield "|--:|---|--:|---|--:|--:|--:|--:|"
    keys = sorted({(t.n, t.correlated, t.noise, t.tail) for t in trials})
    for n, correlated, noise, tail in keys:
        key = (n, correlated, noise, tail)
        same = [t for t in trials if (t.n, t.correlated, t.noise, t.tail) == key]
        share = sum(t.detected for t in same) / len(same)
        p99 = sum(t.by_p99 for t in same) / len(same)
        best = sum(t.oracle for t in same) / len(same)
        kind = "tail only" if tail else "all of it"
        error = "autocorrelated" if correlated else "white"
        yield (
            f"| {n} | {error} | {noise:.1%} | {kind} | {best:.0%} | {share:.0%} | {p99:.0%} "
            f"| {len(same)} |"
        )


def main() -> int:
    """Print both figures and the operating curve; exit status 1 if a goal is missed."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.regress", description=__doc__.splitlines()[0]
    )
    parser.add_argument("nights", nargs="?", type=int, default=2400)
    parser.add_argument("trials", nargs="?", type=int, default=8, help="benches of each noise")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    begin = time.monotonic()
    count = max(1, args.nights // HISTORY)
    quiet = [(seed, HISTORY, NOISES[seed % len(NOISES)], 0.0) for seed in range(count)]
    quiet[0] = (0, HISTORY, TYPICAL, 0.0)
    wandering = [
        (1000 + at, HISTORY, NOISES[1], wander)
        for at, wander in enumerate(each for each in WANDERS for _ in range(max(1, count // 6)))
    ]
    benches = [
        (100 * at + seed, noise, stamps)
        for at, noise in enumerate((TYPICAL, *NOISES[1:]))
        for seed in range(args.trials if at == 0 else max(1, args.trials // 4))
        for stamps in ((500, 1000, 2000, 3000),)
    ]
    with Pool(args.jobs) as pool:
        alarms = pool.map(quiet_nights, quiet, 1)
        moved = pool.map(quiet_nights, wandering, 1)
        trials = [trial for part in pool.map(risen, benches, 1) for trial in part]
    print("# Nights without a change\n")
    print(f"200 nights: alarms on {shown(alarms[0], HISTORY)}")
    total = shown(sum(alarms), HISTORY * count)
    print(f"{HISTORY * count} nights, night noise 0.5 % to 10 %: alarms on {total}")
    for wander in WANDERS:
        counts = [n for n, job in zip(moved, wandering, strict=True) if job[3] == wander]
        text = shown(sum(counts), HISTORY * len(counts))
        print(f"levels that wander by {wander:.1%} a night (no goal): alarms on {text}")
    print("\n# p99 lateness up by 20 %\n")
    able = [t for t in trials if t.oracle >= POSSIBLE]
    detected = sum(t.detected for t in able)
    print(f"within 2 nights, where the oracle finds {POSSIBLE:.0%}: {shown(detected, len(able))}")
    for tail in (False, True):
        of_kind = [t for t in able if t.tail == tail]
        hits = shown(sum(t.detected for t in of_kind), len(of_kind))
        named = shown(sum(t.by_p99 for t in of_kind), len(of_kind))
        print(f"  {'only the tail' if tail else 'all of the lateness'}: {hits}")
        print(f"    by p99 itself: {named}")
    print()
    print("\n".join(rows(trials)))
    print(f"\n{time.monotonic() - begin:.0f} s")
    low_alarms = binomial_bounds(sum(alarms), HISTORY * count, 0.95)[0]
    good = alarms[0] <= GOAL_ALARMS * HISTORY and sum(alarms) <= GOAL_ALARMS * HISTORY * count
    good = good and low_alarms <= GOAL_ALARMS and detected >= GOAL_FOUND * len(able)
    print("goals met" if good else "GOALS MISSED")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
