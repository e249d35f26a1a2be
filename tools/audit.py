"""Known vulnerabilities of what a bench installs: ``tox -e audit``.

    python -m tools.audit [--must-reach] [FILE]

Every version in FILE (``constraints.txt``) is looked up by pip-audit in the Python packaging
advisories. Exit status: 1 if one has a known vulnerability; 0 otherwise, also, with a line that
says so, where the service could not be reached, unless ``--must-reach`` makes that 1, too.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

LIMIT_S = 600
_LAST = 300


@dataclass(frozen=True)
class Answer:
    """What pip-audit found; ``problem`` says why nothing was found out, else it is empty."""

    vulnerable: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    audited: int = 0
    problem: str = ""


def ask(file: Path) -> tuple[str, str]:
    """What pip-audit prints and what it complains about."""
    options = ("--require-hashes", "--disable-pip", "--progress-spinner=off", "--format=json")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pip_audit", *options, "--requirement", str(file)],
            capture_output=True, text=True, timeout=LIMIT_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "", f"no answer within {LIMIT_S} s"
    return done.stdout, done.stderr


def read_answer(printed: str, complaint: str) -> Answer:
    """What is known of each package."""
    try:
        packages = json.loads(printed)["dependencies"]
    except (ValueError, TypeError, KeyError):
        lines = complaint.strip().splitlines() or ["pip-audit printed nothing"]
        return Answer(problem=lines[-1][:_LAST])
    vulnerable, unknown, audited = [], [], 0
    for package in packages:
        name = f"{package['name']} {package.get('version', '')}".strip()
        if "skip_reason" in package:
            unknown.append(name)
            continue
        audited += 1
        for advisory in package.get("vulns", ()):
            mends = ", ".join(advisory.get("fix_versions", ())) or "no version yet"
            vulnerable.append(f"{name}: {advisory['id']}, mended in {mends}")
    problem = "" if audited else "the advisory service knows none of the packages"
    return Answer(tuple(vulnerable), tuple(unknown), audited, problem)


def main(arguments: list[str] | None = None, ask: Callable[[Path], tuple[str, str]] = ask) -> int:
    """Ask and print."""
    parser = argparse.ArgumentParser(prog="python -m tools.audit", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=Path("constraints.txt"))
    parser.add_argument("--must-reach", action="store_true")
    options = parser.parse_args(arguments)
    if not options.file.is_file():
        print(f"{options.file}: no such file; `tox -e lock` writes constraints.txt")
        return 1
    answer = read_answer(*ask(options.file))
    if answer.problem:
        print(f"skipped, nothing was audited: {answer.problem}")
        return int(options.must_reach)
    for line in answer.vulnerable:
        print(line)
    if answer.unknown:
        print(f"not known to the advisory service: {', '.join(answer.unknown)}")
    print(f"{answer.audited} packages audited, {len(answer.vulnerable)} vulnerabilities")
    return int(bool(answer.vulnerable))


if __name__ == "__main__":
    sys.exit(main())
