"""What keeps the person waiting: the suite's wall time, the first stamp, the page, the imports."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from hil.plan import STREAMING_FROM_US
from hil.records import Capture

ROOT = Path(__file__).resolve().parents[3]
SUITE = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT), "-q", "-p", "no:cacheprovider"]
assert STREAMING_FROM_US


def run(command: list[str], **options: object) -> float:
    """Seconds of a command; its output is not looked at."""
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)  # type: ignore[call-overload]
    return time.perf_counter() - start


def pytest(board: str, out: str, *more: str) -> list[str]:
    return [
        *(sys.executable, "-m", "pytest", str(ROOT / "benchmarks"), *SUITE),
        *(f"--board={board}", f"--hil-out={out}", *more),
    ]


def windows_s(capture: Capture) -> tuple[float, float]:
    """Seconds in which one capture records: its window, and what follows it."""
    series = {(s.track.origin_us, s.track.end_us) for s in capture.series}
    after = sum(end - origin for origin, end in merged(series))
    for name in ("share.with_us", "share.bare_us"):
        after += int(capture.values.get(name, np.zeros(0)).sum())
    return capture.plan.duration_us / 1e6, after / 1e6


def merged(spans: set[tuple[int, int]]) -> list[tuple[int, int]]:
    """Series that ran at the same time count once."""
    result: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if result and start < result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result
