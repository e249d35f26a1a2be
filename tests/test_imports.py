"""Imports inside functions: those that the list in ``pyproject.toml`` has, and no others."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import hil

ROOT = Path(__file__).parents[1]
PACKAGE = Path(hil.__file__).parent
LISTED = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["late-imports"]
START_UP = [tuple(line.split(" -> ")) for line in LISTED["start-up"]]
LEAST_MS = 15


def modules():
    """Every module of the package that a stored installation runs, with its syntax tree."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts[0] in ("device_agents", "suite"):
            continue
        name = ".".join(("hil", *(parts[:-1] if parts[-1] == "__init__" else parts)))
        yield name, ast.parse(path.read_text(encoding="utf-8"))


TREES = dict(modules())


def imported(node):
    """The modules that an import statement names."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        inner = [f"{node.module}.{alias.name}" for alias in node.names]
        return [name for name in inner if name in TREES] or [node.module]
    return []


def functions(tree):
    return (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))


def late_imports(tree):
    """The modules that are imported inside functions."""
    return {
        name for function in functions(tree) for n in ast.walk(function) for name in imported(n)
    }


def run_time_imports(node):
    """What is imported when a module is, or later; nothing that only type checkers read."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        yield from imported(child)
        yield from run_time_imports(child)


def test_the_list_is_what_the_code_has():
    has = {(module, name) for module, tree in TREES.items() for name in late_imports(tree)}
    optional = {(m, name) for m, names in LISTED["optional"].items() for name in names}
    assert has - {*START_UP, *optional} == set(), "not listed: to the top, or measure it"
    assert {*START_UP, *optional} - has == set(), "listed, but not in the code"


def test_each_import_saves_time():
    assert {line: ms for line, ms in LISTED["start-up"].items() if ms < LEAST_MS} == {}


@pytest.mark.parametrize("module", sorted({module for module, _ in START_UP}))
def test_a_listed_import_is_not_made_before_its_function_is_called(module):
    later = [name for importer, name in START_UP if importer == module]
    code = f"import sys, {module}; print([n for n in {later} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "[]"


def test_modules_that_import_by_name_are_listed():
    calls = {
        module
        for module, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).rpartition(".")[2] in ("import_module", "__import__")
    }
    assert calls == set(LISTED["by-name"])


def test_no_modules_import_each_other_not_even_later():
    graph = {
        module: {name for name in run_time_imports(tree) if name in TREES and name != module}
        for module, tree in TREES.items()
    }
    assert len(list(TopologicalSorter(graph).static_order())) == len(TREES)
