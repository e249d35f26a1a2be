"""Files of chunks: append-only, each chunk checked, readable wherever the file ends.

A file begins with a word of its kind and its schema number (2 bytes), then chunks follow: type (1
byte), length (4), CRC-32 of type, length and payload (4), payload; integers little-endian. A file
that ends anywhere is read up to its last whole chunk.
"""

from __future__ import annotations

import os
import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

from hil.model.captures import CaptureIssue
from hil.model.errors import CaptureError
from hil.recording.stored_file import open_stored

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType
    from typing import BinaryIO, Self

    from hil.model.schema import Schema

MAX_PAYLOAD = 1 << 20
END = "E"
"""The type of the last chunk."""
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
    path: Path, magic: bytes, schema: Schema[Chunk], faults: list[CaptureIssue], *, largest: int
) -> Iterator[Chunk]:
    """The whole chunks of a file in their order; a fault is added where the file breaks off.

    Raises ``CaptureError`` for a file that can't be read, is no file itself, is larger than
    ``largest`` bytes, is none of its ``schema`` or has a newer one, or goes on behind its end.
    """
    try:
        with open_stored(path, largest) as file:
            number = _check_head(path, file.read(len(magic) + 2), magic, schema)
            for chunk in _chunks(path, file, faults):
                if chunk.kind == END and file.read(1):
                    raise CaptureError(
                        f"{path} goes on behind its end: it is not what was written; not used"
                    )
                yield schema.upgrade(chunk, number)
    except OSError as error:
        raise CaptureError(f"can't read {schema.what} {path}: {error.strerror}") from None


def copy_chunk_file(path: Path, target: Path, *, head: int, largest: int) -> None:
    """Copy a file of chunks that can be read, as it is, to ``target``, which is new.

    ``head`` is the length of what comes before its first chunk. Behind the first damage at most
    the length of a chunk is copied, which is all that a reader of the copy needs to find it again.
    Raises ``CaptureError`` as :func:`read_chunk_file`, and where the copy can't be written.
    """
    try:
        with open_stored(path, largest) as file, target.open("xb") as copy:
            copy.write(file.read(head))
            while piece := file.read(_HEAD.size):
                length = _HEAD.unpack(piece)[1] if len(piece) == _HEAD.size else 0
                sound = length <= MAX_PAYLOAD
                payload = file.read(min(length, MAX_PAYLOAD))
                copy.write(piece + payload)
                if not sound or _HEAD.unpack(piece)[2] != _crc(piece[:1], payload):
                    break
    except OSError as error:
        raise CaptureError(f"can't copy {path} to {target}: {error.strerror}") from None


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
        self.chunk(END, payload)
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
