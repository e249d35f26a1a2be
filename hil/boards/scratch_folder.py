"""Temporary folders that do not outlast the processes that use them, however these end.

Who uses such a folder holds a shared lock on a file in it, which the system lets go of with the
process. Whoever ends properly removes the folder; what nobody holds any more was left by processes
that were killed, and is removed by the next one that needs such a folder. No process id says
whether it is still that process: ids are given again.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

if sys.platform != "win32":
    import fcntl

PREFIX = "hil-sim-"
LOCK_NAME = "in-use"
_MEMORY = "/dev/shm"
_SHORT = "/tmp"
_MOST_PATH = 60
"""A socket's path has 108 bytes at most, and one is in such a folder."""
_YOUNG_S = 60.0


class ScratchFolder:
    """A folder of this process's own, or with ``path`` that of another one, which is used with it.

    ``memory``: where no disk is waited for, if the host has such a place. Use :meth:`remove` at the
    end; whoever is last need not be known, a folder that is gone already is no error.
    """

    def __init__(self, *, memory: bool = False, path: Path | None = None) -> None:
        self._lock = -1
        if path is not None:
            self.path = path
            self._hold()
            return
        base = _base(memory)
        remove_abandoned(base)
        while self._lock < 0:  # else it was taken for abandoned before it was held
            self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
            self._hold()

    def remove(self) -> None:
        """Remove it with all that is in it and let go of it; may be called again."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock >= 0:
            os.close(self._lock)
        self._lock = -1

    def _hold(self) -> None:
        if sys.platform == "win32":
            self._lock = os.open(os.devnull, os.O_RDONLY)
            return
        file = self.path / LOCK_NAME
        with contextlib.suppress(OSError):
            handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
                if not os.path.samestat(os.fstat(handle), file.stat()):
                    raise FileNotFoundError
            except OSError:
                os.close(handle)
                raise
            self._lock = handle


def remove_abandoned(base: Path) -> None:
    """Remove this user's folders in ``base`` that no process holds; never raises."""
    if sys.platform == "win32":
        return
    with contextlib.suppress(OSError), os.scandir(base) as entries:
        for entry in entries:
            if entry.name.startswith(PREFIX) and entry.is_dir(follow_symlinks=False):
                with contextlib.suppress(OSError):
                    if entry.stat(follow_symlinks=False).st_uid == os.getuid():
                        _remove_if_abandoned(Path(entry.path))


def _remove_if_abandoned(folder: Path) -> None:
    try:
        handle = os.open(folder / LOCK_NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        if time.time() - folder.stat().st_mtime > _YOUNG_S:
            folder.rmdir()  # killed before it was held; what has something in it is not ours
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(handle)


def _base(memory: bool) -> Path:
    if memory and os.access(_MEMORY, os.W_OK):
        return Path(_MEMORY)
    base = Path(tempfile.gettempdir())
    if len(os.fsencode(base)) > _MOST_PATH and os.access(_SHORT, os.W_OK):
        return Path(_SHORT)
    return base
