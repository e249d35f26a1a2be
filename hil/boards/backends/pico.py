"""The board ``pico``: real RP2 firmware on an emulated Raspberry Pi Pico, in this process."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hil.boards.backend import Backend, BoardSpec, BoardTraits, Finding
from hil.boards.backends.pico_emulator import EmulatedPico, require_emulator
from hil.boards.backends.pico_firmware import find_firmware
from hil.boards.backends.pico_link import PicoClock, open_pico
from hil.boards.backends.pico_options import NAME, PicoOptions, parse_pico
from hil.boards.backends.pico_pins import PicoPins
from hil.boards.port_board import PortBoard
from hil.model.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.model.board import Source


@dataclass(frozen=True, slots=True)
class PicoSpec(BoardSpec):
    """An emulated Pico with its options."""

    options: PicoOptions = field(default_factory=PicoOptions)

    @property
    def slug(self) -> str:
        """The firmware's name without its folders."""
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", f"{NAME}-{Path(self.target).stem}")
        return name.strip("-")[:40]

    @property
    def repeatable(self) -> bool:
        """Its time is its own, and everything happens at a moment of it."""
        return not self.options.pace


class PicoBoard(PortBoard):
    """An emulated Pico in this process; ``machine`` is the chip."""

    def __init__(self, spec: BoardSpec, machine: EmulatedPico, options: PicoOptions) -> None:
        clock = PicoClock(machine, ppm=options.ppm, pace=options.pace)
        super().__init__(
            spec,
            NAME,
            contextlib.ExitStack(),
            opener=partial(open_pico, machine, clock),
            reset_button=machine.reset,
        )
        self.machine = machine
        self.pin_watch = PicoPins(machine, clock)
        self.interrupt_power = partial(machine.reset, power=True)


class PicoBackend(Backend):
    """``pico``, with its firmware and its options."""

    name = NAME
    forms = "pico, pico:FIRMWARE.uf2"
    source: Source = "emulator"
    traits = BoardTraits(own_programs=False, resets_are_free=True, plan_speed=4)

    def parse(self, text: str) -> BoardSpec | None:
        """``pico``, ``pico:FILE`` and either with ``?wires=…&ppm=…&pace=…``."""
        options = parse_pico(text)
        if options is None:
            return None
        return PicoSpec(text, self, target=options.firmware, options=options)

    def open(self, spec: BoardSpec) -> PicoBoard:
        """Build the chip and switch it on; it stands still until its link is opened."""
        options = spec.options if isinstance(spec, PicoSpec) else PicoOptions()
        require_emulator()
        machine = EmulatedPico(find_firmware(options.firmware), options.wires)
        machine.switch_on()
        return PicoBoard(spec, machine, options)

    def checks(self, spec: BoardSpec) -> Iterator[Finding]:
        """Whether the emulator and a firmware are there."""
        options = spec.options if isinstance(spec, PicoSpec) else PicoOptions()
        try:
            require_emulator()
            firmware = find_firmware(options.firmware)
        except ConfigurationError as error:
            yield Finding("port", "wrong", str(error))
            return
        yield Finding("port", "ok", f"the emulator is installed, the firmware is {firmware}")
