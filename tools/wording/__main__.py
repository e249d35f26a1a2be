"""Refuse the words that the project has given up: ``python -m tools.wording``, in tox's lint.

Reads all Python of the project and looks at each name where it is given (a variable, parameter,
attribute, function, class, an import's ``as``, a file), and at docstrings, comments and strings;
of pages and templates at the text. Prints ``file:line: word: what to write instead`` and exits with
1 where there is any. The words are in ``words.toml`` beside this file.
"""

import argparse
import ast
import io
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tools.wording.words import WORDS_FILE, Word, Wording, read_words

ROOT = Path(__file__).parents[2]
CODE = ("hil", "device_agents", "tools", "benchmarks", "tests", "examples")
TEXTS = ("hil/**/*.j2", "docs/**/*.md", "README.md", "CONTRIBUTING.md")


def code_files(root: Path) -> Iterator[Path]:
    """The Python files of the project, in order."""
    for folder in CODE:
        yield from sorted((root / folder).rglob("*.py"))


def text_files(root: Path) -> Iterator[Path]:
    """The pages and templates of the project, in order."""
    for pattern in TEXTS:
        yield from sorted(root.glob(pattern))


def given_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and identifier of each name that a module gives."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield node.lineno, name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield node.lineno, name
            case ast.ClassDef(name=name) | ast.arg(arg=name):
                yield node.lineno, name
            case ast.alias(asname=str(name)) | ast.ExceptHandler(name=str(name)):
                yield node.lineno, name
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield node.lineno, name


def texts(source: str, tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and text of each string and of each block of comments."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
    block: list[str] = []
    begin = last = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        if block and token.start[0] != last + 1:
            yield begin, "\n".join(block)
            block = []
        if not block:
            begin = token.start[0]
        last = token.start[0]
        block.append(token.string.lstrip("#! "))
    if block:
        yield begin, "\n".join(block)


def check_code(wording: Wording, path: str, source: str) -> list[tuple[int, str, Word]]:
    """Line, what was read and the retired word, for one Python file."""
    tree = ast.parse(source, path)
    findings = [(1, Path(path).name, word) for word in wording.in_module(path)]
    for line, name in given_names(tree):
        findings += [(line, name, word) for word in wording.in_name(name, path)]
    for line, text in texts(source, tree) if wording.may_refuse(source) else ():
        findings += [(line, " ".join(text.split()), word) for word in wording.in_text(text, path)]
    return sorted(findings, key=lambda finding: finding[0])


def check_text(wording: Wording, path: str, source: str) -> list[tuple[int, str, Word]]:
    """The same for one page or template, paragraph by paragraph."""
    findings: list[tuple[int, str, Word]] = []
    line = 1
    for paragraph in source.split("\n\n"):
        shown = " ".join(paragraph.split())
        findings += [(line, shown, word) for word in wording.in_text(paragraph, path)]
        line += paragraph.count("\n") + 2
    return findings


def check_project(root: Path, wording: Wording) -> Iterator[tuple[str, int, str, Word]]:
    """Path below ``root``, line, what was read and the word, for all that is refused."""
    checks = [(check_code, file) for file in code_files(root)]
    checks += [(check_text, file) for file in text_files(root)]
    for check, file in checks:
        path = file.relative_to(root).as_posix()
        for line, shown, word in check(wording, path, file.read_text(encoding="utf-8")):
            yield path, line, shown, word


def main(arguments: list[str] | None = None) -> int:
    """Print what is refused; exit status 1 where there is any."""
    parser = argparse.ArgumentParser(prog="tools.wording", description=__doc__.split("\n\n")[0])
    parser.add_argument("--count", action="store_true", help="numbers by folder and word only")
    options = parser.parse_args(arguments)
    wording = read_words(WORDS_FILE.read_text(encoding="utf-8"))
    counts: Counter[tuple[str, str]] = Counter()
    for path, line, shown, word in check_project(ROOT, wording):
        counts["/".join(path.split("/")[:2]), word.word] += 1
        if not options.count:
            print(f"{path}:{line}: {word.word} -> {word.use}: {shown[:100]}")
    if options.count:
        for (folder, retired), number in sorted(counts.items()):
            print(f"{number:6} {folder}: {retired}")
    if total := counts.total():
        print(f"{total} retired words; {WORDS_FILE.name} says what to write instead")
    idle = [entry for entry in wording.allowed if entry not in wording.needed]
    for entry in idle:
        print(f"{WORDS_FILE.name}: a permission that nothing needs: {entry.why}")
    return 1 if counts or idle else 0


if __name__ == "__main__":
    sys.exit(main())
