"""The chunks of a capture file, and reading them back as far as the file goes.

A file is ``HILCAP``, the schema number (2 bytes), then chunks: type (1 byte), length (4), CRC-32 of
type, length and payload (4), payload; integers little-endian. Types: ``M`` what was measured on
which board (JSON), ``R`` received bytes behind their time of arrival (8 bytes, monotonic ns), ``P``
the host's times of one clock exchange, ``V`` numbers that the host took (length of their name,
name, 8 bytes each), ``E`` how it ended. A file that ends anywhere is read up to
its last whole chunk. Nothing in a file is ever executed, and nothing in it names another file.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from hil.errors import CaptureError
from hil.model.schema import Schema
from hil.records import Fault

MAGIC = b"HILCAP"
TIME = struct.Struct("<q")
PING = struct.Struct("<qq")
MAX_PAYLOAD = 1 << 20
MAX_STATUS = 2000
VALUES_PER_CHUNK = 100_000
_HEAD = struct.Struct("<cII")


class Chunk(NamedTuple):
    """One whole chunk; ``kind`` is ``M``, ``R``, ``P`` or ``E``."""

    kind: str
    payload: bytes


SCHEMA: Schema[Chunk] = Schema("a capture", 1)


def file_head() -> bytes:
    """The first bytes of a file."""
    return MAGIC + SCHEMA.newest.to_bytes(2, "little")


def chunk_bytes(kind: str, payload: bytes) -> bytes:
    """One whole chunk; ``payload`` of at most ``MAX_PAYLOAD`` bytes."""
    name = kind.encode("ascii")
    return _HEAD.pack(name, len(payload), _crc(name, payload)) + payload


def read_chunks(path: Path, faults: list[Fault]) -> Iterator[Chunk]:
    """The whole chunks of a file in their order; a fault is added where the file breaks off.

    Raises ``CaptureError`` for a file that can't be read, is no capture, or has a newer schema.
    """
    try:
        with path.open("rb") as file:
            schema = _check_head(path, file.read(len(MAGIC) + 2))
            while head := file.read(_HEAD.size):
                at = file.tell() - len(head)
                if len(head) < _HEAD.size:
                    faults.append(Fault("truncated", f"{path.name} ends inside a chunk", at))
                    return
                name, length, crc = _HEAD.unpack(head)
                payload = file.read(length) if length <= MAX_PAYLOAD else b""
                if len(payload) < length <= MAX_PAYLOAD:
                    faults.append(Fault("truncated", f"{path.name} ends inside a chunk", at))
                    return
                if length > MAX_PAYLOAD or _crc(name, payload) != crc:
                    text = f"{path.name} is damaged from byte {at} on; the rest is not used"
                    faults.append(Fault("damaged", text, at))
                    return
                yield SCHEMA.upgrade(Chunk(name.decode("latin-1"), payload), schema)
    except OSError as error:
        raise CaptureError(f"can't read the capture {path}: {error.strerror}") from None


def _check_head(path: Path, head: bytes) -> int:
    if head[: len(MAGIC)] != MAGIC or len(head) < len(MAGIC) + 2:
        raise CaptureError(f"{path} is not a capture")
    try:
        return SCHEMA.check(int.from_bytes(head[len(MAGIC) :], "little"))
    except CaptureError as error:
        raise type(error)(f"{path}: {error}") from None


def _crc(name: bytes, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(name + len(payload).to_bytes(4, "little")))
