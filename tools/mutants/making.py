"""Small faults put into source text: what mutmut's operators make of a file, one at a time."""

from __future__ import annotations

import ast
import difflib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.mutators import mutation_operators, operator_string

from tools.mutants.scope import stratum_files

_TRIVIAL = {"len", "isinstance", "cast", "TypeVar"}
"""Calls that fail at once with any other argument, or do nothing at run time."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One file with one fault."""

    stratum: str
    file: str
    function: str
    """Qualified name, or ``""`` for what runs when the module is imported."""
    first: int
    last: int
    """Lines of the smallest statement around the fault, of a compound one its head."""
    before: str
    after: str
    """The changed lines; with file and function they name the mutant in the list of equivalents."""
    source: str
    """The whole mutated file."""

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What stays the same when other lines of the file change."""
        return self.file, self.function, self.before, self.after


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A fault that could be put in; the mutated file is made only for those that are drawn."""

    file: str
    old: cst.CSTNode
    new: cst.CSTNode
    line: int


class _Finder(cst.CSTVisitor):
    """Collects what the operators would change, annotations and decorators left alone."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, file: str) -> None:
        super().__init__()
        self._file = file
        self.candidates: list[_Candidate] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.Annotation | cst.Decorator | cst.Import | cst.ImportFrom):
            return False
        called = node.func if isinstance(node, cst.Call) else None
        if isinstance(called, cst.Name) and called.value in _TRIVIAL:
            return False
        for kind, operator in mutation_operators:
            if isinstance(node, kind):
                made = list(operator(node))
                # the same text in other letters is hardly another fault
                made = made[:1] if operator is operator_string else made
                where = self.get_metadata(PositionProvider, node, None)
                if where is not None:
                    line = where.start.line
                    self.candidates += [_Candidate(self._file, node, new, line) for new in made]
        return True


class _Replacer(cst.CSTTransformer):
    def __init__(self, old: cst.CSTNode, new: cst.CSTNode) -> None:
        super().__init__()
        self._old, self._new = old, new

    def on_leave(self, original_node: cst.CSTNode, updated_node: cst.CSTNode) -> cst.CSTNode:
        return self._new if original_node is self._old else updated_node


class SourceFile:
    """One file of the package, parsed."""

    def __init__(self, root: Path, file: str, stratum: str) -> None:
        self.file, self.stratum = file, stratum
        self.source = (root / file).read_text()
        self._tree = ast.parse(self.source)
        wrapper = MetadataWrapper(cst.parse_module(self.source))
        finder = _Finder(file)
        wrapper.visit(finder)
        self._module = wrapper.module
        self.candidates = finder.candidates

    def make(self, candidate: _Candidate) -> Mutant | None:
        """The mutant; ``None`` where it does not compile or is the same program."""
        mutated = self._module.visit(_Replacer(candidate.old, candidate.new))
        source = mutated.code
        try:
            compile(source, self.file, "exec", dont_inherit=True)
        except SyntaxError:
            return None
        if ast.dump(ast.parse(source)) == ast.dump(self._tree):
            return None
        before, after = _changed(self.source, source)
        first, last = _statement(self._tree, candidate.line)
        name = _function(self._tree, candidate.line)
        return Mutant(self.stratum, self.file, name, first, last, before, after, source)


def _changed(old: str, new: str) -> tuple[str, str]:
    lines = list(difflib.ndiff(old.splitlines(), new.splitlines()))
    texts = ["\n".join(x[2:].strip() for x in lines if x.startswith(sign)) for sign in "-+"]
    return texts[0], texts[1]


def _span(node: ast.stmt) -> tuple[int, int]:
    """First and last line, of a compound statement those before its body."""
    body = getattr(node, "body", None) or getattr(node, "cases", None)
    last = node.end_lineno or node.lineno
    if body:
        start = getattr(body[0], "lineno", None) or body[0].pattern.lineno
        last = max(node.lineno, start - 1)
    return node.lineno, last


def _statement(tree: ast.Module, line: int) -> tuple[int, int]:
    spans = [_span(node) for node in ast.walk(tree) if isinstance(node, ast.stmt)]
    around = [span for span in spans if span[0] <= line <= span[1]]
    return min(around, key=lambda span: span[1] - span[0], default=(line, line))


def _function(tree: ast.Module, line: int) -> str:
    """The qualified name of the function whose body or defaults hold ``line``."""

    def inside(nodes: list[ast.stmt], prefix: str) -> str:
        for node in nodes:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            if node.lineno <= line <= (node.end_lineno or node.lineno):
                name = f"{prefix}{node.name}"
                deeper = inside(node.body, f"{name}.")
                return deeper or ("" if isinstance(node, ast.ClassDef) else name)
        return ""

    return inside(tree.body, "")


def source_files(root: Path) -> Iterator[SourceFile]:
    """Every file that mutants are drawn from."""
    for stratum, file in stratum_files(root):
        yield SourceFile(root, str(file.relative_to(root)), stratum)


def draw(root: Path, count: int, seed: int) -> tuple[list[Mutant], dict[str, int]]:
    """``count`` mutants, and how many candidates each stratum has.

    Strata get their proportional share, so that the pooled share killed needs no weights. Within
    one, the candidates stay in the order of the text and are cut into as many equal slices as are
    wanted, one drawn from each: every file and function has its part.
    """
    chance = random.Random(seed)
    files = {source.file: source for source in source_files(root)}
    by_stratum: dict[str, list[_Candidate]] = {}
    for source in files.values():
        by_stratum.setdefault(source.stratum, []).extend(source.candidates)
    sizes = {name: len(candidates) for name, candidates in by_stratum.items()}
    for name, size in sizes.items():
        if not size:
            raise SystemExit(f"tools/mutants/scope.py: nothing to change in stratum {name!r}")
    drawn: list[Mutant] = []
    for name, wanted in shares(sizes, count).items():
        candidates = by_stratum[name]
        for number in range(wanted):
            low, high = (i * len(candidates) // wanted for i in (number, number + 1))
            order = chance.sample(range(low, high), high - low)
            made = (files[candidates[at].file].make(candidates[at]) for at in order)
            mutant = next((each for each in made if each is not None), None)
            if mutant is not None:
                drawn.append(mutant)
    return drawn, sizes


def shares(sizes: dict[str, int], count: int) -> dict[str, int]:
    """``count`` split in proportion to ``sizes`` by largest remainders."""
    count = min(count, sum(sizes.values()))
    exact = {name: count * size / sum(sizes.values()) for name, size in sizes.items()}
    result = {name: int(share) for name, share in exact.items()}
    by_rest = sorted(exact, key=lambda name: exact[name] - result[name], reverse=True)
    for name in by_rest[: count - sum(result.values())]:
        result[name] += 1
    return result
