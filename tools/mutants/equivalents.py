"""The list of mutants that no test can tell from the package: ``equivalent.toml``.

An entry names its mutant by file, function and the changed line before and after. Where that line
is no longer there as it was written, it is looked for with every name replaced by its number, so
that an entry outlives a renamed variable; there must be exactly one such line in the function (in
the file, if the function is gone).
"""

from __future__ import annotations

import ast
import keyword
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

LIST = Path(__file__).with_name("equivalent.toml")
Key = tuple[str, str, str, str]
"""File, qualified function or ``""``, the changed lines before and after (``Mutant.key``)."""
_WORD = re.compile(r"[A-Za-z_]\w*")


def read_equivalents(root: Path, text: str | None = None) -> tuple[dict[Key, str], list[Key]]:
    """The reason for each mutant that the list names in the sources below ``root``; stale entries.

    An entry is stale when its line is not found, or more than once under other names.
    """
    reasons: dict[Key, str] = {}
    stale: list[Key] = []
    entries = tomllib.loads(LIST.read_text() if text is None else text).get("mutant", [])
    for entry in entries:
        key = (entry["file"], entry["function"], entry["before"], entry["after"])
        current = _current_key(root, key)
        if current is None:
            stale.append(key)
        else:
            reasons[current] = entry["why"]
    return reasons, stale


def _current_key(root: Path, key: Key) -> Key | None:
    """``key`` in today's names."""
    file, function, before, after = key
    if not (root / file).is_file():
        return None
    source = (root / file).read_text()
    functions = function_lines(source)
    lines = [line.strip() for line in source.splitlines()]
    height = before.count("\n") + 1
    texts = {n: "\n".join(lines[n - 1 : n - 1 + height]) for n in range(1, len(lines) + 1)}
    within = {n: text for n, text in texts.items() if n in functions.get(function, texts)}
    if before in within.values() and (not function or function in functions):
        return key
    names: list[str] = []
    pattern = _numbered(before, names)
    matches = [n for n, text in within.items() if _numbered(text, []) == pattern]
    if len(matches) != 1:
        return None
    today: list[str] = []
    _numbered(within[matches[0]], today)
    new_names = dict(zip(names, today, strict=True))
    renamed = _WORD.sub(lambda word: new_names.get(word.group(), word.group()), after)
    return file, _function_at(functions, source, matches[0]), within[matches[0]], renamed


def _numbered(text: str, names: list[str]) -> str:
    """``text`` with each word that is no keyword replaced by its number in ``names``."""

    def number(match: re.Match[str]) -> str:
        word = match.group()
        if keyword.iskeyword(word):
            return word
        if word not in names:
            names.append(word)
        return f"<{names.index(word)}>"

    return _WORD.sub(number, text)


def _function_at(functions: dict[str, range], source: str, line: int) -> str:
    """The innermost function around ``line``; ``""`` in the body of a module or class."""
    classes = {
        node.lineno for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef)
    }
    around = [name for name, lines in functions.items() if line in lines]
    innermost = min(around, key=lambda name: len(functions[name]), default="")
    return "" if innermost and functions[innermost].start in classes else innermost


def function_lines(source: str) -> dict[str, range]:
    """The lines of each function and class by its qualified name."""
    ranges: dict[str, range] = {}

    def read(body: Sequence[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                name = f"{prefix}{node.name}"
                ranges[name] = range(node.lineno, (node.end_lineno or node.lineno) + 1)
                read(node.body, f"{name}.")

    read(ast.parse(source).body, "")
    return ranges
