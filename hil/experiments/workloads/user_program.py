"""The user's own program, measured like a technique."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hil.analysis.metric_sheet import MetricSheet, SheetNotice
from hil.experiments.program_source import ProgramFacts
from hil.experiments.workload import AgentSetup, Workload
from hil.experiments.workloads.program_upload import explain_upload, file_pieces, text_pieces
from hil.model.board import SMALL_HEAP
from hil.model.errors import (
    BoardResetError,
    BoardTimeoutError,
    CapabilityMissing,
    LinkLostError,
)
from hil.model.user_programs import OPTION_NAMES, ProgramOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hil.analysis.clock import Instrument
    from hil.experiments.plan import Case
    from hil.experiments.workload import MeasuredBoard, Options
    from hil.model.captures import Capture, CapturePlan
    from hil.model.errors import HilError
    from hil.model.program_files import ProgramFile
    from hil.model.user_programs import PeriodSource

USER_PROGRAM, STREAMING_PROGRAM = "user_program", "program_stream"
"""The harness's programs that run it on the board; the second sends its stamps meanwhile."""
_PROMPT = b">>> "
_TAKES_AWAY = (BoardResetError, BoardTimeoutError, LinkLostError)
"""What may happen to a board through a program that it runs."""
_ROOM, _LATE_END_US = 4, 2_000_000
"""Room for so many stamps a period, and for what comes until the program is interrupted."""
_HEAP_SHARE, _BYTES_PER_STAMP = 0.2, 8


@dataclass(frozen=True, slots=True)
class UserProgram:
    """A MicroPython program: ``name`` is shown as the technique, ``periods_us`` one a task.

    ``periods_us`` is empty where the program does not say; the run's period is taken then.
    ``file`` is the file's own name, ``facts`` what its text tells. ``files`` are all that go to the
    board, the program itself first. ``names`` are its tasks', one each, or none.
    """

    name: str
    source: str
    periods_us: tuple[int, ...] = ()
    file: str = ""
    facts: ProgramFacts = field(default_factory=ProgramFacts)
    files: tuple[ProgramFile, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def pieces(self) -> tuple[str, ...]:
        """Statements that put it on the board, a small piece at a time."""
        return (*text_pieces(self.source), *file_pieces(self.files[1:]))

    def options(self, periods_from: PeriodSource) -> Options:
        """What a plan keeps of it, so that a stored capture can be explained."""
        return ProgramOptions(
            file=self.file,
            periods_from=periods_from,
            unkept_timers=self.facts.unkept_timers,
            uses_timer=self.facts.uses_timer,
            catches_interrupt=self.facts.catches_interrupt,
            resets=self.facts.resets,
            interrupts_off=self.facts.interrupts_off,
        ).as_options()


class UserProgramRun(Workload):
    """The user's program in the place of a technique."""

    name = "user program"
    option_names = OPTION_NAMES
    every_window = True

    def chosen(self, case: Case) -> Options | None:
        """In the case that has a program; its options only tell of it."""
        return None if case.program is None else {}

    def hint(self, error: HilError, plan: CapturePlan) -> str:
        """What may keep a program from ending at Ctrl-C, or take the board away."""
        program = ProgramOptions.of_plan(plan)
        if program is None or not isinstance(error, _TAKES_AWAY):
            return ""
        file = program.file
        if program.interrupts_off:
            return (
                f"{file} switches interrupts off in {_lines(program.interrupts_off)}, and a board "
                "without them does not answer: write `machine.enable_irq(state)` right behind what "
                "needs it"
            )
        if not isinstance(error, BoardTimeoutError) or _PROMPT in error.received:
            if program.resets:
                return (
                    f"{file} resets the board, in {_lines(program.resets)}: leave that out while "
                    "it is measured"
                )
            return f"does {file} reset the board, take its port, or fail to feed a watchdog?"
        if program.catches_interrupt:
            return (
                f"{file} did not end at Ctrl-C, {_lines(program.catches_interrupt)} catches it: "
                "write `except Exception:`"
            )
        return (
            f"{file} did not end at Ctrl-C: does it switch it off (micropython.kbd_intr(-1)), or "
            "wait in native code?"
        )

    def refusal(self, error: HilError, files: Sequence[ProgramFile]) -> str:
        """Why the board does not take the files that go beside the program."""
        return explain_upload(error, files[1:])

    def analyse(self, capture: Capture, cost: Instrument) -> Iterable[MetricSheet]:
        """What is wrong with the program, as far as the capture shows."""
        from hil.analysis.program_diagnosis import diagnose_program  # late: numpy

        for finding in diagnose_program(capture):
            sheet = MetricSheet(finding.task)
            sheet.notices.append(SheetNotice(finding.text, finding.metrics))
            yield sheet

    def setup(self, board: MeasuredBoard, case: Case) -> AgentSetup:
        """The program's text; it drives its own pins.

        There is room for more stamps than its periods ask for: what it does may be otherwise.
        Raises :class:`~hil.model.errors.CapabilityMissing` for a board with little memory.
        """
        assert case.program is not None
        free = board.identity.free_bytes
        if SMALL_HEAP in board.identity.capabilities:
            room = "" if free is None else f" ({free:,} bytes free)"
            raise CapabilityMissing(
                f"too little memory for a program beside what records its stamps{room}; measure it "
                "on a larger board of the kind, or a technique here: --hil-technique"
            )
        program = STREAMING_PROGRAM if case.plan.streaming else USER_PROGRAM
        config: dict[str, object] = {"technique": program, "pins": ()}
        if case.program.names:
            config["task_names"] = case.program.names
        if free is not None and not case.plan.streaming:
            shortest = min(task.period_us for task in case.plan.tasks)
            wanted = _ROOM * (case.plan.duration_us + _LATE_END_US) // shortest + 64
            most = int(free * _HEAP_SHARE) // _BYTES_PER_STAMP // len(case.plan.tasks)
            config["capacity"] = max(16, min(wanted, most))
        return AgentSetup(
            config=config,
            program=program,
            statements=case.program.pieces,
            interrupt=True,
            files=case.program.files,
        )


def _lines(numbers: Sequence[int]) -> str:
    return f"line{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
