"""Locks across processes: two runs never share a board.

A lock is taken for each name that a board goes by: its device, its USB identity, the address of its
server (:mod:`hil.boards.lock_names`). The operating system lets go of it when its holder ends,
however it ends. This is more than the exclusive flag of a serial port: it also holds for boards
behind a network, between the reset of a board and its re-appearance, and under another name of the
same port.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hil.boards.diagnosis import command_of
from hil.boards.lock_files import (
    HeldLock,
    lock_file,
    lock_owners,
    release_lock,
    take_lock,
    write_note,
)
from hil.boards.lock_names import address_lock_names, device_lock_names
from hil.model.errors import BoardBusyError
from hil.model.redaction import redacted_command, redacted_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = [  # for who writes a backend, everything about locks is here
    "BoardLock",
    "Holder",
    "address_lock_names",
    "brief_locks",
    "device_lock_names",
    "lock_holder",
    "own_command",
]
_MAX_TEXT = 4096
_BRIEF_WAIT_S = 60.0
_BRIEF_POLL_S = 0.1
_brief_uses = 0


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a board: ``pid`` is 0 and ``command`` empty where that can't be told.

    ``brief`` if it only looks at the board and will soon be done.
    """

    pid: int
    command: str
    brief: bool = False

    def __str__(self) -> str:
        if not self.pid:
            return "another program"
        return f"pid {self.pid}" + (f", `{self.command}`" if self.command else "")


@contextlib.contextmanager
def brief_locks() -> Iterator[None]:
    """Locks that are taken meanwhile are held for seconds: a run waits for them to be let go."""
    global _brief_uses
    _brief_uses += 1
    try:
        yield
    finally:
        _brief_uses -= 1


class BoardLock:
    """Holds a board from construction to :meth:`release`; a context manager.

    Raises :class:`~hil.model.errors.BoardBusyError` that names the holder.
    """

    def __init__(
        self, board: str, names: Iterable[str], *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._board = board
        self._sleep = sleep
        self._held: dict[str, HeldLock] = {}
        try:
            self.extend(names)
        except BaseException:
            self.release()
            raise

    def __enter__(self) -> BoardLock:
        return self

    def __exit__(self, *exc: object) -> None:
        self.release()

    def extend(self, names: Iterable[str]) -> None:
        """Hold the board under these names too; those that are held already stay so."""
        for name in names:
            if name not in self._held:
                self._take(name)

    def release(self) -> None:
        """Let go of the board; may be called again."""
        while self._held:
            release_lock(self._held.popitem()[1])

    def _take(self, name: str) -> None:
        if sys.platform == "win32":
            return
        waited_s = 0.0
        while (held := take_lock(name)) is None:
            holder = lock_holder((name,)) or Holder(0, "")
            if not holder.brief or waited_s >= _BRIEF_WAIT_S:
                raise BoardBusyError(
                    f"{self._board}: the board is in use by {holder}; "
                    "wait for it to end, or end it, and run again"
                )
            self._sleep(_BRIEF_POLL_S)
            waited_s += _BRIEF_POLL_S
        self._held[name] = held
        note = {"pid": os.getpid(), "command": own_command(), "board": self._board}
        note |= {"since": time.time(), "brief": bool(_brief_uses)}
        write_note(held, json.dumps(note).encode()[:_MAX_TEXT])


def lock_holder(names: Iterable[str]) -> Holder | None:
    """Who holds a board under one of ``names``; looks, and neither takes nor makes anything."""
    for name in names:
        owners = lock_owners(name)
        if owners == ():
            continue
        noted = _note(lock_file(name))
        if owners is None:  # the system does not tell: is there who wrote the note?
            if noted.pid and _is_running(noted.pid):
                return noted
            continue
        if noted.pid in owners or not any(owners):
            return noted
        pid = next(filter(None, owners))
        return Holder(pid, command_of(pid))
    return None


def own_command() -> str:
    """This process as a person would call it, without the secrets of its command line."""
    words = [Path(sys.argv[0]).name or "python", *sys.argv[1:]]
    return redacted_command(words)[:200]


def _note(path: Path) -> Holder:
    """Who wrote the note; a text from a file is data, so it is bounded and made printable."""
    with contextlib.suppress(ValueError, TypeError, AttributeError, OSError):
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            note = json.loads(os.read(handle, _MAX_TEXT))
        finally:
            os.close(handle)
        command = redacted_text(str(note.get("command", "")))  # an older version's has them still
        command = "".join(c for c in command if c.isprintable())
        return Holder(int(note.get("pid", 0)), command[:200], note.get("brief") is True)
    return Holder(0, "")


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return pid > 0
