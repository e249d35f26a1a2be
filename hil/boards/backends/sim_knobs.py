"""The knobs of the embedded board, and the configuration module that is made of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from statistics import NormalDist
from typing import TYPE_CHECKING

from hil.model.errors import ConfigurationError
from hil.model.known_names import unknown_name
from hil.model.numbers import finite_float, shown_text, shown_value, within

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path
    from typing import Any


@dataclass(frozen=True, slots=True)
class SimKnobs:
    """Ground truth that the embedded board is built with.

    ``ppm``: its clock runs this much faster than the host's. ``tick_bits``: ``ticks_*`` wrap at
    2**n. ``tick_us``: step of its clock. ``jitter_us``: standard deviation of the normal noise on
    each timer deadline (independent draws, not accumulating). ``latency_us``: added between an
    interrupt's cause and its handler. ``gc_ms`` every ``gc_every_ms``: pauses of the main program
    and of soft callbacks. ``step_us`` every ``step_every_ms``: its clock is set forward by so much,
    the next time back again (a negative one: first back), while timers go on evenly.
    ``seed``: of the noise, and part of ``machine.unique_id()``.
    ``heap``: KB. ``timer``, ``thread``, ``asyncio``, ``irq_hard``: 0 makes a board without it.
    ``wires``: jumpers between pins, ``4-5+6-7`` or ``none``.

    ``clock``: ``real`` takes the host's time, ``virtual`` makes time a number that the board
    advances; only there the next ones count. ``read_us``: a read of the clock; ``pin_us``: a write
    of a pin; ``store_us``: storing a stamp; ``entry_us``: from an interrupt to the first statement
    of its handler, and the same for a soft callback; ``turn_us``: a jump of the main program's
    bytecode. ``stamp_us``: read, pin and store together, scaled to this sum. ``phase_us``: how far
    the clock is on when the board is switched on, to the nanosecond, so that its steps come at
    other moments of a program.
    """

    clock: str = "real"

    ppm: float = 0.0
    tick_bits: int = 30
    tick_us: float = 1.0
    jitter_us: float = 0.0
    latency_us: int = 0
    gc_ms: float = 0.0
    gc_every_ms: float = 0.0
    step_us: int = 0
    step_every_ms: float = 0.0
    seed: int = 1
    heap: int = 2048
    timer: int = 1
    thread: int = 1
    asyncio: int = 1
    irq_hard: int = 1
    wires: str = "4-5"
    stamp_us: float = 0.0
    read_us: float = 0.5
    pin_us: float = 0.5
    store_us: float = 0.5
    entry_us: float = 1.0
    turn_us: float = 2.0
    phase_us: float = 0.0

    @property
    def virtual(self) -> bool:
        """Whether the board's time is virtual."""
        return self.clock == VIRTUAL

    @property
    def stamp_parts_us(self) -> tuple[float, float, float]:
        """What reading the clock, writing a pin and storing a stamp take."""
        parts = (self.read_us, self.pin_us, self.store_us)
        scale = self.stamp_us / sum(parts) if self.stamp_us else 1.0
        return parts[0] * scale, parts[1] * scale, parts[2] * scale

    @property
    def jumpers(self) -> tuple[tuple[int, int], ...]:
        """The wires as pairs of pin numbers."""
        if self.wires == "none":
            return ()
        pairs = [wire.split("-") for wire in self.wires.split("+")]
        return tuple((int(a), int(b)) for a, b in pairs)


PINS = 32
REAL, VIRTUAL = "real", "virtual"
_COSTS = ("stamp_us", "read_us", "pin_us", "store_us", "entry_us", "turn_us", "phase_us")
_STAMP = ("read_us", "pin_us", "store_us")
_WIRES = re.compile(r"none|\d{1,2}-\d{1,2}(\+\d{1,2}-\d{1,2})*")
_RANGES: dict[str, tuple[float, float]] = {
    "ppm": (-1000.0, 1000.0),
    "tick_bits": (16, 62),
    "tick_us": (1.0, 100_000.0),
    "jitter_us": (0.0, 100_000.0),
    "latency_us": (0, 100_000),
    "gc_ms": (0.0, 10_000.0),
    "gc_every_ms": (0.0, 3_600_000.0),
    "step_us": (-60_000_000, 60_000_000),
    "step_every_ms": (0.0, 3_600_000.0),
    "seed": (0, 2**32 - 1),
    "heap": (96, 1_048_576),
    "timer": (0, 1),
    "thread": (0, 1),
    "asyncio": (0, 1),
    "irq_hard": (0, 1),
    "stamp_us": (0.03, 10_000.0),
    "read_us": (0.01, 1_000.0),
    "pin_us": (0.0, 1_000.0),
    "store_us": (0.0, 1_000.0),
    "entry_us": (0.0, 10_000.0),
    "turn_us": (0.01, 1_000.0),
    "phase_us": (0.0, 100_000.0),
}
_WORDS = {"clock": (REAL, VIRTUAL)}
_DEFAULT = SimKnobs()
_LONGEST_NUMBER = 100
_KNOWN = tuple(field.name for field in fields(SimKnobs))


def parse_sim_knobs(text: str) -> SimKnobs:
    """Read ``"ppm=40,tick_bits=16"``; an empty text gives the defaults.

    Raises :class:`~hil.model.errors.ConfigurationError` naming the knob and what is known or
    allowed.
    """
    values: dict[str, Any] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if name not in _KNOWN:
            raise ConfigurationError(f"sim: {unknown_name('knob', name, _KNOWN)}")
        if not equals or not value:
            raise ConfigurationError(f"knob {name!r} needs a value, as in {name}=...")
        if name in values:
            raise ConfigurationError(f"knob {name!r} is given twice")
        values[name] = _value(name, value)
    knobs = SimKnobs(**values)
    _check_costs(knobs, values)
    if (knobs.gc_ms > 0) != (knobs.gc_every_ms > 0):
        raise ConfigurationError("knobs gc_ms and gc_every_ms go together; give both")
    if knobs.gc_ms > 0 and knobs.gc_every_ms <= knobs.gc_ms:
        raise ConfigurationError("knob gc_every_ms must be longer than gc_ms")
    if (knobs.step_us != 0) != (knobs.step_every_ms > 0):
        raise ConfigurationError("knobs step_us and step_every_ms go together; give both")
    if 0 < knobs.step_every_ms < 1:
        raise ConfigurationError("knob step_every_ms must be at least 1")
    return knobs


def format_sim_knobs(knobs: SimKnobs) -> str:
    """The shortest text that :func:`parse_sim_knobs` reads back to the same knobs."""
    parts = []
    for name in _KNOWN:
        value = getattr(knobs, name)
        if value != getattr(_DEFAULT, name):
            if isinstance(value, float):
                value = int(value) if value.is_integer() else repr(value)
            parts.append(f"{name}={value}")
    return ",".join(parts)


def _value(name: str, text: str) -> float | int | str:
    if name == "wires":
        return _wires(text)
    if name in _WORDS:
        if text not in _WORDS[name]:
            raise ConfigurationError(
                f"knob {name}={shown_value(text)} must be {' or '.join(_WORDS[name])}"
            )
        return text
    return _number(name, text)


def _check_costs(knobs: SimKnobs, given: Collection[str]) -> None:
    costs = [name for name in _COSTS if name in given]
    if costs and not knobs.virtual:
        raise ConfigurationError(
            f"knob {costs[0]} needs clock=virtual: in real time the host's processor decides"
        )
    both = [name for name in _STAMP if name in given]
    if both and "stamp_us" in given:
        raise ConfigurationError(f"knob stamp_us sets {both[0]} too; give one of them")


def _number(name: str, text: str) -> float | int:
    convert: Callable[[str], float | int] = (
        finite_float if isinstance(getattr(_DEFAULT, name), float) else int
    )
    low, high = _RANGES[name]
    try:
        value = convert(text[:_LONGEST_NUMBER])
    except ValueError:
        kind = "a whole number" if convert is int else "a number"
        raise ConfigurationError(f"knob {name}={shown_value(text)} must be {kind}") from None
    if len(text) > _LONGEST_NUMBER or not within(value, low, high):
        limits = f"must be from {low:g} to {high:g}"
        raise ConfigurationError(f"knob {name}={shown_text(text)} {limits}")
    return value


def _wires(text: str) -> str:
    if not _WIRES.fullmatch(text):
        raise ConfigurationError(
            f"knob wires={shown_value(text)} must be pairs of pins as 4-5+6-7, or none"
        )
    if text != "none":
        ends = [int(pin) for pin in re.split(r"[-+]", text)]
        if max(ends) >= PINS or any(a == b for a, b in zip(ends[::2], ends[1::2], strict=True)):
            raise ConfigurationError(
                f"knob wires={shown_value(text)} must join different pins below {PINS}"
            )
    return text


_NOISE_DRAWS = 4096
_SKEW_UNIT = 1 << 36
_SPIN_US = 70
TIMERS = 4


@dataclass(frozen=True, slots=True)
class VmPipes:
    """The VM's ends of its pipes, by file descriptor number.

    ``wake`` and ``poke`` are (read, write) pairs inside the VM, ``host`` carries stimuli from the
    supervisor, ``notice`` carries the board's requests to it. ``grant`` carries the supervisor's
    answers to a board in virtual time.
    """

    wake: tuple[int, int]
    poke: tuple[int, int]
    host: int
    notice: int
    grant: int = -1


@dataclass(frozen=True, slots=True)
class VirtualStart:
    """How a board in virtual time starts: at which time, and where it finds what it shares.

    ``ns`` is the time since it was first switched on; ``attention`` the address of a byte that the
    supervisor sets when it wants to be asked; ``sched_state`` that of the VM's scheduler's state;
    ``edges`` where it notes the edges of its pins, with room for ``edge_room`` of them.
    """

    ns: int
    attention: int
    sched_state: int
    edges: int
    edge_room: int


EPOCH_S = 1_767_225_600
"""The wall clock of a board in virtual time when it is first switched on: 2026-01-01, UTC."""


def config_source(
    knobs: SimKnobs, pipes: VmPipes, root: Path, start: VirtualStart | None = None
) -> str:
    """Python source of ``sim_config``: whole numbers, ready for code that must not allocate.

    The clock's skew is a factor of 2**36, so one step is 1.5e-5 ppm. The noise of ``jitter_us`` is
    a table of equidistant quantiles of the normal distribution, in nanoseconds.
    """
    missing = [name for name in ("_thread", "asyncio") if not getattr(knobs, name.lstrip("_"))]
    if "asyncio" in missing:
        missing.append("uasyncio")
    if start is not None:
        missing += ["socket", "usocket"]  # its peers would live in real time
    ratio = 1.0 + knobs.ppm * 1e-6
    values: dict[str, object] = {
        "skew": round(knobs.ppm * 1e-6 * _SKEW_UNIT),
        "skew_back": round((1.0 / ratio - 1.0) * _SKEW_UNIT),
        "tick_bits": knobs.tick_bits,
        "step_ns": round(knobs.tick_us * 1000),
        "jump_us": knobs.step_us,
        "jump_every_us": round(knobs.step_every_ms * 1000),
        "latency_us": knobs.latency_us,
        "phase_us": int(knobs.phase_us),
        "gc_us": round(knobs.gc_ms * 1000),
        "gc_every_us": round(knobs.gc_every_ms * 1000),
        "seed": knobs.seed,
        "timer": bool(knobs.timer),
        "irq_hard": bool(knobs.irq_hard),
        "missing": tuple(missing),
        "wires": knobs.jumpers,
        "pins": PINS,
        "timers": TIMERS,
        "names": 300 if knobs.heap >= 512 else 60,
        "spin_us": _SPIN_US,
        "root": str(root),
        "fd_wake": pipes.wake,
        "fd_poke": pipes.poke,
        "fd_host": pipes.host,
        "fd_notice": pipes.notice,
    }
    values["virtual"] = start is not None
    if start is not None:
        values |= _virtual_values(knobs, pipes, start)
    lines = [f"{name} = {value!r}" for name, value in values.items()]
    if knobs.jitter_us > 0:
        normal = NormalDist(0.0, knobs.jitter_us * 1000.0)
        quantiles = [normal.inv_cdf((k + 0.5) / _NOISE_DRAWS) for k in range(_NOISE_DRAWS)]
        raw = b"".join(round(q).to_bytes(4, "little", signed=True) for q in quantiles)
        lines += ["from array import array", f"noise_ns = array('i', {raw!r})"]
    else:
        lines.append("noise_ns = None")
    return "\n".join(lines) + "\n"


def _virtual_values(knobs: SimKnobs, pipes: VmPipes, start: VirtualStart) -> dict[str, object]:
    read_us, pin_us, store_us = knobs.stamp_parts_us
    return {
        "start_ns": start.ns or round(knobs.phase_us % 1.0 * 1000.0),
        "epoch_ns": EPOCH_S * 1_000_000_000,
        "attention": start.attention,
        "sched_state": start.sched_state,
        "edges": start.edges,
        "edge_room": start.edge_room,
        "fd_grant": pipes.grant,
        "read_ns": round(read_us * 1000),
        "pin_ns": round(pin_us * 1000),
        "store_ns": round(store_us * 1000),
        "entry_ns": round(knobs.entry_us * 1000),
        "turn_ns": round(knobs.turn_us * 1000),
    }
