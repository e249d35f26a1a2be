"""The campaign of faults: thousands of seeded runs, each ended in time and told the truth.

    python -m tools.faults [--runs N] [--vm N] [--seed S] [KIND ...]

``--runs`` are runs of a scripted board through the real capture loop, store, decoder and analysis,
on a clock that jumps; ``--vm`` are runs on the embedded board with the faults of ``--hil-faults``,
in real time. A run is wrong when it ends late, passes a stamp or a figure that is not so, loses
what was committed, or fails without a cause. The table goes to the output; exit 1 if any is wrong.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections import Counter

from tools.faults import embedded_board
from tools.faults.cases import KINDS, LINK, ON_BOARD, Outcome, run, scratch


def group_of(kind: str) -> str:
    """Where a fault happens."""
    return "link" if kind in LINK else "board" if kind in ON_BOARD else "host"


def scripted(runs: int, seed: int, kinds: tuple[str, ...]) -> list[Outcome]:
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
        kind = outcome.kind.removeprefix("vm ")
        where = group_of(kind) if kind == outcome.kind else "vm"
        groups.setdefault((where, kind), []).append(outcome)
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
    parser.add_argument("--runs", type=int, default=5000)
    parser.add_argument("--vm", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    began = time.monotonic()
    kinds = tuple(options.kinds) or KINDS
    outcomes = scripted(options.runs, options.seed, kinds) if options.runs else []
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
