"""The folder that a run leaves behind: its name, its parts, and ``latest`` pointing at it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hil.errors import ConfigurationError
from hil.store import list_captures

LATEST = "latest"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths inside one run's folder."""

    path: Path

    @property
    def id(self) -> str:
        """The run's id: the folder's name."""
        return self.path.name

    @property
    def captures(self) -> Path:
        """Folder of the raw stamps."""
        return self.path / "capture"

    @property
    def report(self) -> Path:
        """The self-contained page."""
        return self.path / "report.html"

    @property
    def results(self) -> Path:
        """Every number of the report."""
        return self.path / "results.json"

    def publish(self) -> None:
        """Point ``latest`` beside this folder at it, in one step: no reader finds it missing."""
        with contextlib.suppress(OSError, NotImplementedError):  # no symlinks here: runs still work
            temporary = self.path.with_name(f".{LATEST}-{os.getpid()}")
            temporary.unlink(missing_ok=True)
            temporary.symlink_to(self.id, target_is_directory=True)
            temporary.replace(self.path.with_name(LATEST))

    def discard(self) -> None:
        """Remove the folder of a run that never began; one with a capture in it stays."""
        if not list_captures(self.captures):
            shutil.rmtree(self.path, ignore_errors=True)

    def hashes(self) -> dict[str, str]:
        """SHA-256 (hexadecimal) of each file in ``capture``, by its path in this folder.

        A file that can't be read is left out.
        """
        digests = {}
        for path in sorted(self.captures.glob("*")):
            with contextlib.suppress(OSError):
                if path.is_file():
                    with path.open("rb") as file:
                        digest = hashlib.file_digest(file, "sha256").hexdigest()
                    digests[path.relative_to(self.path).as_posix()] = digest
        return digests

    @property
    def junit(self) -> Path:
        """The outcome for CI servers."""
        return self.path / "junit.xml"


def create_run_folder(out: Path, board_slug: str, *, now: datetime | None = None) -> RunFolder:
    """Make ``<out>/<UTC time>_<board>/capture``.

    Raises :class:`~hil.errors.ConfigurationError` when the folder can't be written.
    """
    stamp = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    try:
        out.mkdir(parents=True, exist_ok=True)
        for attempt in range(1000):
            suffix = f"-{attempt + 1}" if attempt else ""
            path = out / f"{stamp}_{board_slug}{suffix}"
            try:
                path.mkdir()
            except FileExistsError:
                continue
            break
        else:
            raise ConfigurationError(f"--hil-out={out}: too many runs at {stamp}")
        folder = RunFolder(path)
        folder.captures.mkdir()
    except OSError as error:
        raise ConfigurationError(
            f"--hil-out={out}: can't write there ({error.strerror}); choose another folder"
        ) from None
    return folder
