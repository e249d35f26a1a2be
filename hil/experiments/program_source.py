"""What the text of a user's program tells before it is run: how it marks, and what it forgets."""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from hil.model.errors import ConfigurationError
from hil.model.known_names import unknown_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MODULE = "hil_agent"
"""The module that a program imports to mark its activations."""
_NAMES = ("stamp", "stamps", "asked")
_IMPORT = f"from {MODULE} import stamp"
_RESETS = ("machine.reset", "machine.soft_reset", "machine.deepsleep", "reset", "soft_reset")
_IRQ_OFF = ("machine.disable_irq", "disable_irq")
_CALLBACKS = ("callback", "handler")


@dataclass(frozen=True, slots=True)
class ProgramFacts:
    """What a program's text says of it.

    ``unkept_timers`` are the lines that make a ``Timer`` to which no name refers, ``uses_timer``
    says that there is a timer at all. ``catches_interrupt`` are the lines that catch Ctrl-C and
    don't raise it again. ``resets`` are those that reset the board, ``interrupts_off`` those that
    switch its interrupts off.
    """

    unkept_timers: tuple[int, ...] = ()
    uses_timer: bool = False
    catches_interrupt: tuple[int, ...] = ()
    resets: tuple[int, ...] = ()
    interrupts_off: tuple[int, ...] = ()


def examine_program(
    sources: Sequence[tuple[str, str]], tasks: int, task_names: Sequence[str] = ()
) -> ProgramFacts:
    """The facts of a program of several files, names and texts, of which the first one is run.

    Any of them may mark activations; lines are those of the first one. Errors as for
    :func:`examine_source`, with the name of another file.
    """
    (name, source), *others = sources
    main = _parse(source, name)
    marks = [_checked(main, tasks, task_names)]
    for other, text in others:
        try:
            tree = _parse(text, other)
            marks.append(_checked(tree, tasks, task_names))
        except ConfigurationError as error:
            raise ConfigurationError(f"{other}: {error}") from None
    _require_marks(marks, main, tasks)
    return _facts(main)


def examine_source(
    source: str, name: str, tasks: int, task_names: Sequence[str] = ()
) -> ProgramFacts:
    """The facts of a program with ``tasks`` periods, which may have names.

    Raises :class:`~hil.model.errors.ConfigurationError` in one line that says what to do. Refused
    is what can't be measured whatever the board does: a syntax error, no mark at all, a name that
    :data:`MODULE` does not have, a call of ``stamp`` where the function itself is wanted, and marks
    of tasks that have no period, or none of tasks that have one.
    """
    return examine_program([(name, source)], tasks, task_names)


def _facts(tree: ast.Module) -> ProgramFacts:
    return ProgramFacts(
        tuple(_unkept_timers(tree)),
        any(map(_makes_timer, ast.walk(tree))),
        tuple(_catching(tree)),
        tuple(_calling(tree, _RESETS)),
        tuple(_calling(tree, _IRQ_OFF)),
    )


def _checked(tree: ast.Module, tasks: int, task_names: Sequence[str]) -> set[str]:
    """The names of the module that a file uses, ``named`` where it marks a task by its name."""
    names = _imported(tree)
    used = set(names)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            _check_call(node, names, tasks, task_names)
            if _text(node.func) in names.get("stamp", set()) and _named(node):
                used.add("named")
        elif isinstance(node, ast.Subscript):
            _check_index(node, names, tasks, task_names)
    return used


def _require_marks(marks: Sequence[set[str]], main: ast.Module, tasks: int) -> None:
    used = set().union(*marks)
    if not used & {"stamp", "stamps"}:
        what = "asks for activations and marks none" if "asked" in used else "marks no activation"
        raise ConfigurationError(
            f"{what}; put `{_IMPORT}` into it and call stamp() {_where_to_mark(main)}"
        )
    if tasks > 1 and not used & {"stamps", "named"}:
        raise ConfigurationError(
            f"its header names {tasks} periods, and stamp() marks the first task only; mark the "
            f"others: `from {MODULE} import stamps` and stamps[1]()"
        )


def _where_to_mark(tree: ast.Module) -> str:
    """Where a program that has no mark is likely to want one."""
    functions = {
        node.name: node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in _CALLBACKS:
            name = _text(node.value).rpartition(".")[2]
            if name in functions:
                return f"at the start of {name}(), line {functions[name].lineno}"
            return f"in what it calls back in line {node.value.lineno}"
    loops = [node for node in ast.walk(tree) if isinstance(node, ast.While)]
    endless = [loop for loop in loops if isinstance(loop.test, ast.Constant) and loop.test.value]
    if endless:
        return f"at the start of the loop in line {endless[0].lineno}"
    return "at each activation"


def _calling(tree: ast.Module, functions: Sequence[str]) -> Iterator[int]:
    """Lines that call one of these functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _text(node.func) in functions:
            yield node.lineno


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


def _named(call: ast.Call) -> bool:
    argument = call.args[0] if call.args else None
    return isinstance(argument, ast.Constant) and isinstance(argument.value, str)


def _check_call(
    call: ast.Call, names: dict[str, set[str]], tasks: int, task_names: Sequence[str]
) -> None:
    for keyword in call.keywords:
        value = keyword.value
        if keyword.arg in _CALLBACKS and isinstance(value, ast.Call):
            function = value.func.value if isinstance(value.func, ast.Subscript) else value.func
            if _text(function) in names.get("stamp", set()) | names.get("stamps", set()):
                text = _text(value.func)
                raise ConfigurationError(
                    f"line {value.lineno}: {keyword.arg}={text}() calls it once, now; write "
                    f"{keyword.arg}={text}"
                )
    if _text(call.func) in names.get("asked", set()) and call.args:
        _check_task(call.args[0], "asked({})", call.lineno, tasks, task_names)
    if _text(call.func) in names.get("stamp", set()) and _named(call):
        _check_task(call.args[0], "stamp({})", call.lineno, tasks, task_names)


def _check_index(
    node: ast.Subscript, names: dict[str, set[str]], tasks: int, task_names: Sequence[str]
) -> None:
    if _text(node.value) in names.get("stamps", set()):
        _check_task(node.slice, "stamps[{}]", node.lineno, tasks, task_names)


def _check_task(
    node: ast.expr, text: str, line: int, tasks: int, task_names: Sequence[str]
) -> None:
    number = node.value if isinstance(node, ast.Constant) else None
    if isinstance(number, str) and number not in task_names:
        call = text.format(f'"{number[:40]}"')
        if task_names:
            raise ConfigurationError(
                f"line {line}: {call}: {unknown_name('task', number, task_names)}; a name stands "
                "in the header"
            )
        raise ConfigurationError(
            f"line {line}: {call}: the header gives each name its period, "
            f"`# hil: period_ms={number[:40]}:20`"
        )
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
