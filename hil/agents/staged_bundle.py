"""The device files for a board with little heap: in stages, each with only what it uses.

Such a board never holds the whole agent. First comes the code of a clock exchange, then that of the
technique with the recorder, then another exchange, then what sends the stamps, then what sends the
end; each is removed before the next. The technique and the load are the same files as everywhere,
the library's parts have small stand-ins.
"""

from __future__ import annotations

import ast
import io
import keyword
import re
import tokenize
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.agents import bundle
from hil.agents.minify import short_pieces

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

STAND_INS: Mapping[str, str] = {
    "lib/job.py": "staged/job.py",
    "lib/calibrate.py": "staged/calibrate.py",
}
WITHOUT: Mapping[str, Mapping[str, str]] = {
    "timer": {"lib/timers.py": "staged/no_timers.py"},
    "pin": {"staged/pin.py": "staged/microbit_pin.py"},
}
"""What takes a file's place on a board that lacks a capability."""
STAGE_PIECE_BYTES = 180
"""Pieces of 250 left the compiler no room in 5 of 24 cooperative captures, these in none."""
_STATE, _FRAMES, _EXCHANGE = "staged/state.py", "staged/frames.py", "staged/exchange.py"
_RECORD, _API = "staged/record.py", "Run"
_SHORT = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_OURS = re.compile(r"\b(?:hil_\w+|activate|counters|idle_step|set_counter|timers_used)\b")
_HEAP_PER_BYTE = 1.4
"""Heap that a byte of shrunk code takes: 1.3 to 1.5 measured on the micro:bit's firmware."""
_COMPILER_BYTES, _PARSER_BYTES = 4900, 800
_LEAST_ROOM_BYTES = 500
_ONLY_TOLD = ("technique", "load", "pings", "mode", "levels", "capacity")
_NOT_THERE = ("sync", "sync_seed")
"""Options of what there is no room for, and not for their names."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Code to execute piece by piece, and the statement whose output belongs to the capture."""

    pieces: tuple[str, ...]
    start: str


def stages(
    config: Mapping[str, object], capabilities: Iterable[str], free_bytes: int
) -> tuple[Stage, ...]:
    """What to run one after the other for the capture that ``config`` describes."""
    have = set(capabilities)
    technique, load = str(config["technique"]), str(config.get("load", "idle"))
    wanted = {key: value for key, value in config.items() if key not in _NOT_THERE}
    options = {key: value for key, value in wanted.items() if value not in (None, ())}
    for key in ("periods", "phases", "pins"):
        options[key] = config.get(key) or ()
    literal = bundle.literal(options)
    entries = bundle.entry_files(technique, load)
    pings = f"hil_exchange({options['pings']})" if options.get("pings") else ""
    names = _Names()
    begin_roots = {"hil_hello", "hil_exchange", "hil_forget"}
    exchange = names.pieces(_used((_STATE, _FRAMES, _EXCHANGE), have, begin_roots, ()))
    run_roots = {"hil_room", "hil_main", "run", "load_start"}
    window = names.pieces(_used(("lib/job.py", *entries), have, run_roots, (_STATE,)))
    after = [("hil_send", "hil_send()"), ("hil_end", "hil_end(Job.failure)")]
    if pings:
        after.insert(0, ("hil_exchange", f"if not Job.failure:{pings}"))
    files = (_FRAMES, _EXCHANGE, _RECORD)
    ends = tuple(
        Stage(
            names.pieces(_used(files, have, {root}, (_STATE,))),
            names.short(f"{start}\nhil_forget()"),
        )
        for root, start in after
    )
    room = free_bytes - _COMPILER_BYTES - int(_HEAP_PER_BYTE * sum(map(len, window)))
    room = min(max(room, _LEAST_ROOM_BYTES), _wanted_bytes(options))
    keep = f"Job.keep=[bytearray({room}),bytearray({_PARSER_BYTES})]"
    begin = f"hil_hello({literal})\n{pings}\nhil_forget()"
    needed = {key: value for key, value in options.items() if key not in _ONLY_TOLD}
    run = f"hil_room()\nhil_main(run,{bundle.literal(needed)},load_start)\nhil_forget()"
    begin, run = names.short(begin), names.short(run)
    later = [code for stage in ends for code in (*stage.pieces, stage.start)]
    words = _words((*exchange, *window, begin, run, *later))
    return (Stage(("import gc", *words, *exchange), begin), Stage((keep, *window), run), *ends)


def _words(pieces: Iterable[str]) -> list[str]:
    """Code that does nothing but make the board meet every name at once.

    A name stays in the heap for ever. Met one by one, names would lie between the pieces of code
    and leave no large room free when that code goes.
    """
    words: dict[str, None] = {}
    for piece in pieces:
        for token in tokenize.generate_tokens(io.StringIO(piece + "\n").readline):
            name = token.type == tokenize.NAME and not keyword.iskeyword(token.string)
            if name or (token.type == tokenize.STRING and token.string[1:-1].isidentifier()):
                words[token.string] = None
    lines: list[str] = []
    for word in words:
        if not lines or len(lines[-1]) + len(word) > STAGE_PIECE_BYTES:
            lines.append("if 0:(")
        lines[-1] += word + ","
    return [line + ")" for line in lines]


def _wanted_bytes(config: Mapping[str, object]) -> int:
    """Room for every stamp of the window and a tenth more."""
    periods, duration = config["periods"], config["duration"]
    assert isinstance(periods, tuple)
    assert isinstance(duration, int)
    stamps = [duration * 11 // 10 // int(period) + 16 for period in periods]
    return 100 + 8 * sum(stamps)


class _Names:
    """Names of device files made short: every new name stays in the board's heap."""

    def __init__(self) -> None:
        self._short: dict[str, str] = {}

    def short(self, code: str) -> str:
        def replace(match: re.Match[str]) -> str:
            count = len(self._short)
            name = f"h{_SHORT[count % len(_SHORT)]}" + "_" * (count // len(_SHORT))
            return self._short.setdefault(match[0], name)

        return _OURS.sub(replace, code)

    def pieces(self, statements: list[ast.stmt]) -> tuple[str, ...]:
        return tuple(self.short(piece) for piece in short_pieces(statements, STAGE_PIECE_BYTES))


def _used(
    paths: Iterable[str], have: set[str], roots: set[str], skip: tuple[str, ...]
) -> list[ast.stmt]:
    """The top-level statements of ``paths`` and what they import that the ``roots`` lead to."""
    swapped = dict(STAND_INS)
    for word, substitutes in WITHOUT.items():
        if word not in have:
            swapped |= substitutes
    files = [part for part in bundle.parts(paths, swapped) if part[0] not in skip]
    asked = {
        node.attr
        for path, code in files
        if path != STAND_INS["lib/job.py"]
        for statement in code
        for node in ast.walk(statement)
        if isinstance(node, ast.Attribute)
    }
    statements = [statement for _, code in files for statement in code]
    for statement in statements:
        if isinstance(statement, ast.ClassDef) and statement.name == _API:
            statement.body = [
                s for s in statement.body if not isinstance(s, ast.Assign) or _bound(s) & asked
            ] or [ast.Pass()]
    chosen: set[int] = set()
    wanted = set(roots)
    grown = True
    while grown:
        grown = False
        for index, statement in enumerate(statements):
            if index not in chosen and _bound(statement) & wanted:
                chosen.add(index)
                wanted |= {n.id for n in ast.walk(statement) if isinstance(n, ast.Name)}
                grown = True
    return [statement for index, statement in enumerate(statements) if index in chosen]


def _bound(statement: ast.stmt) -> set[str]:
    """The names that a top-level statement gives a value."""
    names: set[str] = set()
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        names.add(statement.name)
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        names |= {alias.asname or alias.name for alias in statement.names}
    elif isinstance(statement, ast.Assign):
        names |= {t.id for t in statement.targets if isinstance(t, ast.Name)}
    elif isinstance(statement, ast.Try):
        for part in ast.walk(statement):
            if part is not statement and isinstance(part, ast.stmt):
                names |= _bound(part)
    return names
