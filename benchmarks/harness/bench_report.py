"""How long the page takes, how big it is: ``python benchmarks/harness/bench_report.py [STAMPS]``.

The full nightly matrix of synthetic captures (13 techniques, 7 loads, two tasks of STAMPS stamps,
50,000 by default), the page alone: the analysis that makes the numbers is timed elsewhere.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from hil.metrics import LOADS, NAIVE_TECHNIQUES, TECHNIQUES, find_metric
from hil.records import BoardIdentity, Capture, CapturePlan, Measurement, RunInfo, TaskPlan, Track
from hil.report.cases import case_parts
from hil.report.html import render_page
from hil.report.page_templates import data_block
from hil.results import Results

PERIOD_US = 10_000
FIGURES = 70
"""Figures of a real case, some; each with a note of 80 characters."""


def capture(board: BoardIdentity, technique: str, load: str, n: int) -> Capture:
    """Two tasks with exponential lateness; naive techniques drift."""
    rng = np.random.default_rng(len(technique) + 31 * len(load))
    tracks = []
    for index in range(2):
        late = rng.exponential(180, n)
        if technique in NAIVE_TECHNIQUES:
            late += np.cumsum(rng.exponential(120, n))
        stamps = np.sort(np.arange(n) * PERIOD_US + late.astype(np.int64))
        tracks.append(Track(index, PERIOD_US, 0, n * PERIOD_US, stamps, releases=np.arange(n)))
    tasks = (TaskPlan(0, PERIOD_US), TaskPlan(1, PERIOD_US))
    return Capture(board, CapturePlan(technique, load, tasks, n * PERIOD_US), tuple(tracks))


def figures(one: Capture) -> list[Measurement]:
    """As many figures as a real case has; the values do not matter here."""
    where = (one.board.name, one.plan.technique, one.plan.load)
    names = ("lateness_p50_us", "lateness_p99_us", "lateness_max_us", "schedule_drift_ppm")
    units = [(name, metric.unit) for name in names if (metric := find_metric(name))]
    return [
        Measurement(*where, k, name, unit, 123.456 + k, 100.0, 200.0, 50_000, note="n" * 80)
        for k in range(FIGURES // len(units))
        for name, unit in units
    ]


def main() -> int:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    board = BoardIdentity("bench", "-", "hardware", "-", "-", "-", 1 << 30)
    captures = [capture(board, technique, load, n) for technique in TECHNIQUES for load in LOADS]
    run = RunInfo("bench", "2026-01-01T00:00:00Z", 0.0, "nightly", "-", "-", "hardware")
    found = tuple(figure for one in captures for figure in figures(one))
    results = Results(run, (board,), found)
    render_page(results, captures[:1])  # imports
    start, cpu = time.perf_counter(), time.process_time()
    page = render_page(results, captures)
    took, used = time.perf_counter() - start, time.process_time() - cpu
    print(f"{len(captures)} cases, 2 x {n} stamps: {took:.1f} s ({used:.1f} s of processor time)")
    print(f"page: {len(page.encode()) / 1e6:.2f} MB")
    start, cpu = time.perf_counter(), time.process_time()
    parts = list(case_parts(results, captures[:10]))[:10]
    used = (time.process_time() - cpu) / 10
    size = sum(len(data_block(chart.as_data())) for part in parts for chart in part.charts) / 10
    charts = len(parts[0].charts)
    print(f"one case: {charts} charts, {1000 * used:.0f} ms, {size / 1000:.1f} kB of data")
    return 0


if __name__ == "__main__":
    sys.exit(main())
