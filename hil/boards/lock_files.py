"""Where locks are: a folder that all users of the host share, a file for each name of a board.

A file is locked with ``flock`` and holds a note of who did it. On Linux a socket of the same name,
which is no file, is bound too: a file that somebody removes while it is locked lets nobody in.
Looking at a lock opens its file for reading at most, and asks ``/proc/locks``.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import socket
import stat
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from hil.model.errors import ConfigurationError

if sys.platform != "win32":  # Windows itself gives a COM port to one program only
    import fcntl

FOLDER_VARIABLE = "HIL_LOCK_DIR"
_SHARED_FOLDERS = ("/run/lock", "/var/lock", "/tmp")
_LOCK_TABLE = Path("/proc/locks")
_SOCKET_TABLE = Path("/proc/net/unix")
_MODE = 0o666
_ATTEMPTS = 100
_BUSY = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)


class LockFolder(NamedTuple):
    """A folder for locks; ``scope`` is what sockets beside its files are named after."""

    path: Path
    scope: str
    shared: bool


class HeldLock(NamedTuple):
    """What :func:`take_lock` took: the file's descriptor, and the socket where there is one."""

    path: Path
    handle: int
    bolt: socket.socket | None


def lock_folder() -> LockFolder:
    """The folder that the variable names, else the host's own for locks; nothing is made."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return LockFolder(Path(named), os.path.realpath(named), False)
    if os.name == "posix":
        for name in _SHARED_FOLDERS:
            if _is_shared(name):
                return LockFolder(Path(name), "", True)
    base = Path("/tmp") if os.name == "posix" else Path(tempfile.gettempdir())
    folder = base / f"hil-locks-{os.getuid() if os.name == 'posix' else 'all'}"
    return LockFolder(folder, "", False)


def lock_file(name: str) -> Path:
    """The file that stands for one name of a board."""
    return lock_folder().path / f"hil-{_digest(name)}.lock"


def take_lock(name: str) -> HeldLock | None:
    """Take the lock of a name; ``None`` if somebody has it.

    Raises :class:`~hil.model.errors.ConfigurationError` where nothing can be locked.
    """
    folder, path = lock_folder(), lock_file(name)
    try:
        bolt = _bolt(folder, name) if sys.platform == "linux" else None
    except BlockingIOError:
        return None
    handle = None
    try:
        handle = _locked_file(folder, path)
    finally:
        if handle is None and bolt is not None:
            bolt.close()
    return None if handle is None else HeldLock(path, handle, bolt)


def release_lock(held: HeldLock) -> None:
    """Let go of a lock, and remove its file where that is allowed."""
    write_note(held, b"")  # a file of another user's stays
    with contextlib.suppress(OSError):
        if _is_at(held.handle, held.path):
            held.path.unlink()
    os.close(held.handle)
    if held.bolt is not None:
        held.bolt.close()


def write_note(held: HeldLock, note: bytes) -> None:
    """Say in a lock's file who has it; without a note it is held all the same.

    There is none on a full disk, in a file of another user's, and in one that has another name too.
    """
    with contextlib.suppress(OSError):
        if os.fstat(held.handle).st_nlink <= 1:
            os.ftruncate(held.handle, 0)
            os.pwrite(held.handle, note, 0)


def lock_owners(name: str) -> tuple[int, ...] | None:
    """The processes that hold the lock of a name, 0 for one that can't be told.

    Empty if nobody does, ``None`` where the system does not say. Takes and makes nothing.
    """
    if sys.platform == "win32":
        return ()
    folder = lock_folder()
    owners = flock_owners(lock_file(name))
    if owners:
        return owners
    if sys.platform == "linux":
        inode = _bolt_inode(folder, name)
        if inode is not None:
            return tuple(_socket_owners(inode)) or (0,)
    return owners


def flock_owners(path: str | Path) -> tuple[int, ...] | None:
    """The processes with a ``flock`` on a file or device; ``None`` where ``/proc`` does not tell.

    A line of ``/proc/locks``: ``1: FLOCK  ADVISORY  WRITE 4711 00:18:3 0 EOF``.
    """
    try:
        lines = _LOCK_TABLE.read_text().splitlines()
    except OSError:
        return None
    try:
        status = os.stat(path)  # noqa: PTH116  (a Path raises for some)
    except (OSError, ValueError):
        return ()
    device = status.st_dev
    wanted = f"{os.major(device):02x}:{os.minor(device):02x}:{status.st_ino}"
    owners = []
    for fields in map(str.split, lines):
        if len(fields) > 5 and fields[1] == "FLOCK" and fields[5] == wanted:
            owners.append(max(0, int(fields[4])))  # -1 for a process of another container
    return tuple(owners)


def _is_shared(name: str) -> bool:
    """Whether all users may make files there, and nobody can remove or replace another's."""
    try:
        status = os.stat(name)  # noqa: PTH116
    except OSError:
        return False
    open_to_all = stat.S_ISVTX | stat.S_IWOTH
    safe = status.st_uid == 0 and status.st_mode & open_to_all == open_to_all
    return safe and stat.S_ISDIR(status.st_mode) and os.access(name, os.W_OK | os.X_OK)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _make(folder: LockFolder) -> None:
    """Make a folder that the user named, or one of the user's own; the shared ones are there."""
    if folder.shared:
        return
    path = folder.path
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        theirs = not folder.scope and (path.is_symlink() or path.lstat().st_uid != os.getuid())
    except OSError as error:
        raise ConfigurationError(
            f"{path}: no place for the boards' locks ({error.strerror}); "
            f"name one with {FOLDER_VARIABLE}=DIR"
        ) from None
    if theirs:
        raise ConfigurationError(
            f"{path}: belongs to somebody else; name another folder with {FOLDER_VARIABLE}=DIR"
        )


def _locked_file(folder: LockFolder, path: Path) -> int | None:
    """A descriptor of the file that is at ``path`` now, locked; ``None`` if it is taken."""
    for _ in range(_ATTEMPTS):
        _make(folder)
        handle = _open(path)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(handle, path):
                return handle
        except OSError as error:
            os.close(handle)
            if error.errno in _BUSY:
                return None
            raise ConfigurationError(
                f"{folder.path}: the folder is on a file system without locks "
                f"({error.strerror}); name one of this computer's own with {FOLDER_VARIABLE}=DIR"
            ) from None
        os.close(handle)  # it was removed before it was locked
    raise ConfigurationError(
        f"{path}: can't lock the board: something removes the file again and again"
    )


def _open(path: Path) -> int:
    """Open a lock's file; made only where there is none, for some systems refuse both at once."""
    flags = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    error: OSError | None = None
    for mode in (os.O_RDWR, os.O_RDWR | os.O_CREAT | os.O_EXCL, os.O_RDWR, os.O_RDONLY):
        try:
            handle = os.open(path, mode | flags, _MODE)
        except (FileNotFoundError, FileExistsError, PermissionError) as refused:
            error = refused
            continue
        except OSError as refused:
            error = refused
            break
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise ConfigurationError(f"{path}: can't lock the board: that is no file for locks")
        if mode & os.O_CREAT:
            with contextlib.suppress(OSError):
                os.fchmod(handle, _MODE)  # another user's run has to lock it, too
        return handle
    assert error is not None
    raise ConfigurationError(
        f"{path}: can't lock the board ({error.strerror}); "
        f"name another folder with {FOLDER_VARIABLE}=DIR"
    )


def _is_at(handle: int, path: Path) -> bool:
    """Whether an open file is the one that has this name now."""
    try:
        there = path.lstat()
    except OSError:
        return False
    here = os.fstat(handle)
    return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)


def _bolt_name(folder: LockFolder, name: str) -> str:
    return f"hil-lock-{_digest(f'{folder.scope}:{name}')}"


def _bolt(folder: LockFolder, name: str) -> socket.socket | None:
    """The socket of a name, bound; ``None`` where it can't be. Raises ``BlockingIOError``."""
    try:
        bolt = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    except OSError:
        return None
    try:
        bolt.bind(f"\0{_bolt_name(folder, name)}")
    except OSError as error:
        bolt.close()
        if error.errno == errno.EADDRINUSE:
            raise BlockingIOError from None
        return None
    return bolt


def _bolt_inode(folder: LockFolder, name: str) -> str | None:
    """The inode of a bound socket, from the last columns of ``/proc/net/unix``."""
    wanted = f"@{_bolt_name(folder, name)}"
    with contextlib.suppress(OSError):
        for fields in map(str.split, _SOCKET_TABLE.read_text(errors="replace").splitlines()):
            if len(fields) == 8 and fields[7] == wanted:
                return fields[6]
    return None


def _socket_owners(inode: str) -> list[int]:
    """The processes that have a socket open, as far as this user may see them."""
    pids = []
    for folder in Path("/proc").glob("[0-9]*/fd"):
        with contextlib.suppress(OSError):
            if any(str(handle.readlink()) == f"socket:[{inode}]" for handle in folder.iterdir()):
                pids.append(int(folder.parent.name))
    return pids
