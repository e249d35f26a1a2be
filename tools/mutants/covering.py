"""Which tests meet a mutant."""

from __future__ import annotations

import ast
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.mutants.equivalents import function_lines
from tools.mutants.making import Mutant
from tools.mutants.scope import stratum_files
from tools.mutants.tracing import Trace

BROKEN_IMPORT = "import hil.no_such_module\n"
LONGEST_S, WHOLE_S = 6.0, 20.0
"""No test of more than so long meets a mutant, nor do more tests than take so long: a mutant that
only those would notice counts as a survivor."""


class Coverers:
    """Which tests a mutant is met by."""

    def __init__(self, root: Path, trace: Trace) -> None:
        self._trace = trace
        self._users: dict[str, set[tuple[str, int]]] = defaultdict(set)
        """For each identifier, the lines within functions that have it."""
        self._passed_on: dict[str, set[str]] = defaultdict(set)
        """For each identifier, the names that statements outside functions make of it."""
        self._set: dict[tuple[str, int], set[str]] = defaultdict(set)
        for file in sorted((root / "hil").rglob("*.py")):
            self._read(str(file.relative_to(root)), ast.parse(file.read_text()).body, ())

    def _read(self, file: str, body: Sequence[ast.stmt], outer: tuple[str, ...]) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef):
                self._read(file, node.body, (*outer, node.name))
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for name, line in _names(node):
                    self._users[name].add((file, line))
            else:
                names = {name for name, _ in _names(node)}
                made = {*outer, *_targets(node)}
                for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                    self._set[file, line] |= made
                for name in names:
                    self._passed_on[name] |= made

    def tests(self, mutant: Mutant) -> list[str]:
        """The tests of a mutant, the fastest first."""
        lines = self._trace.tests.get(mutant.file, {})
        span = range(mutant.first, mutant.last + 1)
        tests = {name for line in span for name in lines.get(line, ())}
        if not mutant.function:
            names = {name for line in span for name in self._set[mutant.file, line]}
            while more := {n for name in names for n in self._passed_on[name]} - names:
                names |= more
            for file, line in {use for name in names for use in self._users[name]}:
                tests |= set(self._trace.tests.get(file, {}).get(line, ()))
            mirror = f"{mirror_of(mutant.file)}::"
            tests |= {name for name in self._trace.time_s if name.startswith(mirror)}
        if not tests and not mutant.function:
            tests = {name for names in lines.values() for name in names}
        return self.in_order(tests)

    def of_default(self, mutant: Mutant, functions: dict[str, range]) -> list[str]:
        """The tests that pass any line of a mutant's function: for its parameters' defaults."""
        lines = self._trace.tests.get(mutant.file, {})
        span = functions.get(mutant.function, range(0))
        return self.in_order({name for line in span for name in lines.get(line, ())})

    def in_order(self, names: set[str], whole_s: float = WHOLE_S) -> list[str]:
        """The fastest first, as many as have room in ``whole_s``."""
        chosen = []
        for name in sorted(names, key=lambda name: self._trace.time_s[name]):
            whole_s -= self._trace.time_s[name]
            if whole_s < 0 or self._trace.time_s[name] > LONGEST_S:
                break
            chosen.append(name)
        return chosen


def mirror_of(file: str) -> str:
    """The file of tests of the same name as a file of the package, whether or not there is one."""
    path = Path(file)
    return Path("tests", *path.parts[1:-1], f"test_{path.name}").as_posix()


def _names(node: ast.AST) -> list[tuple[str, int]]:
    uses = []
    for part in ast.walk(node):
        names = (getattr(part, member, None) for member in ("id", "attr", "arg"))
        name = next(filter(None, names), None)
        if isinstance(name, str):
            uses.append((name, part.lineno))
    return uses


def _targets(node: ast.stmt) -> set[str]:
    targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
    return {part.id for target in targets if target for part in ast.walk(target)
            if isinstance(part, ast.Name)}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Job:
    """A mutant, or a control, with its tests."""

    mutant: Mutant
    tests: list[str]


def jobs_of(root: Path, trace: Trace, mutants: Sequence[Mutant]) -> list[Job]:
    coverers = Coverers(root, trace)
    files = {mutant.file for mutant in mutants}
    lines = {file: function_lines((root / file).read_text()) for file in files}
    jobs = []
    for mutant in mutants:
        tests = coverers.tests(mutant)
        if not tests and mutant.function:
            tests = coverers.of_default(mutant, lines[mutant.file])
        jobs.append(Job(mutant, tests))
    return jobs


def controls(root: Path, trace: Trace) -> list[Job]:
    """All tests with nothing changed, and for each stratum a file that can't be imported."""
    coverers = Coverers(root, trace)
    files: dict[str, list[str]] = {}
    for stratum, path in stratum_files(root):
        files.setdefault(stratum, []).append(str(path.relative_to(root)))
    made: list[Job] = []
    for stratum, names in files.items():
        tested = (name for name in names if any(trace.tests.get(name, {}).values()))
        file = next(tested, None)
        if file is None:
            raise SystemExit(f"no test passes any line of the stratum {stratum!r}")
        source = (root / file).read_text() + BROKEN_IMPORT
        tests = {name for names in trace.tests[file].values() for name in names}
        mutant = Mutant(stratum, file, "", 1, 1, "", BROKEN_IMPORT.strip(), source)
        made.append(Job(mutant, coverers.in_order(tests)[:20]))
    unchanged = Mutant(stratum, file, "", 1, 1, "", "", (root / file).read_text())
    return [Job(unchanged, coverers.in_order(set(trace.time_s), math.inf)), *made]
