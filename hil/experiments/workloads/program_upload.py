"""A user's program as statements that put it on the board, and what it needs there."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

from hil.agents import bundle
from hil.model.program_files import MOUNT_POINT
from hil.recording.program_chunk import total_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.model.errors import HilError
    from hil.model.program_files import ProgramFile

_PIECE, _FILE_PIECE = 400, 1020
"""Characters of the program, and bytes of a file beside it, that are sent at once."""
_LIBRARY = "lib/program_files.py"
_COMPILED = ".mpy"
_CODE_SHARE, _LARGEST_TIMES = 1.2, 3
"""Memory for code beside its source, as a share of it; and for the largest one while compiled.

Of an RP2040: 24 kB of small functions became 29 kB, and 40 kB did not fit into 175 kB.
"""
_ARCHITECTURES = (
    *("bytecode only", "x86", "x64", "armv6", "armv6m", "armv7m", "armv7em", "armv7emsp"),
    *("armv7emdp", "xtensa", "xtensawin", "rv32imc", "rv64imc"),
)
_TAKEN = re.compile(r"hil:mpy ([0-9]{1,9})")
_FREE = re.compile(r"hil:free ([0-9]{1,12})")
_NO_FILES = re.compile(
    r"no module named '(?:binascii|io|os)'|has no attribute '(?:mount|chdir|getcwd)'"
)


def text_pieces(source: str) -> tuple[str, ...]:
    """Statements that put the program's text on the board, a small piece at a time."""
    parts = range(0, len(source), _PIECE)
    return (
        "hil_program.clear()",
        *(f"hil_program.append({source[at : at + _PIECE]!a})" for at in parts),
    )


def file_pieces(files: Sequence[ProgramFile]) -> tuple[str, ...]:
    """Statements that put the files beside the program on the board, where it imports them."""
    if not files:
        return ()
    statements = [piece for _, pieces in bundle.library(_LIBRARY) for piece in pieces]
    statements += [
        f"hil_files=HilFiles({MOUNT_POINT!r})\nhil_begins[:]=[hil_files.begin]",
        f"hil_files.need({needed_bytes(files)})",
    ]
    for file in files:
        if file.path.endswith(_COMPILED) and len(file.content) > 2:
            statements.append(f"hil_files.takes({file.content[1]},{file.content[2]})")
        for at in range(0, max(1, len(file.content)), _FILE_PIECE):
            text = base64.b64encode(file.content[at : at + _FILE_PIECE]).decode("ascii")
            statements.append(f"hil_files.add({file.path!r},{text!r})")
    return tuple(statements)


def needed_bytes(files: Sequence[ProgramFile]) -> int:
    """About how much memory these files take on a board, once all are imported."""
    sources = [len(file.content) for file in files if file.path.endswith(".py")]
    return round(
        total_bytes(files) + _CODE_SHARE * sum(sources) + _LARGEST_TIMES * max(sources, default=0)
    )


def explain_upload(error: HilError, files: Sequence[ProgramFile]) -> str:
    """Why a board does not take the files, and what to do; empty for another error."""
    text = str(error)
    free = _FREE.search(text)
    if free or (files and "MemoryError" in text):
        room = f", the board has {int(free[1]):,} free" if free else " more than the board has free"
        return (
            f"what comes beside the program needs about {needed_bytes(files):,} bytes"
            f"{room}: leave out what it does not import, or compile it with mpy-cross"
        )
    taken = _TAKEN.search(text)
    if taken:
        own = int(taken[1])
        wrong = next((file for file in files if not _is_taken(file, own)), files[0])
        return (
            f"{wrong.path} is for {_format(wrong.content[1], wrong.content[2])}, this board takes "
            f"{_format(own & 255, own >> 8)}: compile it with the mpy-cross of the board's "
            "MicroPython, or send the .py"
        )
    if files and _NO_FILES.search(text):
        return (
            "this board can't import from memory, so a program has to be one file there: put all "
            "of it into one"
        )
    return ""


def _is_taken(file: ProgramFile, own: int) -> bool:
    if not file.path.endswith(_COMPILED) or len(file.content) < 3:
        return True
    version, flags = file.content[1], file.content[2]
    arch, of_board = flags >> 2 & 15, own >> 10 & 15
    native = (flags ^ own >> 8) & 3 == 0 and (arch == of_board or 4 <= arch <= of_board <= 8)
    return version == own & 255 and (not arch or native)


def _format(version: int, flags: int) -> str:
    arch = flags >> 2 & 15
    name = _ARCHITECTURES[arch] if arch < len(_ARCHITECTURES) else f"architecture {arch}"
    return f"format {version}.{flags & 3} ({name})" if arch else f"format {version}"
