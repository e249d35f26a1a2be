"""What ``--hil-faults`` takes: which faults the link to the board is given, read strictly."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

from hil.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """Faults on the way from the board; all numbers are 0 for none.

    Chances for every byte: ``drop`` it is lost, ``flip`` one bit is wrong, ``dup`` a block comes
    twice, ``reorder`` two blocks change places, ``garbage`` a burst of random bytes comes,
    ``storm`` a program's prints come in between, ``delay`` everything waits ``delay_ms``.
    At a byte of a capture, once: ``silence_at`` nothing comes any more, ``lost_at`` the port is
    gone for ``gone_s`` seconds, ``reset_at`` the board is reset (Ctrl-C, Ctrl-D), ``stall_at``
    nothing is read for ``stall_s`` seconds, so that the flow stops. ``echo=1``: what is sent to
    the board comes back. ``always=1``: not only in captures. ``seed``: of all chances.
    """

    drop: float = 0.0
    flip: float = 0.0
    dup: float = 0.0
    reorder: float = 0.0
    garbage: float = 0.0
    storm: float = 0.0
    delay: float = 0.0
    delay_ms: float = 50.0
    silence_at: int = 0
    lost_at: int = 0
    gone_s: float = 2.0
    reset_at: int = 0
    stall_at: int = 0
    stall_s: float = 2.0
    echo: int = 0
    always: int = 0
    seed: int = 1


CHANCES = ("drop", "flip", "dup", "reorder", "garbage", "storm", "delay")
PLACES = ("silence_at", "lost_at", "reset_at", "stall_at")
_DEFAULT = FaultSpec()
_KNOWN = tuple(field.name for field in fields(FaultSpec))
_TOP = {
    **dict.fromkeys(CHANCES, 0.5),
    **dict.fromkeys(PLACES, 1 << 40),
    **dict.fromkeys(("echo", "always"), 1),
    **{"delay_ms": 60_000, "gone_s": 3600, "stall_s": 3600, "seed": (1 << 32) - 1},
}


def parse_faults(text: str) -> FaultSpec:
    """Read ``"drop=0.001,seed=7"``.

    Raises :class:`~hil.errors.ConfigurationError` that names the option and what it may be.
    """
    values: dict[str, Any] = {}
    for part in (part.strip() for part in text.split(",")):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if name not in _KNOWN:
            raise ConfigurationError(
                f"--hil-faults: unknown fault {name[:40]!r}; known are {', '.join(_KNOWN)}"
            )
        if name in values:
            raise ConfigurationError(f"--hil-faults: {name} is given twice")
        if not equals or not value:
            raise ConfigurationError(f"--hil-faults: {name} needs a value, as in {name}=...")
        values[name] = _number(name, value)
    if not any(values.get(name) for name in (*CHANCES, *PLACES, "echo")):
        raise ConfigurationError(
            f"--hil-faults={text[:60]}: no fault is asked for; as in drop=0.001 or lost_at=5000"
        )
    return FaultSpec(**values)


def format_faults(spec: FaultSpec) -> str:
    """The shortest text that :func:`parse_faults` reads back to the same faults."""
    parts = []
    for name in _KNOWN:
        value = getattr(spec, name)
        if value != getattr(_DEFAULT, name):
            parts.append(f"{name}={value!r}" if isinstance(value, int) else f"{name}={value:.17g}")
    return ",".join(parts)


def _number(name: str, text: str) -> float | int:
    whole = isinstance(getattr(_DEFAULT, name), int)
    try:
        value: float | int = int(text) if whole else float(text)
    except ValueError:
        kind = "a whole number" if whole else "a number"
        raise ConfigurationError(f"--hil-faults: {name}={text[:40]!r} must be {kind}") from None
    if not (math.isfinite(value) and 0 <= value <= _TOP[name]):
        raise ConfigurationError(f"--hil-faults: {name}={text[:40]} must be 0 to {_TOP[name]:g}")
    return value
