"""Why a user's own program gave no measurement, in one line that names its file and line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.model.units import format_period_us, format_time_us
from hil.model.user_programs import ProgramOptions

if TYPE_CHECKING:
    from hil.model.captures import Capture

_FRAME = re.compile(r'File "<string>", line ([0-9]+)(?:, in (\S+))?')
_DAMAGE = ("missing", "damaged", "wrap", "truncated", "incomplete", "clock")
_HINTS = (
    ("heap is locked", "a hard callback can't take memory"),
    ("no module named", "only this one file is sent: put the module on the board"),
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
    return _raised(capture, program.file) or _never_marked(capture, program.file)


def _raised(capture: Capture, file: str) -> ProgramFailure | None:
    lines = capture.errors
    frames = [match for line in lines if (match := _FRAME.search(line))]
    if not frames:
        return None
    number, function = frames[-1].groups()
    where = f"{file}, line {number}"
    if function and function != "<module>":
        where += f", in {function}"
    said = next((line for line in reversed(lines) if re.match(r"[A-Za-z_][\w.]*(:|$)", line)), "")
    hint = next((f" ({hint})" for words, hint in _HINTS if words in said), "")
    traceback = "\n".join(line.replace('"<string>"', f'"{file}"') for line in lines)
    return ProgramFailure(f"{where}: {said}{hint}", traceback)


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
    marked = ", ".join(f"task {index} {size} times" for index, size in counts.items())
    return ProgramFailure(
        f"{file} never called stamps[{task.index}]() for its period of "
        f"{format_period_us(task.period_us)} ({marked}): mark it, or take the period out of the "
        "header"
    )
