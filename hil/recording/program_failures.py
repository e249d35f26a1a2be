"""Why a user's own program gave no measurement, in one line that names its file and line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.model.program_files import MAIN_FILE, MOUNT_POINT
from hil.model.units import format_period_us, format_time_us
from hil.model.user_programs import ProgramOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.model.captures import Capture
    from hil.model.program_files import ProgramFile

_FRAME = re.compile(r'File "([^"]*)", line ([0-9]+)(?:, in (\S+))?')
_MAIN, _TEXT = "<program>", "<string>"
"""What the board calls the program itself; and where it can't compile, any text that it executes:
the harness's own as well."""
_MOST_SOURCE = 100
_DAMAGE = ("missing", "damaged", "wrap", "truncated", "incomplete", "clock")
_NO_MODULE = re.compile(r"no module named '(\w+)'")
_HINTS = (
    ("heap is locked", "a hard callback can't take memory"),
    ("Timer doesn't exist", "this board has no timer of this number: write `Timer(-1)`"),
    (".mpy", "compile it with the mpy-cross of this board's MicroPython, or send the .py"),
)


@dataclass(frozen=True, slots=True)
class ProgramFailure:
    """``text`` says what happened and what to do, ``traceback`` is the board's own, or empty."""

    text: str
    traceback: str = ""


def find_program_failure(capture: Capture) -> ProgramFailure | None:
    """Why a program's capture gives no figures; ``None`` where it does, or for another reason.

    What was raised is named with the line of the program in which it was. A task of the plan that
    was never marked has no grid, so there is nothing that figures could be computed from.
    """
    program = ProgramOptions.of_plan(capture.plan)
    if program is None:
        return None
    return _raised(capture, program) or _never_marked(capture, program.file)


@dataclass(frozen=True, slots=True)
class _Frame:
    """A line of a traceback that is in a file of the program; ``source`` is empty if unknown."""

    path: str
    number: int
    function: str
    source: str
    line: str

    @property
    def where(self) -> str:
        """File and line, and the function; of a compiled file there is no line to be looked at."""
        line = "" if self.path.endswith(".mpy") else f", line {self.number}"
        inside = f", in {self.function}" if self.function not in ("", "<module>") else ""
        return f"{self.path}{line}{inside}"


def _raised(capture: Capture, program: ProgramOptions) -> ProgramFailure | None:
    files = {file.path: file for file in capture.program_files}
    main = _MAIN if any(f'File "{_MAIN}"' in line for line in capture.errors) else _TEXT
    last: _Frame | None = None
    traceback = []
    for line in capture.errors:
        frame = _frame(line, main, program, files)
        if frame is None:
            traceback.append(line)
            continue
        last = frame
        traceback.append(frame.line)
        if frame.source:
            traceback.append(f"    {frame.source}")
    if last is None:
        return None
    said = next(
        (line for line in reversed(capture.errors) if re.match(r"[A-Za-z_][\w.]*(:|$)", line)), ""
    )
    source = f"; line {last.number} is `{last.source}`" if last.source else ""
    return ProgramFailure(
        f"{last.where}: {said}{_hint(said, capture)}{source}", "\n".join(traceback)
    )


def _frame(
    line: str, main: str, program: ProgramOptions, files: Mapping[str, ProgramFile]
) -> _Frame | None:
    """The frame of a program's file that a line of a traceback tells of; ``None`` for another."""
    match = _FRAME.search(line)
    if match is None:
        return None
    name, number, function = match[1], int(match[2][:9]), match[3] or ""
    if name == main:
        path = program.file
        file = files.get(path) or files.get(MAIN_FILE)
    else:
        known = _named_file(name, files)
        if known is None:
            return None
        path, file = known
    source = "" if file is None else file.line(number)
    if len(source) > _MOST_SOURCE:
        source = source[:_MOST_SOURCE] + " ..."
    shown = line.replace(f'"{name}"', f'"{path}"', 1)
    return _Frame(path, number, function, source, shown)


def _named_file(name: str, files: Mapping[str, ProgramFile]) -> tuple[str, ProgramFile] | None:
    """The file that a board calls ``name``; a compiled one is called as its source was."""
    path = name.removeprefix(f"{MOUNT_POINT}/")
    compiled = f"{path.removesuffix('.py')}.mpy"
    for wanted in (path, f"lib/{path}", compiled):
        if wanted in files:
            return wanted, files[wanted]
    same = [p for p in files if p.rpartition("/")[2] == compiled.rpartition("/")[2]]
    return (same[0], files[same[0]]) if len(same) == 1 else None


def _hint(said: str, capture: Capture) -> str:
    beside = len(capture.program_files) - 1
    if "MemoryError" in said and "locked" not in said and beside > 0:
        size = sum(len(file.content) for file in capture.program_files)
        free = capture.board.free_bytes
        room = "" if free is None else f" of {free:,} that were free"
        return (
            f" (the text of the program's {beside + 1} files takes {size:,} bytes{room}, their "
            "code as much again: leave out what it does not import, or compile it with mpy-cross)"
        )
    missing = _NO_MODULE.search(said)
    if missing:
        return (
            f" (send it along: --hil-agent=FOLDER with main.py, {missing[1]}.py or lib/, or a "
            f"package by its name, `# hil: require={missing[1]}`)"
        )
    return next((f" ({hint})" for words, hint in _HINTS if words in said), "")


def _never_marked(capture: Capture, file: str) -> ProgramFailure | None:
    if capture.errors or any(fault.kind in _DAMAGE for fault in capture.faults):
        return None
    counts = {track.index: track.stamps_us.size for track in capture.tracks}
    missing = [task for task in capture.plan.tasks if task.index not in counts]
    if not missing:
        return None
    if not counts:
        window = format_time_us(capture.plan.duration_us)
        ended_ms = capture.counters.get("program_ended_ms")
        what = (
            f"it ended after {format_time_us(1000 * ended_ms)} and left nothing running that does"
            if ended_ms is not None
            else "it ran to the end: does it wait for something, or is stamp() in code that never "
            "runs?"
        )
        return ProgramFailure(f"{file} never called stamp() in {window}: {what}")
    task = missing[0]
    marked = ", ".join(
        f"{capture.plan.task_label(index)} {size} times" for index, size in counts.items()
    )
    key = f'"{task.name}"' if task.name else task.index
    return ProgramFailure(
        f"{file} never called stamps[{key}]() for its period of "
        f"{format_period_us(task.period_us)} ({marked}): mark it, or take the period out of the "
        "header"
    )
