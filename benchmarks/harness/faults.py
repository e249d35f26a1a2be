"""The campaign of faults: thousands of seeded runs, each ended in time and told the truth.

    python benchmarks/harness/faults.py [--runs N] [--vm N] [--seed S] [KIND ...]

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
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from faults_cases import KINDS, LINK, ON_BOARD, Outcome, run, scratch


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
    for one in outcomes:
        where, kind = ("vm", one.kind[3:]) if one.kind[:3] == "vm " else ("", one.kind)
        groups.setdefault((where or group_of(one.kind), kind), []).append(one)
    for (where, kind), group in groups.items():
        ends = Counter(one.end for one in group)
        bad = sum(bool(one.wrong) for one in group)
        lines.append(
            f"| {where} | {kind} | {len(group)} | {ends['sound']} | {ends['losses']} "
            f"| {ends['error']} | {bad} |"
        )
    ends = Counter(one.end for one in outcomes)
    bad = sum(bool(one.wrong) for one in outcomes)
    lines.append(
        f"| | **all** | {len(outcomes)} | {ends['sound']} | {ends['losses']} "
        f"| {ends['error']} | {bad} |"
    )
    return "\n".join(lines)


def main() -> int:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND")
    parser.add_argument("--runs", type=int, default=5000)
    parser.add_argument("--vm", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    began = time.monotonic()
    kinds = tuple(options.kinds) or KINDS
    outcomes = scripted(options.runs, options.seed, kinds) if options.runs else []
    if options.vm:
        from faults_vm import KINDS as VM_KINDS
        from faults_vm import on_vm

        outcomes += on_vm(options.vm, options.seed, tuple(options.kinds) or VM_KINDS)
    print(table(outcomes))
    print(f"\n{len(outcomes)} runs in {time.monotonic() - began:.0f} s, seed {options.seed}")
    bad = [one for one in outcomes if one.wrong]
    for one in bad[:40]:
        print(f"wrong: {one.kind} seed {one.seed}: {'; '.join(one.wrong)} [{one.cause[:100]}]")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
