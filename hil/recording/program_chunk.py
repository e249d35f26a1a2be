"""The chunk of a capture file that holds one file of the user's own program.

A JSON object with its ``path`` and ``package``, a newline, and the content, compressed by zlib.
"""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING

from hil.model.errors import CaptureError
from hil.model.program_files import MAX_PROGRAM_BYTES, ProgramFile, is_safe_path
from hil.model.schema import parse_json

if TYPE_CHECKING:
    from collections.abc import Iterable

PROGRAM_FILE = "F"
"""The kind of the chunk."""
_MAX_HEAD = 1000


def pack_program_file(file: ProgramFile) -> bytes:
    """The payload of the chunk."""
    head = json.dumps({"path": file.path, "package": file.package}, ensure_ascii=True)
    return head.encode("ascii") + b"\n" + zlib.compress(file.content)


def unpack_program_file(payload: bytes) -> ProgramFile:
    """The file in a payload; ``CaptureError`` for one that is damaged, unsafe or too large."""
    head, _, packed = payload.partition(b"\n")
    if len(head) > _MAX_HEAD:
        raise CaptureError("a file of the program has no name")
    named = parse_json(head)
    path, package = (
        (named.get("path"), named.get("package")) if isinstance(named, dict) else (None, None)
    )
    if not isinstance(path, str) or not isinstance(package, str) or not is_safe_path(path):
        raise CaptureError("a file of the program has no safe name")
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(packed, MAX_PROGRAM_BYTES + 1)
    except zlib.error:
        content, whole = b"", False
    else:
        whole = unpacker.eof
    if not whole or len(content) > MAX_PROGRAM_BYTES:
        raise CaptureError(f"{path}: this file of the program is damaged or too large")
    return ProgramFile(path, content, package)


def total_bytes(files: Iterable[ProgramFile]) -> int:
    """What files take together."""
    return sum(len(file.content) for file in files)
