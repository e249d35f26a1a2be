"""What a run is made with, kept with its captures when it begins."""

from __future__ import annotations

import hashlib
import platform
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from hil import __version__
from hil.agents.bundle import FOLDERS, agents_folder
from hil.experiments.budget_files import are_shipped
from hil.model.errors import CaptureError, ConfigurationError
from hil.recording.run_evidence import Evidence, read_evidence, write_evidence
from hil.recording.stored_file import is_plain_folder, open_given

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hil.boards.backend import BoardSpec
    from hil.model.budgets import Budgets
    from hil.model.program_files import ProgramFile
    from hil.recording.run_folder import RunFolder

_PACKAGES = ("numpy",)
"""What figures are computed with beside this package."""
_LARGEST_FILE = 16_000_000


def keep_evidence(
    folder: RunFolder,
    boards: tuple[BoardSpec, ...],
    budgets: Budgets,
    wiring: str | None = None,
    program: Iterable[ProgramFile] = (),
) -> None:
    """Write ``capture/evidence.json`` of a run that begins.

    ``wiring`` is the path that the user gave, ``program`` the files of the own program. A replay
    keeps what is known of the boards of the run that it replays. Raises
    :class:`~hil.model.errors.ConfigurationError` where it can't be written.
    """
    stored = [board.stored_run for board in boards if board.stored_run is not None]
    measured = _evidence_of(stored[0]) if stored else None
    if stored:
        device_files = {} if measured is None else measured.device_files
    else:
        device_files = device_file_digests()
    evidence = Evidence(
        harness_version=__version__,
        python=platform.python_version(),
        packages=package_versions(),
        device_files=device_files,
        budgets=_digest_of(budgets.path),
        shipped_budgets=are_shipped(budgets),
        wiring=_digest_of(Path(wiring)) if wiring else None,
        program={file.path: file.sha256 for file in program},
    )
    if measured is not None:
        evidence = Evidence(
            **{name: getattr(evidence, name) for name in _OF_EVALUATION},
            device_files=measured.device_files,
            wiring=evidence.wiring or measured.wiring,
            program=measured.program,
        )
    write_evidence(folder.captures, evidence)


_OF_EVALUATION = ("harness_version", "python", "packages", "budgets", "shipped_budgets")


def package_versions() -> dict[str, str]:
    """The versions of the packages that figures depend on."""
    return {name: metadata.version(name) for name in _PACKAGES}


def device_file_digests() -> dict[str, str]:
    """The SHA-256 of every source that this installation may run on a board, by its path."""
    root = agents_folder()
    files = sorted(file for name in FOLDERS for file in (root / name).rglob("*.py"))
    return {
        file.relative_to(root).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
    }


def _evidence_of(stored_run: Path) -> Evidence | None:
    captures = stored_run / "capture"
    try:
        return read_evidence(captures if is_plain_folder(captures) else stored_run)
    except (CaptureError, ConfigurationError):  # a replay needs none
        return None


def _digest_of(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        with open_given(path, _LARGEST_FILE) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, CaptureError):  # what could not be read was told before
        return None
