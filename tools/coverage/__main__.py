"""How often the stated 95 % bounds hold the truth, over seeded synthetic captures.

    python -m tools.coverage [--captures 2000] [--n 30,100,…] [--kinds …] [--windows 3,1]
                             [--write docs/explanation/coverage.md]

Each capture goes through the same door as a real one: stamps and the grid's origin are rounded down
to the clock's step, windows are joined, releases matched. What the truth is says
``tools/coverage/truths.py``, what is drawn ``kinds.py``, and the goals ``table.py``. The exit
status is 1 where a goal is missed in a cell that has no entry in ``known.py``.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from tools.coverage.captures import Outcome, outcomes
from tools.coverage.kinds import KINDS
from tools.coverage.table import Cell, report
from tools.coverage.truths import Truth, truth_of, windowed

NUMBERS = (30, 100, 300, 1000, 4000)
_CHUNK = 50


@dataclass(frozen=True, slots=True)
class Job:
    """Captures of one cell: those with the seeds from ``first`` to ``after``."""

    kind: str
    n: int
    windows: int
    first: int
    after: int


_truths: dict[tuple[str, int, int], Truth] = {}


def truth_key(kind: str, n: int, windows: int) -> tuple[str, int, int]:
    """Under what the truth of a cell is kept: kinds without windows of their own have one."""
    return (kind, n, windows) if windowed(KINDS[kind]) else (kind, 0, 0)


def work(job: Job) -> tuple[Job, list[Outcome]]:
    """All figures of a chunk of captures."""
    key = truth_key(job.kind, job.n, job.windows)
    if key not in _truths:
        _truths[key] = truth_of(job.kind, job.n, job.windows)
    figures: list[Outcome] = []
    for seed in range(job.first, job.after):
        figures += outcomes(job.kind, job.n, job.windows, seed, _truths[key])
    return job, figures


def jobs(options: argparse.Namespace) -> Iterator[Job]:
    """In an order that leaves the cells of one kind together."""
    for kind in options.kinds.split(","):
        for windows in map(int, options.windows.split(",")):
            for n in map(int, options.n.split(",")):
                whole = n // windows * windows
                for first in range(0, options.captures, _CHUNK):
                    after = min(first + _CHUNK, options.captures)
                    yield Job(kind, whole, windows, first, after)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.coverage", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--captures", type=int, default=2000, help="of each cell")
    parser.add_argument("--n", default=",".join(map(str, NUMBERS)), help="activations")
    parser.add_argument("--kinds", default=",".join(KINDS), help="of disturbance")
    parser.add_argument("--windows", default="3,1", help="in how many windows")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--write", type=Path, help="the page to write")
    options = parser.parse_args()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    begun = time.monotonic()
    cells: dict[tuple[str, str, int, int], Cell] = {}
    with get_context("fork").Pool(options.processes) as pool:
        for job, figures in pool.imap_unordered(work, jobs(options)):
            for outcome in figures:
                key = (outcome.metric, job.kind, job.windows, job.n)
                cells.setdefault(key, Cell(*key)).add(outcome)
    text, missed = report(cells.values(), options.captures, time.monotonic() - begun)
    print(text)
    if options.write:
        options.write.write_text(text, encoding="utf-8")
    print(f"{missed} cells miss a goal", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
