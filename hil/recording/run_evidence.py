"""What a run was made with, in ``capture/evidence.json``, and the digests of a run's files.

Everything is data of a folder that may come from anywhere: no link is followed, no pipe waited for,
and a path that leads out of the folder is never opened.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from hil.model.codec import ABSENT, StoredRecord
from hil.model.errors import CaptureError
from hil.model.schema import Schema, read_document, write_document
from hil.recording.atomic_file import read_whole, write_json_atomically
from hil.recording.capture_file import CAPTURE_SUFFIX, MAX_FILE_BYTES
from hil.recording.stored_file import is_plain_folder, open_stored

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

EVIDENCE_NAME = "evidence.json"
EVIDENCE_SCHEMA: Schema[dict[str, Any]] = Schema("a run's evidence", 1)
_BESIDE = ("budgets.toml",)
"""Files in the run's folder itself that the figures depend on."""
MOST_FILES = 100_000
_LONGEST_PATH = 400


@dataclass(frozen=True, slots=True)
class Evidence(StoredRecord):
    """What a run was made with; every digest is a SHA-256 in hexadecimal.

    ``packages`` are the versions of what computes figures. ``device_files`` are the sources of the
    installation that measured, by their paths in ``device_agents``: those that ran on the boards
    are among them. ``budgets`` is the file that judged, ``shipped_budgets`` says that it is the
    installation's own; ``wiring`` is the file that was given; ``program`` are the files of the
    user's own program, by their paths in its folder.
    """

    harness_version: str
    python: str
    packages: Mapping[str, str] = field(default_factory=dict)
    device_files: Mapping[str, str] = field(default_factory=dict)
    budgets: str | None = field(default=None, metadata=ABSENT)
    shipped_budgets: bool = field(default=False, metadata=ABSENT)
    wiring: str | None = field(default=None, metadata=ABSENT)
    program: Mapping[str, str] = field(default_factory=dict, metadata=ABSENT)


def write_evidence(captures: Path, evidence: Evidence) -> None:
    """Write ``evidence.json`` in one step; ``ConfigurationError`` if it can't be."""
    write_json_atomically(captures / EVIDENCE_NAME, write_document(evidence, EVIDENCE_SCHEMA))


def read_evidence(captures: Path) -> Evidence | None:
    """What is in ``evidence.json``; ``None`` where there is none.

    Raises :class:`~hil.model.errors.CaptureError` for what is no such file.
    """
    path = captures / EVIDENCE_NAME
    if not (path.exists() or path.is_symlink()):
        return None
    return read_whole(path, lambda raw: read_document(Evidence, raw, EVIDENCE_SCHEMA))


def hash_run(folder: Path, captures: Collection[Path] | None = None) -> dict[str, str]:
    """SHA-256 (hexadecimal) of each file in ``capture``, and of the run's own budgets.

    By their paths in ``folder``, with ``/``. A file that can't be read is left out, and of captures
    every one that is not among ``captures``, where these are given.
    """
    digests = {}
    for path in hashed_files(folder):
        if captures is not None and path.suffix == CAPTURE_SUFFIX and path not in captures:
            continue
        with contextlib.suppress(OSError, CaptureError):
            digests[path.relative_to(folder).as_posix()] = file_digest(path)
    return digests


def hashed_files(folder: Path) -> list[Path]:
    """What a run's digests are of, by name; also what is no file, which has no digest.

    Raises :class:`~hil.model.errors.CaptureError` where ``capture`` is a link, or holds more files
    than any run has.
    """
    captures = folder / "capture"
    inside = []
    if is_plain_folder(captures):
        for path in captures.iterdir():
            inside.append(path)
            if len(inside) > MOST_FILES:
                raise CaptureError(f"{captures}: more than {MOST_FILES:,} files; no run's folder")
    beside = [folder / name for name in _BESIDE]
    return [*sorted(inside), *(p for p in beside if p.exists() or p.is_symlink())]


def file_digest(path: Path) -> str:
    """The SHA-256 of a file of a stored run; errors as for ``open_stored``."""
    with open_stored(path, MAX_FILE_BYTES) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def path_in_run(folder: Path, name: str) -> Path:
    """The file that a key of ``hashes`` means.

    Raises :class:`~hil.model.errors.CaptureError` for one that leads out of the folder, or through
    a link.
    """
    parts = PurePosixPath(name).parts
    plain = len(name) <= _LONGEST_PATH and name.isprintable() and "\\" not in name
    if not plain or not parts or name.startswith("/") or ".." in parts or ":" in parts[0]:
        raise CaptureError(f"{name!r:.80}: not a file's path in a run")
    path = folder
    for part in parts[:-1]:
        path = path / part
        is_plain_folder(path)
    return path / parts[-1]
