"""The configuration module that the embedded board's MicroPython code imports at its start."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

from hil.transport.vm_knobs import PINS, SimKnobs

_NOISE_DRAWS = 4096
_SKEW_ONE = 1 << 36
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
    supervisor sets when it wants to be asked; ``sched_state`` that of the VM's scheduler's state.
    """

    ns: int
    attention: int
    sched_state: int


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
        "skew": round(knobs.ppm * 1e-6 * _SKEW_ONE),
        "skew_back": round((1.0 / ratio - 1.0) * _SKEW_ONE),
        "tick_bits": knobs.tick_bits,
        "step_ns": round(knobs.tick_us * 1000),
        "jump_us": knobs.step_us,
        "jump_every_us": round(knobs.step_every_ms * 1000),
        "latency_us": knobs.latency_us,
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
        "start_ns": start.ns,
        "epoch_ns": EPOCH_S * 1_000_000_000,
        "attention": start.attention,
        "sched_state": start.sched_state,
        "fd_grant": pipes.grant,
        "read_ns": round(read_us * 1000),
        "pin_ns": round(pin_us * 1000),
        "store_ns": round(store_us * 1000),
        "entry_ns": round(knobs.entry_us * 1000),
        "turn_ns": round(knobs.turn_us * 1000),
    }
