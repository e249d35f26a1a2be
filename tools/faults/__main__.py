"""The campaign of faults: thousands of seeded runs, each ended in time and told the truth.

    python -m tools.faults [--sessions N] [--runs N] [--vm N] [--seed S] [KIND ...]

``--sessions`` are whole sessions with a scripted board, from attaching to figures, ``--runs`` are
captures of one through the real capture loop, store, decoder and analysis, on a clock that jumps;
``--vm`` are runs on the embedded board with the faults of ``--hil-faults``,
in real time. A run is wrong when it ends late, passes a stamp or a figure that is not so, loses
what was committed, or fails without a cause. The table goes to the output; exit 1 if any is wrong.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tools.faults import cases, embedded_board, sessions
from tools.faults.cases import LINK, ON_BOARD, Outcome, scratch


def group_of(kind: str) -> str:
    """What is run, or where a capture's fault happens."""
    for prefix in ("vm", "session"):
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
    parser.add_argument("--runs", type=int, default=0)
    parser.add_argument("--vm", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    began = time.monotonic()
    outcomes: list[Outcome] = []
    for part, runs in ((sessions, options.sessions), (cases, options.runs)):
        kinds = tuple(kind for kind in part.KINDS if kind in options.kinds or not options.kinds)
        if runs and kinds:
            outcomes += scripted(part.run, runs, options.seed, kinds)
    if options.vm:
        vm_kinds = tuple(options.kinds) or embedded_board.KINDS
        outcomes += embedded_board.run_all(options.vm, options.seed, vm_kinds)
    print(table(outcomes))
    print(f"\n{len(outcomes)} runs in {time.monotonic() - began:.0f} s, seed {options.seed}")
    bad = [outcome for outcome in outcomes if outcome.wrong]
    for outcome in bad[:40]:
        wrong, cause = "; ".join(outcome.wrong), outcome.cause[:100]
        print(f"wrong: {outcome.kind} seed {outcome.seed}: {wrong} [{cause}]")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
