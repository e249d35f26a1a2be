"""What the probe on the board printed, turned into a checked :class:`BoardIdentity`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

from hil.errors import CaptureError
from hil.records import BoardIdentity, Source
from hil.wire.devicelog import printable

PROBE_MARK = "hil:"
SMALL_HEAP = "small_heap"
VIRTUAL = "virtual"
"""The capability of a board whose time is a number."""
SMALL_HEAP_BYTES = 32_000
"""Free memory below which a board has the capability ``small_heap``: agents come in stages."""

_MAX_TEXT = 200
_MAX_LINES = 100
_T = TypeVar("_T", int, float)


def parse_probe(output: bytes) -> dict[str, str]:
    """The probe's ``hil:key=value`` lines; everything else in ``output`` is ignored.

    Lines ``hil:cap=word,word`` together become ``caps``.
    """
    facts: dict[str, str] = {}
    caps: list[str] = []
    for line in output.decode("ascii", "replace").splitlines()[-_MAX_LINES:]:
        if line.startswith(PROBE_MARK):
            key, mark, value = line[len(PROBE_MARK) :].partition("=")
            if mark and key == "cap":
                caps += printable(value.strip()[:_MAX_TEXT].encode()).split(",")
            elif mark:
                facts[key.strip()] = printable(value.strip()[:_MAX_TEXT].encode())
    if caps:
        facts["caps"] = ",".join((*filter(None, facts.get("caps", "").split(",")), *caps))
    return facts


def is_sim(facts: dict[str, str]) -> bool:
    """Whether the board is the embedded one, however it was reached."""
    return facts.get("uid", "").startswith(b"hil-sim".hex())


def identity_from_probe(
    facts: dict[str, str],
    *,
    name: str,
    port: str,
    source: Source,
    wired: tuple[str, ...] = (),
    clock_jump_us: int | None = None,
) -> BoardIdentity:
    """Build the identity; ``wired`` adds the capabilities that come from wiring.

    Raises :class:`~hil.errors.CaptureError` when the board did not even tell its tick period.
    """
    period = _number(facts.get("tp"), int)
    if period is None or period < 1 << 8 or period & (period - 1):
        raise CaptureError(
            f"{name}: the board's clock could not be identified "
            f"(tick period {facts.get('tp', 'not told')!r}); is this MicroPython?"
        )
    caps = {c for c in facts.get("caps", "").split(",") if c.isidentifier()}
    free = _number(facts.get("free"), int) or None
    if free is not None and free < SMALL_HEAP_BYTES:
        caps.add(SMALL_HEAP)
    return BoardIdentity(
        name=name,
        port=port,
        source=source,
        platform=facts.get("platform", "unknown"),
        machine=facts.get("machine", "unknown"),
        micropython=facts.get("version", "unknown"),
        tick_period=period,
        cpu_hz=_number(facts.get("cpu_hz"), int) or None,
        unique_id=facts.get("uid") or None,
        tick_resolution_us=_number(facts.get("res_us"), float) or None,
        free_bytes=free,
        capabilities=tuple(sorted(caps | set(wired))),
        clock_jump_us=clock_jump_us,
        clock="virtual" if VIRTUAL in caps else "real",
    )


def _number(text: str | None, kind: Callable[[str], _T]) -> _T | None:
    try:
        number = None if text is None else kind(text)
    except ValueError:
        return None
    return number if number is None or math.isfinite(number) else None
