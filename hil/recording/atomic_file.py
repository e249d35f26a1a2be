"""Files written in one step, and read whole with a limit of size."""

from __future__ import annotations

import json
import os
import secrets
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from hil.model.errors import CaptureError, ConfigurationError
from hil.recording.stored_file import read_stored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

T = TypeVar("T")
_OPEN_FILES = "/proc/self/fd"
MAX_DOCUMENT_BYTES = 64 * 1024 * 1024


@contextmanager
def replaced_file(
    path: Path, advice: str = "give --out=FILE", *, empty: bool = True
) -> Iterator[Path]:
    """A file beside ``path`` to write to; it takes the place of ``path`` when the block ends well.

    Without ``empty`` only its name is chosen, and the block makes it. A reader sees the old file or
    the whole new one. Raises :class:`~hil.model.errors.ConfigurationError`, which ends with
    ``advice``, when nothing can be written there.
    """
    temporary: Path | None = None
    try:
        if empty:
            handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
            temporary = Path(name)
            os.close(handle)
        else:
            temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
        temporary = None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigurationError(f"can't write {path}: {reason}; {advice}") from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()


def write_text_atomically(path: Path, text: str) -> None:
    """Write UTF-8 text and wait until the disk has it; errors as for :func:`replaced_file`.

    Where the system has files without a name, it is one until all is written: who is killed
    meanwhile leaves nothing.
    """
    advice = "choose another folder with --hil-out"
    unnamed = _unnamed_file(path.parent)
    with replaced_file(path, advice, empty=unnamed is None) as temporary:
        if unnamed is None:
            stream = temporary.open("w", encoding="utf-8", errors="backslashreplace")
        else:
            stream = os.fdopen(unnamed, "w", encoding="utf-8", errors="backslashreplace")
        with stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
            if unnamed is not None:
                # with a folder given the link is followed, else Python makes one to the link
                os.link(f"{_OPEN_FILES}/{unnamed}", temporary, src_dir_fd=unnamed)


def _unnamed_file(folder: Path) -> int | None:
    """A new file in no folder, on the file system of ``folder``; ``None`` where there is none."""
    if sys.platform != "linux" or not Path(_OPEN_FILES).is_dir():
        return None
    try:
        return os.open(folder, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    except OSError:
        return None


def write_json_atomically(path: Path, document: Mapping[str, Any]) -> None:
    """Write an object of plain types; errors as for :func:`write_text_atomically`."""
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    write_text_atomically(path, text + "\n")


def read_whole(path: Path, parse: Callable[[bytes], T]) -> T:
    """What ``parse`` makes of the file's bytes.

    Raises :class:`ConfigurationError` when the file can't be read and :class:`CaptureError` when it
    is no file itself, is too large, or ``parse`` says so; the line names the file.
    """
    try:
        raw = read_stored(path, MAX_DOCUMENT_BYTES)
    except OSError as error:
        raise ConfigurationError(
            f"can't read {path}: {error.strerror or type(error).__name__}; give a run folder's file"
        ) from error
    try:
        return parse(raw)
    except CaptureError as error:
        raise type(error)(f"{path}: {error}") from None
