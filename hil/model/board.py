"""A board: its identity, the words for what it can do, and the pins that may be used.

No I/O. Capability words are what the probe on the board reports and what device files ask for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from hil.model.codec import ABSENT, StoredRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

ClockKind = Literal["real", "virtual"]
Source = Literal["hardware", "emulator", "sim", "replay"]


@dataclass(frozen=True, slots=True)
class SourceTraits:
    """What figures of such a board stand for.

    ``demonstration``: they show how a technique behaves, not how fast a chip is. ``embedded``: it
    is the embedded board, which the page explains. ``own_id``: the board's unique id tells it from
    others. ``measured``: they are this run's, not computed anew from an earlier one.
    ``thermometer``: the chip may tell its temperature.
    """

    demonstration: bool = False
    embedded: bool = False
    own_id: bool = False
    measured: bool = True
    thermometer: bool = False


SOURCES: Mapping[Source, SourceTraits] = {
    "hardware": SourceTraits(own_id=True, thermometer=True),
    "emulator": SourceTraits(demonstration=True),
    "sim": SourceTraits(demonstration=True, embedded=True),
    "replay": SourceTraits(measured=False),
}
"""The sources of figures, the least artificial first."""
NOT_MODELLED: Mapping[str, str] = {
    "rp2": "cores, timers, PIO and PWM are those of an RP2040 to the clock cycle; misses of its "
    "flash cache are not modelled (0.3 to 2 us each on silicon), nor how long flash takes to be "
    "erased and written, nor a radio",
    "microbit": "QEMU does not model how long an instruction takes, and the board's clock follows "
    "this computer's",
}
"""What an emulator of a platform has and has not of the chip, by the platform."""
DEFAULT_BOARD = "sim"
"""The board that is measured when none is named."""


@dataclass(frozen=True, slots=True)
class Temperature(StoredRecord):
    """A board's own temperature before and after a run, in degrees Celsius."""

    before: float | None = None
    after: float | None = None

    @property
    def change(self) -> float | None:
        """By how many kelvin the board became warmer, ``None`` where either is unknown."""
        if self.before is None or self.after is None:
            return None
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class BoardIdentity(StoredRecord):
    """What a board says of itself; unknown facts are ``None``, never zero."""

    name: str
    port: str
    source: Source
    platform: str
    machine: str
    micropython: str
    tick_period: int
    cpu_hz: int | None = None
    unique_id: str | None = None
    tick_resolution_us: float | None = None
    stamp_cost_us: float | None = None
    free_bytes: int | None = field(default=None, metadata=ABSENT)
    capabilities: tuple[str, ...] = ()
    clock_jump_us: int | None = field(default=None, metadata=ABSENT)
    """The board's clock is known to be off by this much in single readings."""
    clock: ClockKind = "real"
    """Whether the board's time passes by itself, or is a number (the embedded board's may be)."""
    temperature_c: Temperature | None = field(default=None, metadata=ABSENT)
    slowness: float | None = field(default=None, metadata=ABSENT)
    """How many times longer than for a usual board every time limit was; ``None`` where it was
    not."""


PinId = int | str


@dataclass(frozen=True, slots=True)
class Wiring:
    """Pins and timers of one kind of board.

    ``outputs`` are free to toggle, ``loopback`` is an (output, input) pair joined by a jumper,
    ``timers`` are the ids to construct timers with (-1 is a virtual one), ``avoid`` is never
    touched. ``match_machine`` and ``match_unique_id`` are regular expressions over what the board
    says of itself (the id in hexadecimal); an empty one matches nothing. ``note`` is for a person,
    ``clock_jump_us`` is what single readings of the board's clock are known to be off by,
    ``deepsleep`` says that it comes back to its port by itself from a timed deep sleep.
    ``sync`` and ``response`` are outputs for an instrument that sees edges: the sync pattern, and
    the answers of interrupt handlers.
    """

    name: str
    match_machine: str = ""
    match_unique_id: str = ""
    outputs: tuple[PinId, ...] = ()
    loopback: tuple[PinId, PinId] | None = None
    timers: tuple[int, ...] = ()
    avoid: tuple[PinId, ...] = ()
    leds: tuple[PinId, ...] = ()
    note: str = ""
    clock_jump_us: int | None = None
    deepsleep: bool = False
    edges: Mapping[str, str] = field(default_factory=dict, hash=False)
    """The line of each channel of an instrument that sees edges, by the channel's name."""
    sync: PinId | None = None
    response: PinId | None = None

    @property
    def capabilities(self) -> tuple[str, ...]:
        """What this wiring adds to the board's capabilities."""
        available = {"pins": self.outputs, "loopback": self.loopback, "deepsleep": self.deepsleep}
        return tuple(word for word, is_available in available.items() if is_available)

    @property
    def jumper(self) -> str:
        """What to connect for the loopback, for a person."""
        if self.loopback is None:
            return "name a loopback pair with --hil-wiring=FILE and join it with a jumper"
        source, sink = self.loopback
        return f"connect pin {source} to pin {sink} of the {self.name} with a jumper"


NO_WIRING = Wiring("unknown")
SMALL_HEAP = "small_heap"
VIRTUAL_TIME = "virtual"
"""The capability of a board whose time is a number."""
WHY_MISSING: Mapping[str, str] = {
    "timer": "the board has no machine.Timer",
    "timer_hard": "its timers take no hard=True: callbacks are soft only",
    "pin_irq": "its pins have no irq()",
    "pin_irq_hard": "its Pin.irq() takes no hard=True",
    "pio": "it has no PIO state machines; only RP2 chips have them",
    "disable_irq": "it has no machine.disable_irq()",
    "pwm": "it has no machine.PWM with duty_u16()",
    "schedule": "there is no micropython.schedule",
    "thread": "there is no _thread",
    "asyncio": "there is no asyncio",
    "uasyncio": "there is no uasyncio",
    "socket": "it has no socket, or no Wi-Fi to be in a network by",
    "tsf": "its asyncio has no ThreadSafeFlag",
    "pins": "no free output pin is known; name some with --hil-wiring=FILE",
    "loopback": "no loopback pair is known; name one with --hil-wiring=FILE and wire it",
}
_FIRMWARE = re.compile(r"v?(\d+(?:\.\d+)*(?:-(?:preview|alpha|beta|rc)\d*)?)", re.ASCII)


def board_key(board: BoardIdentity) -> str:
    """What tells this board from others: its unique id, else its name without its settings.

    The embedded board is one board for each kind of clock, whatever its knobs are, and an emulator
    is one for each firmware: how it was set up is told by :func:`board_settings`.
    """
    traits = SOURCES[board.source]
    if board.unique_id and traits.own_id:
        return board.unique_id[:400]
    if traits.embedded:
        return DEFAULT_BOARD if board.clock == "real" else f"{DEFAULT_BOARD}:clock={board.clock}"
    return board.name.partition("?")[0][:400]


def board_settings(board: BoardIdentity) -> str:
    """How a board was set up that has one key however it is: knobs, or what is behind ``?``.

    Empty for a board that is known by its unique id: of that the name tells the port.
    """
    traits = SOURCES[board.source]
    if board.unique_id and traits.own_id:
        return ""
    if not traits.embedded:
        return board.name.partition("?")[2]
    prefix, _, knobs = board.name.partition(":")
    if prefix != DEFAULT_BOARD:  # it was reached by its port
        return ""
    return ",".join(knob for knob in knobs.split(",") if not knob.strip().startswith("clock="))


def firmware_line(micropython: str) -> str:
    """MicroPython's version without the build: ``1.29.0-preview`` of ``v1.29.0-preview.92.gd71…``.

    What is no version is taken as it is.
    """
    match = _FIRMWARE.match(micropython)
    return match[1] if match else micropython[:200]
