"""Typed values from text frames; what a board says is data, every number is checked."""

from __future__ import annotations

import re
from collections.abc import Mapping

_INTEGER = re.compile(r"-?[0-9]{1,19}\Z")


def integer(fields: Mapping[str, str], key: str, *, low: int = 0, high: int = (1 << 62) - 1) -> int:
    """The integer of ``key``; ``ValueError`` where it is absent, malformed or out of range."""
    text = fields.get(key)
    if text is None:
        raise ValueError(f"{key} is missing")
    if not _INTEGER.match(text):
        raise ValueError(f"{key}={text[:40]!r} is not an integer")
    value = int(text)
    if not low <= value <= high:
        raise ValueError(f"{key}={value} is not between {low} and {high}")
    return value


def counters(
    fields: Mapping[str, str], *, without: frozenset[str], limit: int = 200
) -> dict[str, int]:
    """All fields but those of ``without`` as counters; ``ValueError`` for one that is none."""
    keys = [key for key in fields if key not in without]
    if len(keys) > limit:
        raise ValueError(f"{len(keys)} counters are too many")
    return {key: integer(fields, key, low=-(1 << 62)) for key in keys}
