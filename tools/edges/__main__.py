"""The campaign: recordings of seeded worlds, each with a fault, and what the alignment says."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from tools.edges.faults import FAULTS
from tools.edges.judging import Case, run


def case_of(seed: int) -> Case:
    case = run(seed)
    case.alignment = case.world = None
    return case


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.edges", description=__doc__)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.cases)
    with ProcessPoolExecutor(options.workers) as pool:
        cases = list(pool.map(case_of, seeds, chunksize=8))
    print(table(cases))
    silent = [case for case in cases if case.silent]
    for case in silent:
        print(f"seed {case.seed}, {case.fault}: {'; '.join(case.wrong)}; {case.kinds}")
    clean = [case for case in cases if case.fault == "nothing"]
    alarms = [case for case in clean if case.kinds or case.verdict != "aligned"]
    print(f"{len(silent)} silent errors in {len(cases)} cases; ", end="")
    print(f"findings in {len(alarms)} of {len(clean)} recordings without a fault")
    for case in alarms:
        print(f"seed {case.seed}: {case.verdict}, {case.kinds}")
    return 1 if silent else 0


def table(cases: list[Case]) -> str:
    """A row for each fault, as Markdown."""
    head = "| fault | cases | refused | said | beyond bounds | of these not said | said as |"
    rows = [head, "|---|--:|--:|--:|--:|--:|---|"]
    for fault in FAULTS:
        of_fault = [case for case in cases if case.fault == fault]
        if not of_fault:
            continue
        refused = sum(case.verdict != "aligned" for case in of_fault)
        said = sum(case.said for case in of_fault)
        wrong = sum(bool(case.wrong) for case in of_fault)
        silent = sum(case.silent for case in of_fault)
        kinds = Counter(kind for case in of_fault for kind in case.kinds)
        words = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common(4))
        rows.append(
            f"| {fault} | {len(of_fault)} | {refused} | {said} | {wrong} | {silent} | {words} |"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
