"""MicroPython source without what a board does not need, in pieces that its prompt takes."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_TIGHT_KINDS = (tokenize.OP, tokenize.NAME, tokenize.NUMBER, tokenize.STRING)


def native(source: str, name: str = r"\w+") -> str:
    """``source`` with ``@micropython.native`` before every function, or only before ``name``.

    ``name`` is a regular expression. On a board the functions inside a decorated one are machine
    code as well. The first line is ``import micropython``.
    """
    definition = re.compile(rf"^( *)(?=def {name}\()", re.M)
    return "import micropython\n" + definition.sub(r"\1@micropython.native\n\1", source)


def statements(source: str, *, leave_out: Callable[[ast.stmt], bool]) -> list[ast.stmt]:
    """The top-level statements of ``source`` but those to leave out, without docstrings."""
    tree = ast.parse(source)
    _drop_docstrings(tree)
    return [node for node in tree.body if not leave_out(node)]


def shrunk(nodes: Iterable[ast.stmt]) -> list[str]:
    """Each statement as short code.

    Comments and blank lines go; indentation becomes one space a level, other white space stays
    only where it separates words.
    """
    return [_tighten(ast.unparse(node)) for node in nodes]


def short_pieces(nodes: Iterable[ast.stmt], piece_bytes: int) -> list[str]:
    """Statements as short code, grouped by :func:`group`."""
    return group(shrunk(nodes), piece_bytes)


def group(codes: Iterable[str], piece_bytes: int) -> list[str]:
    """Whole statements, as many to a piece as ``piece_bytes`` hold; a longer one is one alone."""
    groups: list[str] = []
    for code in codes:
        if groups and len(groups[-1]) + 1 + len(code) <= piece_bytes:
            groups[-1] += "\n" + code
        else:
            groups.append(code)
    return groups


def _drop_docstrings(tree: ast.Module) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if ast.get_docstring(node, clean=False) is not None:
                del node.body[0]
            if not node.body and not isinstance(node, ast.Module):
                node.body.append(ast.Pass())


def _tighten(code: str) -> str:
    out: list[str] = []
    level = 0
    fresh = True
    last = ""
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.INDENT:
            level += 1
        elif token.type == tokenize.DEDENT:
            level -= 1
        elif token.type == tokenize.NEWLINE:
            out.append("\n")
            fresh = True
        elif token.type in _TIGHT_KINDS:
            if fresh:
                out.append(" " * level)
            elif _wordlike(last[-1]) and (_wordlike(token.string[0]) or token.string[0] in "'\""):
                out.append(" ")
            out.append(token.string)
            last, fresh = token.string, False
    return "".join(out).rstrip("\n")


def _wordlike(character: str) -> bool:
    return character.isalnum() or character == "_"
