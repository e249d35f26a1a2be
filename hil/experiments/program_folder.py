"""The files of a user's program in a folder: ``main.py`` and what lies beside it, or one file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hil.model.errors import CaptureError, ConfigurationError
from hil.model.program_files import (
    MAIN_FILE,
    MAX_FILES,
    MAX_PROGRAM_BYTES,
    ProgramFile,
    is_safe_path,
)
from hil.recording.program_chunk import total_bytes
from hil.recording.stored_file import read_given

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LEFT_OUT = {"__pycache__", "reports", "venv", "node_modules"}
"""Folders that belong to the computer, beside those whose name begins with a dot."""
_MOST_LOOKED_AT = 10_000


def read_program_files(path: Path) -> tuple[ProgramFile, ...]:
    """The program's files, that which is run first: a single one, or those of a folder.

    Left out of a folder are names that begin with a dot, and what a computer keeps there
    (``__pycache__``, ``reports``, ``venv``). Raises
    :class:`~hil.model.errors.ConfigurationError` in one line that names the file.
    """
    if not path.is_dir():
        content = _content(path)
        return (ProgramFile(path.name if is_safe_path(path.name) else MAIN_FILE, content),)
    if not (path / MAIN_FILE).is_file():
        raise ConfigurationError(f"{path}: there is no {MAIN_FILE} in it, which is what is run")
    files = [ProgramFile(MAIN_FILE, _content(path / MAIN_FILE))]
    for name in _names(path):
        if name == MAIN_FILE:
            continue
        if not is_safe_path(name):
            raise ConfigurationError(
                f"{path / name}: a board's file may have letters, digits and _ - + . in its name; "
                "call it otherwise, or put a dot in front to leave it out"
            )
        files.append(ProgramFile(name, _content(path / name)))
        if len(files) > MAX_FILES:
            raise ConfigurationError(f"{path}: more than {MAX_FILES} files; what is run of them?")
        if (size := total_bytes(files)) > MAX_PROGRAM_BYTES:
            raise ConfigurationError(
                f"{path}: its files have {size:,} bytes and more, {MAX_PROGRAM_BYTES:,} at most go "
                "to a board"
            )
    return tuple(files)


def _names(folder: Path) -> Iterator[str]:
    """The paths of the files below ``folder``, sorted, each folder's files first."""
    looked_at = 0
    for where, below, names in os.walk(folder):
        below[:] = sorted(n for n in below if not n.startswith(".") and n not in _LEFT_OUT)
        looked_at += len(names)
        if looked_at > _MOST_LOOKED_AT:
            raise ConfigurationError(f"{folder}: too many files; give the folder of one program")
        inside = os.path.relpath(where, folder).replace(os.sep, "/")
        for name in sorted(names):
            if not name.startswith("."):
                yield name if inside == "." else f"{inside}/{name}"


def _content(path: Path) -> bytes:
    try:
        return read_given(path, MAX_PROGRAM_BYTES)
    except OSError as error:
        raise ConfigurationError(f"{path}: can't read it ({error.strerror})") from None
    except CaptureError as error:
        raise ConfigurationError(str(error)) from None
