"""On which line of a TOML file a key stands: for error messages only."""

from __future__ import annotations

import re

_KEY = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'|[A-Za-z0-9_-]+")
_ASSIGN = re.compile(rf"\s*((?:{_KEY.pattern})(?:\s*\.\s*(?:{_KEY.pattern}))*)\s*=")


def find_line(lines: list[str], keys: tuple[str, ...]) -> int | None:
    """The 1-based line on which this dotted key, or a table below it, is first written.

    ``tomllib`` keeps no places; this reads headers and assignments well enough for a message and
    gives ``None`` where it can't tell.
    """
    header: tuple[str, ...] = ()
    for number, line in enumerate(lines, 1):
        is_header = line.lstrip().startswith("[")
        if is_header:
            here = header = _split(line.partition("]")[0])
        else:
            assigned = _ASSIGN.match(line)
            if not assigned:
                continue
            here = header + _split(assigned[1])
        if here[: len(keys)] == keys:
            return number
        if not is_header and keys[: len(here)] == here:
            return number
    return None


def _split(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _KEY.findall(dotted))
