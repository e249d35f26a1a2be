"""Files of chunks: append-only, each chunk checked, readable wherever the file ends.

A file begins with a word of its kind and its schema number (2 bytes), then chunks follow: type (1
byte), length (4), CRC-32 of type, length and payload (4), payload; integers little-endian. A file
that ends anywhere is read up to its last whole chunk.
"""

from __future__ import annotations

import os
import stat
import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

from hil.model.captures import CaptureIssue
from hil.model.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType
    from typing import BinaryIO, Self

    from hil.model.schema import Schema

MAX_PAYLOAD = 1 << 20
_HEAD = struct.Struct("<cII")


class Chunk(NamedTuple):
    """One whole chunk; ``kind`` is its type, a letter."""

    kind: str
    payload: bytes


def head_bytes(magic: bytes, schema: Schema[Chunk]) -> bytes:
    """The first bytes of a file of the newest ``schema``."""
    return magic + schema.newest.to_bytes(2, "little")


def chunk_bytes(kind: str, payload: bytes) -> bytes:
    """One whole chunk; ``payload`` of at most ``MAX_PAYLOAD`` bytes."""
    name = kind.encode("ascii")
    return _HEAD.pack(name, len(payload), _crc(name, payload)) + payload


def read_chunk_file(
    path: Path, magic: bytes, schema: Schema[Chunk], faults: list[CaptureIssue]
) -> Iterator[Chunk]:
    """The whole chunks of a file in their order; a fault is added where the file breaks off.

    Raises ``CaptureError`` for a file that can't be read, is none of its ``schema``, or has a newer
    one.
    """
    try:
        with path.open("rb") as file:
            number = _check_head(path, file.read(len(magic) + 2), magic, schema)
            yield from (schema.upgrade(chunk, number) for chunk in _chunks(path, file, faults))
    except OSError as error:
        raise CaptureError(f"can't read {schema.what} {path}: {error.strerror}") from None


def is_plain_file(path: Path) -> bool:
    """Whether ``path`` is a file itself: no link, no device."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _chunks(path: Path, file: BinaryIO, faults: list[CaptureIssue]) -> Iterator[Chunk]:
    while head := file.read(_HEAD.size):
        at = file.tell() - len(head)
        if len(head) < _HEAD.size:
            faults.append(CaptureIssue("truncated", f"{path.name} ends inside a chunk", at))
            return
        name, length, crc = _HEAD.unpack(head)
        payload = file.read(length) if length <= MAX_PAYLOAD else b""
        if len(payload) < length <= MAX_PAYLOAD:
            faults.append(CaptureIssue("truncated", f"{path.name} ends inside a chunk", at))
            return
        if length > MAX_PAYLOAD or _crc(name, payload) != crc:
            text = f"{path.name} is damaged from byte {at} on; the rest is not used"
            faults.append(CaptureIssue("damaged", text, at))
            return
        yield Chunk(name.decode("latin-1"), payload)


def _check_head(path: Path, head: bytes, magic: bytes, schema: Schema[Chunk]) -> int:
    if head[: len(magic)] != magic or len(head) < len(magic) + 2:
        raise CaptureError(f"{path} is not {schema.what}")
    try:
        return schema.check(int.from_bytes(head[len(magic) :], "little"))
    except CaptureError as error:
        raise type(error)(f"{path}: {error}") from None


def _crc(name: bytes, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(name + len(payload).to_bytes(4, "little")))


class ChunkWriter:
    """Writes one file of chunks, a new one; the operating system has each chunk on return.

    ``what`` names such a file in messages. A context manager.
    """

    what = "file"

    def __init__(self, path: Path, magic: bytes, schema: Schema[Chunk]) -> None:
        self.path = path
        self._file: BinaryIO | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("xb", buffering=0)
        except OSError as error:
            if path.exists():
                text = f"{path} is there already; captures are never overwritten"
                raise CaptureError(text) from None
            raise CaptureError(f"can't write the {self.what} {path}: {error.strerror}") from None
        self._write(head_bytes(magic, schema))

    def close(self) -> None:
        """Close the file; nothing can be added any more."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def chunk(self, kind: str, payload: bytes) -> None:
        """Add a chunk; ``payload`` of at most ``MAX_PAYLOAD`` bytes."""
        self._write(chunk_bytes(kind, payload))

    def end(self, payload: bytes) -> None:
        """Add the last chunk, wait until the disk has the file, and close it."""
        self.chunk("E", payload)
        if self._file is not None:
            try:
                os.fsync(self._file.fileno())
            except OSError as error:
                raise self._failed(error) from None
        self.close()

    def _write(self, data: bytes) -> None:
        if self._file is None:
            raise CaptureError(f"the {self.what} {self.path} is closed")
        view = memoryview(data)
        try:
            while view:
                view = view[self._file.write(view) or 0 :]
        except OSError as error:
            raise self._failed(error) from None

    def _failed(self, error: OSError) -> CaptureError:
        self.close()
        return CaptureError(f"can't write the {self.what} {self.path}: {error.strerror}")
