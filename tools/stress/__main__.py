"""Stress: plain tox's tests on a machine that has no time for them. Not one may fail.

    python -m tools.stress [--runs N] [--busy N] [--no-quarter] [PYTEST'S OPTIONS]

Three runs beside twice as many busy processes as there are cores, then one with the processors
limited to a quarter (control group, systemd or cpulimit; skipped with the reason where none of them
works). What is run is the `commands` of tox's environment `py`, read from tox itself.
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from tools import processes
from tools.stress.processor import busy_processes, cores, find_limit

ROOT = Path(__file__).parents[2]
NOTHING_COLLECTED = 5
Start = Callable[..., "subprocess.Popen[Any]"]


@dataclass(slots=True)
class Outcome:
    """What came of one run of all commands."""

    name: str
    seconds: float = 0.0
    passed: int = 0
    failed: int = 0
    errors: int = 0
    skipped: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        counts = f"{self.passed} passed, {self.failed} failed, {self.errors} errors, "
        return f"{self.name}: {counts}{self.skipped} skipped in {self.seconds:.0f} s"

    def count(self, junit: Path) -> None:
        """Adds the tests of a JUnit file."""
        for case in ET.parse(junit).iter("testcase"):
            kinds = {child.tag for child in case}
            if kinds & {"failure", "error"}:
                self.wrong.append(f"{case.get('classname')}::{case.get('name')}")
            self.failed += "failure" in kinds
            self.errors += "error" in kinds
            self.skipped += "skipped" in kinds
            self.passed += not kinds & {"failure", "error", "skipped"}


def tox_commands(rest: list[str]) -> list[list[str]]:
    """The commands of tox's environment `py`, with `rest` where they take options."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("TOX_")}
    command = [
        sys.executable,
        "-m",
        "tox",
        "config",
        "--colored",
        "no",
        "-e",
        "py",
        "-k",
        "commands",
    ]
    said = subprocess.run(
        [*command, "--", *rest], cwd=ROOT, env=env, check=True, stdout=subprocess.PIPE, text=True
    )
    commands = [shlex.split(line) for line in said.stdout.splitlines() if line.startswith(" ")]
    if not commands or any(words[0] != "pytest" for words in commands):
        sys.exit(
            f"stress: expected commands of pytest in tox's environment py, got:\n{said.stdout}"
        )
    return commands


def run(name: str, commands: list[list[str]], start: Start, selected: bool) -> Outcome:
    """All commands one after the other, also where one has failed."""
    outcome = Outcome(name)
    env = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    began = time.monotonic()
    for words in commands:
        print(f"\nstress: {name}: {shlex.join(words)}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            junit = Path(folder) / "junit.xml"
            process = start([*words, f"--junitxml={junit}"], cwd=ROOT, env=env)
            try:
                status = process.wait()
            finally:
                processes.end(process)
            if junit.exists():
                outcome.count(junit)
            # Failed tests are counted; a selection may leave one of the commands without a test.
            if status not in (0, 1) and not (selected and status == NOTHING_COLLECTED):
                outcome.errors += 1
                outcome.wrong.append(f"status {status}: {shlex.join(words)}")
            elif status == 1 and not outcome.wrong:
                outcome.errors += 1
                outcome.wrong.append(f"failed without a failed test: {shlex.join(words)}")
    outcome.seconds = time.monotonic() - began
    return outcome


def stop(number: int, _frame: object) -> NoReturn:
    """As an exception, so that everything started is ended on the way out."""
    raise SystemExit(128 + number)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.stress",
        description=__doc__.splitlines()[0],
        allow_abbrev=False,
        epilog="Others are pytest's.",
    )
    parser.add_argument(
        "--runs", type=int, default=3, metavar="N", help="beside busy processes (3)"
    )
    parser.add_argument("--busy", type=int, default=2 * cores(), metavar="N", help="(2 a core)")
    parser.add_argument(
        "--quarter", action=argparse.BooleanOptionalAction, default=True, help="the limited run"
    )
    args, rest = parser.parse_known_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    commands = tox_commands(rest)
    outcomes: list[Outcome] = []
    skipped = ""
    for index in range(args.runs):
        name = f"run {index + 1} of {args.runs} beside {args.busy} busy processes"
        with busy_processes(args.busy):
            outcomes.append(run(name, commands, subprocess.Popen, bool(rest)))
        print(f"stress: {outcomes[-1]}", flush=True)
    if args.quarter:
        limit, reasons = find_limit(cores() / 4)
        if limit is None:
            skipped = "processors limited to a quarter: skipped: " + "; ".join(reasons)
        else:
            try:
                name = f"processors limited to a quarter ({limit.name})"
                outcomes.append(run(name, commands, limit.start, bool(rest)))
            finally:
                limit.close()
    return summary(outcomes, skipped)


def summary(outcomes: list[Outcome], skipped: str) -> int:
    """Prints the closing lines; 0 where something ran and nothing failed."""
    print(f"\nstress on {cores()} cores:")
    for outcome in outcomes:
        print(f"  {outcome}")
        for wrong in outcome.wrong:
            print(f"    {wrong}")
    if skipped:
        print(f"  {skipped}")
    bad = sum(outcome.failed + outcome.errors for outcome in outcomes)
    tests = sum(outcome.passed + outcome.failed + outcome.errors for outcome in outcomes)
    print(f"stress: {tests} tests in {len(outcomes)} runs, {bad} failures (goal 0)", flush=True)
    return 0 if tests and not bad else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
