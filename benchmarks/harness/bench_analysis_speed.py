"""Speed and memory of the analysis; prints ratios measured in one run.

    python benchmarks/harness/bench_analysis_speed.py [stamps, default 10000000]

Beside it: the same figures by plain numpy calls without bounds, and ADEV, TDEV and MTIE by
allantools (MTIE on a hundredth of the stamps, where it takes long enough).
"""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Callable

import allantools
import numpy as np

from hil.analysis import measure, stability
from hil.records import BoardIdentity, Capture, CapturePlan, TaskPlan, Track

PERIOD = 1000


def best(work: Callable[[], object], repeats: int = 2) -> float:
    """Shortest of some runs, s."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def build(n: int) -> Capture:
    rng = np.random.default_rng(1)
    stamps = np.arange(n, dtype=np.int64) * PERIOD
    stamps += rng.normal(200.0, 50.0, n).astype(np.int64)
    board = BoardIdentity("b", "", "sim", "", "", "", 2**30)
    plan = CapturePlan("timer_hard", "idle", (TaskPlan(0, PERIOD),), n * PERIOD)
    return Capture(board, plan, (Track(0, PERIOD, 0, n * PERIOD, stamps),))


def plain(stamps: np.ndarray) -> list[float]:
    """What one would type at a prompt: the same figures with no bounds and no stability."""
    late = stamps - np.arange(stamps.size) * PERIOD
    gaps = np.diff(stamps)
    change = np.diff(gaps)
    line = np.polyfit(np.arange(stamps.size), late, 1)
    tie = late - np.polyval(line, np.arange(stamps.size))
    return [
        *np.percentile(late, [50, 99, 99.9, 100]),
        gaps.mean(),
        gaps.std(),
        np.ptp(gaps),
        np.sqrt(np.mean(change**2)),
        np.abs(change).max(),
        tie.std(),
        np.ptp(tie),
    ]


def main(n: int) -> None:
    capture = build(n)
    stamps = capture.tracks[0].stamps_us
    ours = best(lambda: measure(capture))
    simple = best(lambda: plain(stamps))
    tracemalloc.start()
    measure(capture)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(f"{n} stamps: all figures with bounds {ours:.2f} s")
    print(f"{ours / simple:.2f} of the time of plain numpy calls without bounds")
    print(f"memory beyond the raw stamps: {peak / stamps.nbytes:.1f} times the raw stamps")
    for name, size, reference in (
        ("adev", n, allantools.oadev),
        ("tdev", n, allantools.tdev),
        ("mtie", n // 100, allantools.mtie),
    ):
        x = np.random.default_rng(2).normal(0.0, 50.0, size)
        factors = stability.octaves(size)
        work: dict[str, Callable[[], object]] = {
            "adev": lambda x=x, f=factors: [stability.adev(x, 1.0, m) for m in f],
            "tdev": lambda x=x, f=factors: _tdev(x, f),
            "mtie": lambda x=x, f=factors: stability.mtie(x, f),
        }
        mine = best(work[name])
        theirs = best(
            lambda x=x, r=reference, f=factors: r(x, rate=1.0, data_type="phase", taus=f), 1
        )
        what = f"{name} over {len(factors)} octaves of {size}"
        print(f"{what}: {mine:.3f} s, allantools {theirs / mine:.0f}x")
    sizes = (10**4, 10**5, 10**6, 10**7)
    for size in (s for s in sizes if s <= n):
        x = np.random.default_rng(2).normal(0.0, 50.0, size)
        factors = stability.octaves(size)
        per = best(lambda x=x, f=factors: stability.mtie(x, f)) / size / np.log2(size)
        print(f"mtie: {per * 1e9:.2f} ns per stamp and octave at {size}")


def _tdev(x: np.ndarray, factors: list[int]) -> list[float]:
    sums = stability.running_sum(stability.without_line(x))
    return [stability.tdev(x, m, sums) for m in factors]


if __name__ == "__main__":
    main(int(float(sys.argv[1])) if len(sys.argv) > 1 else 10_000_000)
