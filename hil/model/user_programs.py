"""What a capture's plan keeps of a user's own program, as options beside the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self, get_args

if TYPE_CHECKING:
    from hil.model.captures import CapturePlan

PeriodSource = Literal["header", "option", "profile"]
"""Where the periods come from: the program itself, ``--hil-period-ms``, or nobody said them."""
_FILE, _PERIODS, _UNKEPT, _TIMER, _CATCHES, _RESETS, _IRQ_OFF = (
    "program_file",
    "program_periods",
    "program_unkept_timers",
    "program_timer",
    "program_catches",
    "program_resets",
    "program_irq_off",
)
OPTION_NAMES = (_PERIODS, _FILE, _UNKEPT, _TIMER, _CATCHES, _RESETS, _IRQ_OFF)
"""The options' names; a plan without the first one is not of a program."""
_MOST_NAME, _MOST_LINES = 60, 20


@dataclass(frozen=True, slots=True)
class ProgramOptions:
    """What is known of the program whose activations a capture holds.

    ``unkept_timers`` are lines that make a timer which nothing refers to; ``uses_timer`` says
    whether it makes any. ``catches_interrupt`` are lines that catch Ctrl-C, ``resets`` those that
    reset the board, ``interrupts_off`` those that switch its interrupts off.
    """

    file: str
    periods_from: PeriodSource
    unkept_timers: tuple[int, ...] = ()
    uses_timer: bool = False
    catches_interrupt: tuple[int, ...] = ()
    resets: tuple[int, ...] = ()
    interrupts_off: tuple[int, ...] = ()

    def as_options(self) -> dict[str, int | str]:
        """The options of a plan; texts are ASCII, as they go to the board."""
        file = self.file.encode("ascii", "replace").decode("ascii")[:_MOST_NAME]
        rare = {_RESETS: _listed(self.resets), _IRQ_OFF: _listed(self.interrupts_off)}
        return {
            _FILE: file,
            _PERIODS: self.periods_from,
            _UNKEPT: _listed(self.unkept_timers),
            _TIMER: int(self.uses_timer),
            _CATCHES: _listed(self.catches_interrupt),
            **{name: lines for name, lines in rare.items() if lines},
        }

    @classmethod
    def of_plan(cls, plan: CapturePlan) -> Self | None:
        """What a plan keeps; ``None`` for a technique's, and for one that is older than this."""
        options = plan.options
        source = next((s for s in get_args(PeriodSource) if s == options.get(_PERIODS)), None)
        if source is None:
            return None
        return cls(
            file=str(options.get(_FILE, plan.technique)),
            periods_from=source,
            unkept_timers=_numbers(options.get(_UNKEPT)),
            uses_timer=bool(options.get(_TIMER)),
            catches_interrupt=_numbers(options.get(_CATCHES)),
            resets=_numbers(options.get(_RESETS)),
            interrupts_off=_numbers(options.get(_IRQ_OFF)),
        )


def _listed(lines: tuple[int, ...]) -> str:
    return ",".join(map(str, lines[:_MOST_LINES]))


def _numbers(listed: int | str | None) -> tuple[int, ...]:
    return tuple(int(line) for line in str(listed).split(",") if line.isdecimal())
