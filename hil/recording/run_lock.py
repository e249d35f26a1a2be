"""Whether a run is in progress: its log is locked as long as the run writes it.

A lock goes with its process, however that ends. Where a file system knows no locks nobody is told.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from pathlib import Path
    from typing import IO


def hold_while_open(file: IO[str]) -> None:
    """Say that the run of this log is in progress, until the file is closed."""
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)


def is_in_progress(log: Path) -> bool:
    """Whether a process has this log open to write to it."""
    if sys.platform == "win32":
        return False
    try:
        handle = os.open(log, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(handle)
    return False
