"""How many small faults put into the package the tests notice: a seeded sample of mutants.

    python -m tools.mutants [--seed 1] [--count 600] [--processes 2]
        [--json FILE] [--again FILE] [--work FOLDER]

mutmut's operators say what could be changed in the files of ``scope.STRATA``; the sample is
drawn from all of it (``making.draw``). The tests that need no board run once under coverage;
each mutant is then met by the tests that pass its statement, the fastest first, until one fails. A
statement of a module or class has no test of its own: its are those of the functions that use the
names that it sets, directly or through other such statements, and those in the file of tests of the
same name, else all that pass the file.

*killed*: a test failed. *timeout*: a test did not end in ten times the processor's time that it
takes, and 10 s; it counts as noticed. *survived*: all passed, or there was none; also where only
tests that take long (``covering.LONGEST_S``, ``WHOLE_S``) would have failed. *equivalent*: listed
in ``equivalent.toml`` with the reason, and left out of the shares; an entry whose line is gone is
printed. The limit is the lower end of the two-sided 95 % interval of Clopper and Pearson; at
proportional shares of the strata it is on the safe side. Exit status 1 when it is below 85 %, or
when a control fails: without a mutant all tests pass, and in each stratum a file with an import of
nothing is killed. A stratum of ``scope.py`` without a file or a test stops the run.

``--again`` runs only the survivors of an earlier ``--json``; ``--work`` keeps the trace there as
long as neither the package nor the tests change.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from scipy.stats import binomtest

from tools.mutants.covering import Job, controls, jobs_of
from tools.mutants.equivalents import read_equivalents
from tools.mutants.making import Mutant, draw
from tools.mutants.running import Verdict, run_all
from tools.mutants.tracing import get_trace

ROOT = Path(__file__).parents[2]
GOAL = 0.85


def lower_limit(noticed: int, n: int) -> float:
    """Lower end of the two-sided 95 % Clopper-Pearson interval."""
    return float(binomtest(noticed, n).proportion_ci(0.95, method="exact").low) if n else 0.0


def table(outcomes: Sequence[tuple[str, str]], sizes: dict[str, int]) -> tuple[str, float]:
    """Rows by stratum and in total, and the limit of the whole."""
    lines = [
        f"{'stratum':<12}{'of':>7}{'drawn':>7}{'killed':>8}{'timeout':>9}{'survived':>10}"
        f"{'equivalent':>12}{'noticed':>9}{'at least':>10}"
    ]
    limit = 0.0
    for name in (*sizes, "all"):
        counts = Counter(outcome for stratum, outcome in outcomes if name in (stratum, "all"))
        noticed = counts["killed"] + counts["timeout"]
        n = noticed + counts["survived"]
        limit = lower_limit(noticed, n)
        share = f"{noticed / n:.1%}" if n else "-"
        lines.append(
            f"{name:<12}{sizes.get(name, sum(sizes.values())):>7}{counts.total():>7}"
            f"{counts['killed']:>8}{counts['timeout']:>9}{counts['survived']:>10}"
            f"{counts['equivalent']:>12}{share:>9}{limit:>10.1%}"
        )
    return "\n".join(lines), limit


def indented(mutant: Mutant) -> str:
    signs = [("-", mutant.before), ("+", mutant.after)]
    return "\n".join(f"    {sign} {line}" for sign, text in signs for line in text.splitlines())


def print_survivor(job: Job, verdict: Verdict) -> None:
    """Print the mutant, if it survived, with how many tests it met."""
    mutant = job.mutant
    if verdict.outcome == "survived" and mutant.before:
        tests = f"{verdict.tests} tests" if verdict.tests else "no test"
        where = f"{mutant.file}:{mutant.first} {mutant.function}"
        print(f"survived {where} ({tests})\n{indented(mutant)}")


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.mutants", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--again", type=Path)
    parser.add_argument("--work", type=Path)
    args = parser.parse_args()
    work = args.work or Path(tempfile.mkdtemp(prefix="hil-mutants-"))
    work = work.resolve()
    work.mkdir(parents=True, exist_ok=True)

    begin = time.monotonic()
    trace = get_trace(ROOT, work, args.processes)
    print(f"{len(trace.time_s)} tests, {sum(trace.time_s.values()):.0f} s", flush=True)
    mutants, sizes = draw(ROOT, args.count, args.seed)
    if args.again:
        earlier = json.loads(args.again.read_text())
        survived = {tuple(record["key"]) for record in earlier if record["outcome"] == "survived"}
        mutants = [mutant for mutant in mutants if mutant.key in survived]
    equivalents, stale = read_equivalents(ROOT)
    for file, function, before, _ in stale:
        print(f"equivalent.toml: no longer in {file} {function}: {before}")
    judged = [mutant for mutant in mutants if mutant.key not in equivalents]
    unchanged, *broken = controls(ROOT, trace)
    jobs = [unchanged, *broken, *jobs_of(ROOT, trace, judged)]
    verdicts = run_all(ROOT, work, trace, jobs, args.processes, print_survivor)

    wrong = []
    if verdicts[0].outcome != "survived":
        wrong.append(f"control: without a mutant, {verdicts[0].test}: {verdicts[0].outcome}")
    for job, verdict in zip(broken, verdicts[1:], strict=False):
        if verdict.outcome != "killed":
            wrong.append(f"control: {job.mutant.file} can't be imported, and {verdict.outcome}")
    by_mutant = dict(zip(map(id, judged), verdicts[1 + len(broken) :], strict=True))
    outcomes, stored = [], []
    for mutant in mutants:
        verdict = by_mutant.get(id(mutant), Verdict("equivalent", "", 0, 0.0))
        outcomes.append((mutant.stratum, verdict.outcome))
        stored.append({"key": mutant.key, "line": mutant.first, "outcome": verdict.outcome,
                     "test": verdict.test, "tests": verdict.tests,
                     "seconds": round(verdict.seconds, 2)})  # fmt: skip
    if args.json:
        args.json.write_text(json.dumps(stored, indent=1))
    text, limit = table(outcomes, sizes)
    print(
        f"\n{datetime.now(UTC):%Y-%m-%d}, seed {args.seed}, "
        f"{(time.monotonic() - begin) / 60:.1f} minutes\n{text}"
    )
    for line in wrong:
        print(line)
    if limit < GOAL and not args.again:
        print(f"the share of mutants that are noticed may be below {GOAL:.0%}")
        return 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
