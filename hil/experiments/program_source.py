"""What the text of a user's program tells before it is run: how it marks, and what it forgets."""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from hil.model.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULE = "hil_agent"
"""The module that a program imports to mark its activations."""
_NAMES = ("stamp", "stamps", "asked")
_HOW = f"put `from {MODULE} import stamp` into it and call stamp() at each"


@dataclass(frozen=True, slots=True)
class ProgramFacts:
    """What a program's text says of it.

    ``unkept_timers`` are the lines that make a ``Timer`` to which no name refers, ``uses_timer``
    says that there is a timer at all. ``catches_interrupt`` are the lines that catch Ctrl-C and
    don't raise it again.
    """

    unkept_timers: tuple[int, ...] = ()
    uses_timer: bool = False
    catches_interrupt: tuple[int, ...] = ()


def examine_source(source: str, name: str, tasks: int) -> ProgramFacts:
    """The facts of a program with ``tasks`` periods.

    Raises :class:`~hil.model.errors.ConfigurationError` in one line that says what to do. Refused
    is what can't be measured whatever the board does: a syntax error, no mark at all, a name that
    :data:`MODULE` does not have, a call of ``stamp`` where the function itself is wanted, and marks
    of tasks that have no period, or none of tasks that have one.
    """
    tree = _parse(source, name)
    names = _imported(tree)
    if not names.keys() & {"stamp", "stamps"}:
        if "asked" in names:
            raise ConfigurationError(f"asks for activations and marks none; {_HOW}")
        raise ConfigurationError(f"marks no activation; {_HOW}")
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            _check_call(node, names, tasks)
        elif isinstance(node, ast.Subscript):
            _check_index(node, names, tasks)
    if tasks > 1 and "stamps" not in names:
        raise ConfigurationError(
            f"its header names {tasks} periods, and stamp() marks the first task only; mark the "
            f"others: `from {MODULE} import stamps` and stamps[1]()"
        )
    return ProgramFacts(
        tuple(_unkept_timers(tree)),
        any(map(_makes_timer, ast.walk(tree))),
        tuple(_catching(tree)),
    )


def _parse(source: str, name: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of CPython, which will not run it
            return ast.parse(source, name)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        where = f" in line {line}" if line else ""
        said = f": {error.msg}" if isinstance(error, SyntaxError) else ""
        raise ConfigurationError(f"syntax error{where}{said}") from None


def _imported(tree: ast.Module) -> dict[str, set[str]]:
    """Which of the module's names a program uses, and what it calls them (``a.b`` for ``a.b``)."""
    names: dict[str, set[str]] = {}
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.asname or alias.name for alias in node.names if alias.name == MODULE}
        elif isinstance(node, ast.ImportFrom) and node.module == MODULE:
            for alias in node.names:
                _check_name(alias.name, node.lineno)
                names.setdefault(alias.name, set()).add(alias.asname or alias.name)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and _text(node.value) in modules:
            _check_name(node.attr, node.lineno)
            names.setdefault(node.attr, set()).add(f"{_text(node.value)}.{node.attr}")
    return names


def _check_name(name: str, line: int) -> None:
    if name == "*":
        raise ConfigurationError(f"line {line}: name what you import: `from {MODULE} import stamp`")
    if name not in _NAMES:
        close = get_close_matches(name, _NAMES, 1)
        meant = f"; did you mean {close[0]}?" if close else ""
        raise ConfigurationError(f"line {line}: {MODULE} has {', '.join(_NAMES)}, no {name}{meant}")


def _check_call(call: ast.Call, names: dict[str, set[str]], tasks: int) -> None:
    for keyword in call.keywords:
        value = keyword.value
        if keyword.arg in ("callback", "handler") and isinstance(value, ast.Call):
            function = value.func.value if isinstance(value.func, ast.Subscript) else value.func
            if _text(function) in names.get("stamp", set()) | names.get("stamps", set()):
                text = _text(value.func)
                raise ConfigurationError(
                    f"line {value.lineno}: {keyword.arg}={text}() calls it once, now; write "
                    f"{keyword.arg}={text}"
                )
    if _text(call.func) in names.get("asked", set()) and call.args:
        _check_task(call.args[0], "asked({})", call.lineno, tasks)


def _check_index(node: ast.Subscript, names: dict[str, set[str]], tasks: int) -> None:
    if _text(node.value) in names.get("stamps", set()):
        _check_task(node.slice, "stamps[{}]", node.lineno, tasks)


def _check_task(node: ast.expr, text: str, line: int, tasks: int) -> None:
    number = node.value if isinstance(node, ast.Constant) else None
    if isinstance(number, int) and number >= tasks:
        periods = ",".join(["20", "50", *["100"] * 6][: min(number + 1, 8)])
        raise ConfigurationError(
            f"line {line}: {text.format(number)} needs {number + 1} periods, there "
            f"{'is 1' if tasks == 1 else f'are {tasks}'}; one a task: `# hil: period_ms={periods}`"
        )


def _text(node: ast.expr) -> str:
    return ast.unparse(node)


def _makes_timer(node: ast.AST) -> bool:
    """Whether this is ``Timer(...)`` or ``machine.Timer(...)``."""
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else _text(node.func)
    return name == "Timer"


def _unkept_timers(tree: ast.Module) -> Iterator[int]:
    """Lines of statements that make a timer and keep it nowhere.

    ``Timer(...).init(...)`` as a statement of its own, and ``Timer(...)`` by itself.
    """
    for node in ast.walk(tree):
        if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
            continue
        call = node.value
        made = call.func.value if isinstance(call.func, ast.Attribute) else call
        if _makes_timer(call) or _makes_timer(made):
            yield node.lineno


def _catching(tree: ast.Module) -> Iterator[int]:
    """Lines of handlers that catch KeyboardInterrupt and do not raise it again, or leave."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        names = "" if node.type is None else _text(node.type)
        catches = not names or "BaseException" in names or "KeyboardInterrupt" in names
        leaves = any(
            isinstance(inner, ast.Raise | ast.Break | ast.Return)
            for statement in node.body
            for inner in ast.walk(statement)
        )
        if catches and not leaves:
            yield node.lineno
