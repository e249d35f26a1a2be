"""Whether a process of this host is stopped, which a board that it plays can't know (Linux)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_STOPPED = (b"T", b"t")
"""By a signal, and by a debugger."""


def any_stopped(pid: int) -> bool:
    """Whether the process ``pid`` or one that it has started is stopped; false where unknown."""
    return any(_state(number) in _STOPPED for number in _family(pid))


def _family(pid: int) -> Iterator[int]:
    yield pid
    for child in _read(f"/proc/{pid}/task/{pid}/children").split():
        yield from _family(int(child))


def _state(pid: int) -> bytes:
    # the name before it may have spaces and brackets
    words = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split(maxsplit=1)
    return words[0] if words else b""


def _read(path: str) -> bytes:
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.read(handle, 4096)
    except OSError:
        return b""
    finally:
        os.close(handle)
