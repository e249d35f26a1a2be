"""Files of a stored run, opened as data: no link, no pipe, no device, and none larger than allowed.

A run's folder may come from anywhere. What is in it is read only where it is a file itself: a link
could name any file of this computer, a pipe would wait for ever, and a device has no end.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from hil.model.errors import CaptureError

if TYPE_CHECKING:
    from io import BufferedReader
    from pathlib import Path

_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_NO_WAITING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
_NO_LINKS = getattr(os, "O_NOFOLLOW", 0)
_KINDS = (
    (stat.S_ISLNK, "a link, and links are not followed; put the file itself there"),
    (stat.S_ISDIR, "a folder, not a file"),
    (stat.S_ISFIFO, "a pipe, not a file"),
    (stat.S_ISSOCK, "a socket, not a file"),
    (stat.S_ISCHR, "a device, not a file"),
    (stat.S_ISBLK, "a device, not a file"),
)


def open_stored(path: Path, largest: int) -> BufferedReader:
    """Open a file of a stored run to be read; it has at most ``largest`` bytes.

    Raises :class:`~hil.model.errors.CaptureError` for what is no file itself, or is larger; and
    ``OSError`` where there is none, or it can't be read.
    """
    check_plain(path)
    return _opened(path, _NO_LINKS, largest)


def open_given(path: Path, largest: int | None = None) -> BufferedReader:
    """Open a file that the user named, which may be a link to one; errors as above."""
    return _opened(path, 0, largest)


def read_stored(path: Path, largest: int) -> bytes:
    """The whole content of a file of a stored run; errors as for :func:`open_stored`."""
    with open_stored(path, largest) as file:
        return _whole(path, file, largest)


def read_given(path: Path, largest: int) -> bytes:
    """The whole content of a file that the user named; errors as for :func:`open_stored`."""
    with open_given(path, largest) as file:
        return _whole(path, file, largest)


def check_plain(path: Path) -> None:
    """Raise ``CaptureError`` where ``path`` is anything but a file; ``OSError`` without one."""
    _check_mode(path, path.lstat().st_mode)


def is_plain_file(path: Path) -> bool:
    """Whether ``path`` is a file itself: no link, no device."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def is_plain_folder(path: Path) -> bool:
    """Whether ``path`` is a folder itself; raises ``CaptureError`` for a link to something."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return False
    if stat.S_ISLNK(mode):
        raise CaptureError(f"{path} is {_KINDS[0][1].replace('file', 'folder')}")
    return stat.S_ISDIR(mode)


def _opened(path: Path, more_flags: int, largest: int | None) -> BufferedReader:
    handle = os.open(path, _FLAGS | _NO_WAITING | more_flags)
    try:
        state = os.fstat(handle)
        _check_mode(path, state.st_mode)
        if largest is not None and state.st_size > largest:
            raise CaptureError(
                f"{path} is {_size(state.st_size)} long, and no such file is longer than "
                f"{_size(largest)}: it is not read"
            )
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def _whole(path: Path, file: BufferedReader, largest: int) -> bytes:
    data = file.read(largest + 1)
    if len(data) > largest:  # it grew meanwhile
        raise CaptureError(f"{path} is longer than {_size(largest)}: it is not read")
    return data


def _check_mode(path: Path, mode: int) -> None:
    for matches, what in _KINDS:
        if matches(mode):
            raise CaptureError(f"{path} is {what}")


def _size(size: int) -> str:
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size} bytes"
