"""Folders of runs found and removed, and nothing else: no links, no folders of another kind.

A folder is a run's where it lies directly in the given one, has a run's name, is no link, holds a
``capture`` folder with a log that begins with this very name. It is opened once, judged and removed
through that handle, so that nobody can put another folder in its place meanwhile. What only the log
tells goes last: a removal that was cut short leaves a run's folder, which the next one takes.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hil.model.errors import CaptureError, ConfigurationError, HilError
from hil.recording.latest_run import LATEST, newest_run
from hil.recording.run_folder import LOG_NAME, read_run_log
from hil.recording.run_lock import is_in_progress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CAPTURES = "capture"
KEEP_NAME = "KEEP"
"""A file of this name in a run's folder keeps it."""
_NAME = re.compile(r"(?P<time>[0-9]{8}T[0-9]{6}Z)_(?P<line>[A-Za-z0-9_-]{1,60})")
_UNFINISHED_S = 2 * 86_400.0
"""How long a run without an end may still be going on, where no lock tells."""
_JUST_ENDED_S = 600.0
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_MOST_FOLDERS = 1_000_000


@dataclass(frozen=True, slots=True)
class FoundRun:
    """A run's folder: when the run began, its line (its board, as the name has it), and why it has
    to stay, empty where nothing says so. ``inode`` tells it from another of its name."""

    path: Path
    moment: datetime
    line: str
    stays: str
    inode: tuple[int, int]

    @property
    def name(self) -> str:
        """The folder's name, which is the run's id."""
        return self.path.name


def find_runs(out: Path) -> list[FoundRun]:
    """The runs' folders in ``out``, the newest first; what is none is passed over.

    Raises :class:`~hil.model.errors.ConfigurationError` where ``out`` can't be read.
    """
    try:
        names = sorted(os.listdir(out)[:_MOST_FOLDERS], reverse=True)  # noqa: PTH208
    except OSError as error:
        raise ConfigurationError(f"{out}: can't read the folder ({error.strerror})") from None
    latest = _latest(out)
    return list(_run_folders(out, names, latest))


def _run_folders(out: Path, names: list[str], latest: str) -> Iterator[FoundRun]:
    for name in names:
        match = _NAME.fullmatch(name)
        if match is None:
            continue
        path = out / name
        try:
            moment = datetime.strptime(match["time"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            status = path.lstat()
            captures = (path / CAPTURES).lstat()
            log = (path / CAPTURES / LOG_NAME).lstat()
            if not (
                stat.S_ISDIR(status.st_mode)
                and stat.S_ISDIR(captures.st_mode)
                and stat.S_ISREG(log.st_mode)
            ):
                continue
            record = read_run_log(path / CAPTURES)
        except (OSError, ValueError, HilError):
            continue
        if record.info.id != name:
            continue
        stays = _why_it_stays(path, latest, complete=record.complete, changed=log.st_mtime)
        yield FoundRun(path, moment, match["line"], stays, (status.st_dev, status.st_ino))


def _latest(out: Path) -> str:
    """The name of the folder that ``latest`` stands for."""
    with contextlib.suppress(OSError, CaptureError):
        link = out / LATEST
        return os.path.basename(os.readlink(link) if link.is_symlink() else newest_run(link))  # noqa: PTH115, PTH119
    return ""


def _why_it_stays(path: Path, latest: str, *, complete: bool, changed: float) -> str:
    age_s = time.time() - changed
    if path.name == latest:
        return "latest"
    if (path / KEEP_NAME).is_file():
        return f"a file {KEEP_NAME}"
    if is_in_progress(path / CAPTURES / LOG_NAME):
        return "in progress"
    if age_s < (_JUST_ENDED_S if complete else _UNFINISHED_S):
        return "just ended" if complete else "without an end, so perhaps in progress"
    return ""


def remove_run(run: FoundRun) -> int:
    """Remove a run's folder; how many bytes that freed.

    Raises :class:`~hil.model.errors.ConfigurationError` where it is another folder by now, or can't
    be removed.
    """
    try:
        handle = os.open(run.path, _FOLDER)
    except OSError as error:
        raise ConfigurationError(f"{run.path}: can't be removed ({error.strerror})") from None
    try:
        status = os.fstat(handle)
        if (status.st_dev, status.st_ino) != run.inode or not shutil.rmtree.avoids_symlink_attacks:
            raise ConfigurationError(f"{run.path}: it has changed meanwhile, and stays")
        freed = _used_bytes(handle)
        _empty(handle, last=CAPTURES)
        os.rmdir(run.path)  # noqa: PTH106  (an empty folder, or an error)
    except OSError as error:
        raise ConfigurationError(f"{run.path}: can't be removed ({error.strerror})") from None
    finally:
        os.close(handle)
    return freed


def _empty(handle: int, last: str) -> None:
    """Remove what is in an open folder; of the entry ``last``, its log comes last of all."""
    for name in os.listdir(handle):
        if name != last:
            _remove(handle, name)
    if last != CAPTURES:
        _remove(handle, last)
        return
    captures = os.open(last, _FOLDER, dir_fd=handle)
    try:
        _empty(captures, last=LOG_NAME)
    finally:
        os.close(captures)
    os.rmdir(last, dir_fd=handle)


def _remove(handle: int, name: str) -> None:
    status = os.stat(name, dir_fd=handle, follow_symlinks=False)
    if stat.S_ISDIR(status.st_mode):
        if status.st_dev != os.fstat(handle).st_dev:
            raise OSError(0, f"{name} is another file system")
        shutil.rmtree(name, dir_fd=handle)
    else:
        os.unlink(name, dir_fd=handle)


def _used_bytes(handle: int) -> int:
    """What the files of an open folder take on the disk; one with another name frees nothing."""
    used = 0
    for _, folders, files, inner in os.fwalk(dir_fd=handle):
        for name in (*folders, *files):
            status = os.stat(name, dir_fd=inner, follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode) or status.st_nlink == 1:
                used += getattr(status, "st_blocks", 0) * 512
    return used
