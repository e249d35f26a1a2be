"""The campaign of faults: thousands of seeded runs, each ended in time and told the truth.

    python -m tools.faults [--sessions N] [--stored N] [--runs N] [--vm N] [--seed S] [KIND ...]

``--sessions`` are whole sessions with a scripted board, from attaching it to its figures.
``--runs`` are captures of one through the real capture loop, store, decoder and analysis. Both are
on a clock that jumps. ``--stored`` are hostile folders of runs and histories that commands are
given, ``--vm`` runs on the embedded board with the faults of ``--hil-faults``, in real time.

A run is wrong when it ends late, passes a stamp or a figure that is not so, loses what was
committed, gives a secret away, or fails without a cause. The table goes to the output; exit 1 if
any is wrong or left something behind.
"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tools.faults import cases, embedded_board, sessions, stored
from tools.faults.cases import LINK, ON_BOARD, Outcome, scratch
from tools.processes import children


def group_of(kind: str) -> str:
    """What is run, or where a capture's fault happens."""
    for prefix in ("vm", "session", "stored"):
        if kind.startswith(f"{prefix} "):
            return prefix
    return "link" if kind in LINK else "board" if kind in ON_BOARD else "host"


def scripted(
    run: Callable[[str, int, Path], Outcome], runs: int, seed: int, kinds: tuple[str, ...]
) -> list[Outcome]:
    """``runs`` runs, the kinds in turn."""
    outcomes = []
    for number in range(runs):
        folder = scratch()
        try:
            outcomes.append(run(kinds[number % len(kinds)], seed + number // len(kinds), folder))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return outcomes


def table(outcomes: list[Outcome]) -> str:
    """One row a kind."""
    lines = [
        "| where | fault | runs | sound | with losses, told | error with cause | wrong |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        where = group_of(outcome.kind)
        groups.setdefault((where, outcome.kind.removeprefix(f"{where} ")), []).append(outcome)
    for (where, kind), group in groups.items():
        ends = Counter(outcome.end for outcome in group)
        bad = sum(bool(outcome.wrong) for outcome in group)
        lines.append(
            f"| {where} | {kind} | {len(group)} | {ends['sound']} | {ends['losses']} "
            f"| {ends['error']} | {bad} |"
        )
    ends = Counter(outcome.end for outcome in outcomes)
    bad = sum(bool(outcome.wrong) for outcome in outcomes)
    lines.append(
        f"| | **all** | {len(outcomes)} | {ends['sound']} | {ends['losses']} "
        f"| {ends['error']} | {bad} |"
    )
    return "\n".join(lines)


def main() -> int:
    """Run the campaign."""
    parser = argparse.ArgumentParser(prog="python -m tools.faults", description=__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND")
    parser.add_argument("--sessions", type=int, default=0)
    parser.add_argument("--stored", type=int, default=0)
    parser.add_argument("--runs", type=int, default=0)
    parser.add_argument("--vm", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    logging.getLogger("hil").setLevel(logging.CRITICAL)  # a fault at each step is what is wanted
    began = time.monotonic()
    outcomes: list[Outcome] = []
    before = leftovers()
    parts = (sessions, options.sessions), (stored, options.stored), (cases, options.runs)
    for part, runs in parts:
        kinds = tuple(kind for kind in part.KINDS if kind in options.kinds or not options.kinds)
        if runs and kinds:
            outcomes += scripted(part.run, runs, options.seed, kinds)
    if options.vm:
        vm_kinds = tuple(options.kinds) or embedded_board.KINDS
        outcomes += embedded_board.run_all(options.vm, options.seed, vm_kinds)
    print(table(outcomes))
    left = sorted(leftovers() - before)
    print(f"\n{len(outcomes)} runs in {time.monotonic() - began:.0f} s, seed {options.seed}")
    bad = [outcome for outcome in outcomes if outcome.wrong]
    for outcome in bad[:40]:
        wrong, cause = "; ".join(outcome.wrong), outcome.cause[:100]
        print(f"wrong: {outcome.kind} seed {outcome.seed}: {wrong} [{cause}]")
    if left:
        print(f"left behind: {', '.join(left[:20])}")
    return int(bool(bad or left))


def leftovers() -> set[str]:
    """Temporary files of this process, its children, and what it holds open."""
    own = str(os.getpid())
    folders = {Path(tempfile.gettempdir()), Path("/dev/shm")}
    files = {str(p) for folder in folders for p in folder.glob("hil-*") if own in p.name}
    started = {f"process {pid}" for pid in children(os.getpid())}
    opened = {str(p.readlink()) for p in Path("/proc/self/fd").glob("*") if p.is_symlink()}
    return files | started | {name for name in opened if name.startswith("/")}


if __name__ == "__main__":
    sys.exit(main())
