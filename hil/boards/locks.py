"""Locks across processes: two runs never share a board.

A file is locked for each name that a board goes by: its device file, its USB identity, the address
of its server. The operating system lets go of such a lock when its holder ends, however it ends.
This is more than the exclusive flag of a serial port: it also holds for boards behind a network,
between the reset of a board and its re-appearance, and under another name of the same port.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hil.model.errors import BoardBusyError, ConfigurationError
from hil.model.redaction import redacted_command, redacted_text

if TYPE_CHECKING:
    from collections.abc import Iterable

if sys.platform != "win32":  # Windows itself gives a COM port to one program only
    import fcntl
_FOLDER_VARIABLE = "HIL_LOCK_DIR"
_MAX_TEXT = 4096
_LOCAL = ("localhost", "::1", "127.0.0.1")


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a board: ``pid`` is 0 and ``command`` empty where that can't be told."""

    pid: int
    command: str

    def __str__(self) -> str:
        if not self.pid:
            return "another program"
        return f"pid {self.pid}" + (f", `{self.command}`" if self.command else "")


def device_lock_names(port: str, usb_identity: str = "") -> tuple[str, ...]:
    """The names under which the board at a port of this host is locked, for every spelling."""
    path = os.path.realpath(port) if os.name == "posix" else port.upper()
    names = [f"port:{path}", *([f"usb:{usb_identity}"] if usb_identity else [])]
    return tuple(sorted(names))


def address_lock_names(url: str) -> tuple[str, ...]:
    """The name under which the board behind an address is locked, for every spelling."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    return (f"tcp:{'127.0.0.1' if host in _LOCAL else host}:{parts.port}",)


class BoardLock:
    """Holds a board from construction to :meth:`release`; a context manager.

    Raises :class:`~hil.model.errors.BoardBusyError` that names the holder.
    """

    def __init__(self, board: str, names: Iterable[str]) -> None:
        self._board = board
        self._files: dict[str, int] = {}
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
            if name not in self._files:
                self._take(self._board, name)

    def release(self) -> None:
        """Let go of the board; may be called again."""
        while self._files:
            os.close(self._files.popitem()[1])

    def _take(self, board: str, name: str) -> None:
        if sys.platform == "win32":
            return
        handle = _open(lock_file(name))
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = _read(handle)
            os.close(handle)
            raise BoardBusyError(
                f"{board}: the board is in use by {holder}; "
                "wait for it to end, or end it, and run again"
            ) from None
        self._files[name] = handle
        os.ftruncate(handle, 0)
        note = {"pid": os.getpid(), "command": own_command(), "board": board, "since": time.time()}
        os.pwrite(handle, json.dumps(note).encode()[:_MAX_TEXT], 0)


def lock_holder(names: Iterable[str]) -> Holder | None:
    """Who holds a board under one of ``names``, without taking it."""
    if sys.platform == "win32":
        return None
    for name in names:
        path = lock_file(name)
        if not path.exists():
            continue
        handle = _open(path)
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return _read(handle)
        finally:
            os.close(handle)
    return None


def lock_file(name: str) -> Path:
    """The file that stands for one name of a board."""
    return _folder() / f"{hashlib.sha256(name.encode()).hexdigest()[:24]}.lock"


def own_command() -> str:
    """This process as a person would call it, without the secrets of its command line."""
    words = [Path(sys.argv[0]).name or "python", *sys.argv[1:]]
    return redacted_command(words)[:200]


def _folder() -> Path:
    """One folder a user, the same for a desktop and a nightly job (so not the login's run-time)."""
    named = os.environ.get(_FOLDER_VARIABLE)
    if named:
        folder = Path(named)
    else:
        base = Path("/tmp") if os.name == "posix" else Path(tempfile.gettempdir())
        folder = base / f"hil-locks-{os.getuid() if os.name == 'posix' else 'all'}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        theirs = os.name == "posix" and not named and folder.lstat().st_uid != os.getuid()
    except OSError as error:
        raise ConfigurationError(
            f"{folder}: no place for the boards' locks ({error.strerror}); "
            f"name one with {_FOLDER_VARIABLE}=DIR"
        ) from None
    if theirs or folder.is_symlink():
        raise ConfigurationError(
            f"{folder}: belongs to somebody else; name another folder with {_FOLDER_VARIABLE}=DIR"
        )
    return folder


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigurationError(f"{path}: can't lock the board ({error.strerror})") from None


def _read(handle: int) -> Holder:
    """Who wrote the note; a text from a file is data, so it is bounded and made printable."""
    with contextlib.suppress(ValueError, TypeError, AttributeError, OSError):
        note = json.loads(os.pread(handle, _MAX_TEXT, 0))
        command = redacted_text(str(note.get("command", "")))  # an older version's has them still
        command = "".join(c for c in command if c.isprintable())
        return Holder(int(note.get("pid", 0)), command[:200])
    return Holder(0, "")
