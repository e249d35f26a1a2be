"""The pins of an emulated Pico from outside, in the session's time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hil.boards.backends.pico_options import PINS
from hil.model.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.boards.backends.pico_emulator import EmulatedPico
    from hil.boards.backends.pico_link import PicoClock
    from hil.model.board import PinId

_COUNTS = 1 << 30
_NAME = re.compile(r"(?:GP|GPIO)?(\d{1,2})", re.ASCII)


class PicoPins:
    """See :class:`~hil.boards.backend.PinWatch`."""

    name = "pico"

    def __init__(self, machine: EmulatedPico, clock: PicoClock) -> None:
        self._machine = machine
        self._clock = clock

    @property
    def resolution_ns(self) -> float:
        """A clock cycle of the chip: the program changes a pin at the beginning of one."""
        return 1e9 / self._machine.cycle_hz

    def now_ns(self) -> int:
        """The session's time."""
        return self._clock.now_ns()

    def level(self, pin: PinId) -> int | None:
        """The level of a pin by its number or name, ``None`` where nothing says it."""
        return self._machine.level(_number(pin))

    def listen(self, pin: PinId, notice: Callable[[int, int], None]) -> Callable[[], None]:
        """Call ``notice(ns, level)`` at each edge until the result is called."""
        at = self._clock.at
        return self._machine.listen(_number(pin), lambda ticks, level: notice(at(ticks), level))

    def clock_pair(self) -> tuple[int, int] | None:
        """What ``time.ticks_us`` came to, and when."""
        step = self._machine.counter_step()
        return None if step is None else (step[0] % _COUNTS, self._clock.at(step[1]))


def _number(pin: PinId) -> int:
    match = _NAME.fullmatch(str(pin))
    if not match or int(match[1]) >= PINS:
        raise ConfigurationError(f"the emulated Pico has no pin {str(pin)[:40]!r}; it has 0 to 29")
    return int(match[1])
