"""The user's own program, measured like a technique."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.experiments.workload import AgentSetup, Workload
from hil.model.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from hil.experiments.plan import Case
    from hil.experiments.workload import MeasuredBoard, Options

USER_PROGRAM = "user_program"
"""The harness's program that runs it on the board."""
MAX_PROGRAM_BYTES = 64_000
_PIECE = 400
_HEADER = re.compile(r"#\s*hil:\s*period_ms\s*=\s*([0-9., ]+)\s*$")
_MAX_TASKS = 8


@dataclass(frozen=True, slots=True)
class UserProgram:
    """A MicroPython program: ``name`` is shown as the technique, ``periods_us`` one a task.

    ``periods_us`` is empty where the program does not say; the run's period is taken then.
    """

    name: str
    source: str
    periods_us: tuple[int, ...] = ()

    @property
    def pieces(self) -> tuple[str, ...]:
        """Statements that put the program's text on the board, a small piece at a time."""
        parts = range(0, len(self.source), _PIECE)
        return (
            "hil_program.clear()",
            *(f"hil_program.append({self.source[at : at + _PIECE]!a})" for at in parts),
        )


class UserProgramRun(Workload):
    """The user's program in the place of a technique."""

    name = "user program"

    def chosen(self, case: Case) -> Options | None:
        """In the case that has a program; it has no options."""
        return None if case.program is None else {}

    def setup(self, board: MeasuredBoard, case: Case) -> AgentSetup:
        """The program's text; it drives its own pins."""
        assert case.program is not None
        return AgentSetup(
            config={"technique": USER_PROGRAM, "pins": ()},
            program=USER_PROGRAM,
            statements=case.program.pieces,
            interrupt=True,
        )


def read_user_program(path: Path) -> UserProgram:
    """Read ``path``; its first line may say ``# hil: period_ms=20`` (or ``20,50`` for two tasks).

    Raises :class:`~hil.model.errors.ConfigurationError` in one line that names the file.
    """
    try:
        raw = path.read_bytes()
        source = raw.decode("utf-8")
    except OSError as error:
        raise ConfigurationError(f"--hil-agent={path}: can't read it ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"--hil-agent={path}: not a text file") from None
    if len(raw) > MAX_PROGRAM_BYTES:
        raise ConfigurationError(f"--hil-agent={path}: larger than {MAX_PROGRAM_BYTES} bytes")
    if "hil_agent" not in source:
        raise ConfigurationError(
            f"--hil-agent={path}: marks no activation; put `from hil_agent import stamp` into it "
            "and call stamp() at each"
        )
    try:
        compile(source, path.name, "exec")
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        where = f" in line {line}" if line else ""
        raise ConfigurationError(f"--hil-agent={path}: syntax error{where}") from None
    name = re.sub(r"[^A-Za-z0-9_]+", "_", path.stem)[:40] or "program"
    return UserProgram(name, source.replace("\r\n", "\n"), _periods(path, source))


def _periods(path: Path, source: str) -> tuple[int, ...]:
    header = _HEADER.match(source.partition("\n")[0])
    if not header:
        return ()
    try:
        periods = tuple(round(float(text) * 1000) for text in header[1].split(","))
    except ValueError:
        periods = ()
    if not 1 <= len(periods) <= _MAX_TASKS or min(periods) < 1000:
        raise ConfigurationError(
            f"--hil-agent={path}: period_ms must be one to {_MAX_TASKS} numbers, 1 or more"
        )
    return periods
