"""Values of the history's columns, checked: SQLite keeps any kind of value in any column."""

from __future__ import annotations

import math
from typing import Any

_LONGEST = 1_000_000
_LARGEST = 1 << 62


def text(value: Any) -> str:
    """A text; ``ValueError`` for anything else, and for one of more than a million characters."""
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise ValueError(f"{value!r:.40} is no text")
    return value


def text_or_none(value: Any) -> str | None:
    """A text, or nothing."""
    return None if value is None else text(value)


def number(value: Any) -> float:
    """A finite number; ``ValueError`` for anything else."""
    if not isinstance(value, int | float) or not math.isfinite(value) or abs(value) > _LARGEST:
        raise ValueError(f"{value!r:.40} is no number")
    return float(value)


def number_or_none(value: Any) -> float | None:
    """A finite number, or nothing."""
    return None if value is None else number(value)


def whole(value: Any) -> int:
    """A whole number, however the database keeps it; ``ValueError`` for anything else."""
    if number(value) != int(value):
        raise ValueError(f"{value!r:.40} is no whole number")
    return int(value)


def whole_or_none(value: Any) -> int | None:
    """A whole number, or nothing."""
    return None if value is None else whole(value)


def periods_text(value: Any) -> str | None:
    """Periods in us with commas between them, or nothing; ``ValueError`` for anything else."""
    periods = text_or_none(value)
    for period in (periods or "").split(","):
        if period:
            number(float(period))
    return periods


def data(value: Any) -> bytes:
    """Bytes; ``ValueError`` for anything else: of a number, ``bytes`` makes as many zeros."""
    if not isinstance(value, bytes | bytearray | memoryview):
        raise ValueError(f"{value!r:.40} are no bytes")
    return bytes(value)
