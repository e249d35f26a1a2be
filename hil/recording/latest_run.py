"""``latest`` beside the folders of runs: a link to the newest, or a text file with its name.

A link can't be made on every file system, nor where a folder or a file of that name is in the way.
Whatever happens, ``latest`` never shows an earlier run's figures without a word.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from hil.model.errors import CaptureError
from hil.recording.stored_file import is_plain_folder, read_stored

LATEST, LATEST_FILE = "latest", "latest.txt"
_LONGEST_NAME = 400
_RUN_NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z_", re.ASCII)


def publish_latest(run: Path) -> str | None:
    """Point ``latest`` beside the folder ``run`` at it, in one step: no reader finds it missing.

    Where that can't be, its name goes into ``latest.txt``, and what is returned says so.
    """
    link, text = run.with_name(LATEST), run.with_name(LATEST_FILE)
    if os.path.lexists(link) and not link.is_symlink():
        kind = "folder" if link.is_dir() else "file"
        return _written(text, run.name, f"{link} is a {kind} of its own, not a link")
    try:
        _replace_link(link, run.name)
    except (OSError, NotImplementedError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        with contextlib.suppress(OSError):  # it leads to an earlier run
            link.unlink()
        old = f", and it still leads to {_target(link)}" if link.is_symlink() else ""
        return _written(text, run.name, f"{link} can't be a link here ({reason}){old}")
    with contextlib.suppress(OSError):
        text.unlink()
    return None


def newest_run(folder: Path) -> Path:
    """The run that ``folder`` means: by ``latest.txt`` where it is called ``latest`` and no link.

    Any other folder means itself. Raises :class:`~hil.model.errors.CaptureError` for a
    ``latest.txt`` that names no folder beside it.
    """
    if folder.name != LATEST or folder.is_symlink():
        return folder
    text = folder.with_name(LATEST_FILE)
    try:
        name = read_stored(text, _LONGEST_NAME).decode("utf-8-sig", "replace").strip()
    except OSError:
        return folder
    run = folder.with_name(name) if _is_name(name) else folder
    if run == folder or not is_plain_folder(run):
        raise CaptureError(f"{text}: it names no run beside it; give the run's folder itself")
    return run


def newest_beside(folder: Path) -> Path:
    """The newest run by its name among the folders beside ``folder``, which may be itself.

    A run in which nothing was measured is not ``latest``, and is there all the same.
    """
    run = newest_run(folder)
    parent = run.resolve().parent if run.name == LATEST else run.parent
    with contextlib.suppress(OSError):
        names = [name for name in os.listdir(parent) if _RUN_NAME.match(name)]  # noqa: PTH208
        if names and is_plain_folder(parent / max(names)):
            return parent / max(names)
    return run


def _replace_link(link: Path, name: str) -> None:
    temporary = link.with_name(f".{LATEST}-{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(name, target_is_directory=True)
    try:
        temporary.replace(link)
    except OSError:  # Windows replaces no link to a folder
        link.unlink(missing_ok=True)
        temporary.rename(link)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _written(text: Path, name: str, why: str) -> str:
    temporary = text.with_name(f".{LATEST_FILE}-{os.getpid()}")
    try:
        temporary.write_text(f"{name}\n", encoding="utf-8")
        temporary.replace(text)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        with contextlib.suppress(OSError):  # it names an earlier run
            text.unlink()
        return f"{why}; nor can {text} be written ({error.strerror}): this run is {name}"
    return f"{why}: the newest run's name is in {text}"


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return "an earlier run"


def _is_name(name: str) -> bool:
    return name.isprintable() and Path(name).name == name and name not in ("", ".", "..", LATEST)
