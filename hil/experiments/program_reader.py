"""A user's program read from a file or a folder, with the packages that it asks for."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from hil.experiments.mip_packages import DEFAULT_INDEX, INDEX_VARIABLE, fetch_packages
from hil.experiments.program_folder import read_program_files
from hil.experiments.program_header import ProgramHeader, read_header
from hil.experiments.program_source import examine_program
from hil.experiments.workloads.user_program import UserProgram
from hil.model.captures import CALIBRATE
from hil.model.errors import ConfigurationError
from hil.model.program_files import MAX_FILES, MAX_PROGRAM_BYTES, ProgramFile
from hil.model.techniques import TECHNIQUES
from hil.recording.program_chunk import total_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_PACKAGE_JSON = "package.json"


def read_user_program(path: Path) -> UserProgram:
    """Read ``path``, a file or a folder with a ``main.py``, and fetch the packages it names.

    Raises :class:`~hil.model.errors.ConfigurationError` in one line that names the file.
    """
    try:
        return _read(path)
    except ConfigurationError as error:
        text = str(error)
        where = "" if text.startswith(str(path)) else f"{path}: "
        raise ConfigurationError(f"--hil-agent={where}{text}") from None


def _read(path: Path) -> UserProgram:
    main, *others = read_program_files(path)
    source = _source(path if not path.is_dir() else path / main.path, main.content)
    header = read_header(source)
    facts = examine_program(
        [(_shown(path, main), source), *_sources(path, others)],
        max(1, len(header.periods_us)),
        header.names,
    )
    packages = _packages(path, header, others)
    own = {file.path for file in others}
    files = (
        ProgramFile(main.path, source.encode()),
        *others,
        *(file for file in packages if file.path not in own),
    )
    if len(files) > MAX_FILES or total_bytes(files) > MAX_PROGRAM_BYTES:
        raise ConfigurationError(
            f"{len(files)} files with {total_bytes(files):,} bytes, its packages among them: "
            f"{MAX_FILES} and {MAX_PROGRAM_BYTES:,} at most go to a board"
        )
    return UserProgram(
        _case_name(path), source, header.periods_us, _shown(path, main), facts, files, header.names
    )


def _shown(path: Path, main: ProgramFile) -> str:
    """The name by which the program is spoken of: the file's own."""
    return main.path if path.is_dir() else path.name


def _source(path: Path, content: bytes) -> str:
    try:
        source = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: not a text file in UTF-8; save it as UTF-8") from None
    return source.replace("\r\n", "\n").replace("\r", "\n")


def _sources(path: Path, files: Sequence[ProgramFile]) -> list[tuple[str, str]]:
    return [
        (file.path, _source(path / file.path, file.content))
        for file in files
        if file.path.endswith(".py")
    ]


def _packages(
    path: Path, header: ProgramHeader, others: Sequence[ProgramFile]
) -> tuple[ProgramFile, ...]:
    """The files of the packages that the header names, and ``deps`` of a ``package.json``."""
    described = next((file for file in others if file.path == _PACKAGE_JSON), None)
    if not header.requires and described is None:
        return ()
    folder = path if path.is_dir() else path.parent
    index = header.mip_index or os.environ.get(INDEX_VARIABLE) or DEFAULT_INDEX
    if header.mip_index and "://" not in index:
        index = str(folder / index)
    return fetch_packages(
        header.requires,
        index,
        folder=folder,
        described=None if described is None else described.content,
    )


def _case_name(path: Path) -> str:
    """The file's name as that of a technique; none that the harness has itself."""
    stem = path.resolve().name if path.is_dir() else path.stem
    name = re.sub(r"[^A-Za-z0-9_]+", "_", stem)[:40] or "program"
    return f"{name}_program" if name in TECHNIQUES or name == CALIBRATE else name
