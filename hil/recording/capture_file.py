"""The format of a capture file, and its writer: append-only, readable wherever it ends.

A file is ``HILCAP``, the schema number (2 bytes), then chunks: type (1 byte), length (4), CRC-32 of
type, length and payload (4), payload; integers little-endian. Types: ``M`` what was measured on
which board (JSON), ``R`` received bytes behind their time of arrival (8 bytes, monotonic ns), ``P``
the host's times of one clock exchange, ``V`` numbers that the host took (length of their name,
name, 8 bytes each), ``E`` how it ended. A file that ends anywhere is read up to
its last whole chunk. Nothing in a file is ever executed, and nothing in it names another file.
"""

from __future__ import annotations

import json
import os
import re
import struct
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from hil import __version__
from hil.model.board import BoardIdentity
from hil.model.captures import INSTRUMENT_TRACK, CaptureIssue, CapturePlan
from hil.model.codec import StoredRecord, check_plain, read_record, stored_as, write_record
from hil.model.errors import CaptureError
from hil.model.schema import Schema, parse_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import BinaryIO, Self

    from hil.model.captures import Track

CAPTURE_SUFFIX = ".hilcap"


def capture_path(folder: Path, number: int, technique: str, load: str, window: int = 0) -> Path:
    """``<nnn>_<technique>_<load>.hilcap`` in ``folder``, names reduced to a safe alphabet.

    A window behind the first has its number too: ``<nnn>_<technique>_<load>_w2.hilcap``.
    """
    technique, load = (
        re.sub(r"[^A-Za-z0-9-]+", "_", name)[:40] or "_" for name in (technique, load)
    )
    behind = f"_w{window + 1}" if window else ""
    return folder / f"{number:03d}_{technique}_{load}{behind}{CAPTURE_SUFFIX}"


def list_captures(folder: Path) -> list[Path]:
    """The capture files in ``folder`` by name; ``CaptureError`` if it is no folder."""
    if not folder.is_dir():
        raise CaptureError(f"{folder} is not a folder of captures")
    return sorted(path for path in folder.glob(f"*{CAPTURE_SUFFIX}") if path.is_file())


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


CAPTURE_SCHEMA: Schema[Chunk] = Schema("a capture", 1)


def file_head() -> bytes:
    """The first bytes of a file."""
    return MAGIC + CAPTURE_SCHEMA.newest.to_bytes(2, "little")


def chunk_bytes(kind: str, payload: bytes) -> bytes:
    """One whole chunk; ``payload`` of at most ``MAX_PAYLOAD`` bytes."""
    name = kind.encode("ascii")
    return _HEAD.pack(name, len(payload), _crc(name, payload)) + payload


def read_chunks(path: Path, faults: list[CaptureIssue]) -> Iterator[Chunk]:
    """The whole chunks of a file in their order; a fault is added where the file breaks off.

    Raises ``CaptureError`` for a file that can't be read, is no capture, or has a newer schema.
    """
    try:
        with path.open("rb") as file:
            schema = _check_head(path, file.read(len(MAGIC) + 2))
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
                yield CAPTURE_SCHEMA.upgrade(Chunk(name.decode("latin-1"), payload), schema)
    except OSError as error:
        raise CaptureError(f"can't read the capture {path}: {error.strerror}") from None


def _check_head(path: Path, head: bytes) -> int:
    if head[: len(MAGIC)] != MAGIC or len(head) < len(MAGIC) + 2:
        raise CaptureError(f"{path} is not a capture")
    try:
        return CAPTURE_SCHEMA.check(int.from_bytes(head[len(MAGIC) :], "little"))
    except CaptureError as error:
        raise type(error)(f"{path}: {error}") from None


def _crc(name: bytes, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(name + len(payload).to_bytes(4, "little")))


_MAX_TASKS = 1000
_MAX_TEXT = 10_000
_BITS = 63


@dataclass(frozen=True, slots=True)
class StoredMeta(StoredRecord):
    """Board and plan of a stored capture, and the version of the harness that took it."""

    board: BoardIdentity
    plan: CapturePlan
    harness_version: str = field(metadata=stored_as("harness"))

    @classmethod
    def of(cls, board: BoardIdentity, plan: CapturePlan) -> Self:
        """For a capture that this version takes."""
        return cls(board, plan, __version__)


def dump_meta(meta: StoredMeta) -> bytes:
    """The JSON of ``meta``, in ASCII."""
    text = json.dumps(write_record(meta), ensure_ascii=True, allow_nan=False, sort_keys=True)
    return text.encode("ascii")


def load_meta(payload: bytes, path: Path) -> StoredMeta:
    """Read what :func:`dump_meta` wrote; ``CaptureError`` names what is missing or malformed.

    Earlier versions wrote NaN where a board's own number was none; it is read as unknown.
    """
    try:
        document = parse_json(payload, constant=lambda _name: None)
        check_plain(document, longest_text=_MAX_TEXT, bits=_BITS)
        meta = read_record(StoredMeta, document)
        if len(meta.plan.tasks) > _MAX_TASKS:
            raise CaptureError(f"plan.tasks: more than {_MAX_TASKS}")
    except CaptureError as error:
        text = f"{path} does not say properly what was measured: {error}"
        raise CaptureError(text) from None
    return meta


class CaptureWriter:
    """Writes one capture; the operating system has what :meth:`rx` and :meth:`ping` took on return.

    A context manager: leaving it without :meth:`finish` leaves a capture that is marked as
    truncated.
    """

    def __init__(self, path: Path, board: BoardIdentity, plan: CapturePlan) -> None:
        self.path = path
        self._file: BinaryIO | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("xb", buffering=0)
        except OSError as error:
            if path.exists():
                text = f"{path} is there already; captures are never overwritten"
                raise CaptureError(text) from None
            raise CaptureError(f"can't write the capture {path}: {error.strerror}") from None
        self._write(file_head())
        self._chunk("M", dump_meta(StoredMeta.of(board, plan)))

    def rx(self, data: bytes, host_ns: int) -> None:
        """Store bytes that arrived at a monotonic host time."""
        room = MAX_PAYLOAD - TIME.size
        for at in range(0, len(data), room):
            self._chunk("R", TIME.pack(host_ns) + data[at : at + room])

    def ping(self, host_tx_ns: int, host_rx_ns: int) -> None:
        """Store the host's times of one clock exchange."""
        self._chunk("P", PING.pack(host_tx_ns, host_rx_ns))

    def values(self, name: str, numbers: Sequence[int]) -> None:
        """Store numbers that the host took, as a channel of this name (at most 255 bytes)."""
        title = name.encode("utf-8")
        if len(title) > 255:
            raise CaptureError(f"the name {name[:40]!r} is too long")
        for at in range(0, len(numbers), VALUES_PER_CHUNK):
            part = numbers[at : at + VALUES_PER_CHUNK]
            self._chunk("V", bytes((len(title),)) + title + struct.pack(f"<{len(part)}q", *part))

    def track(self, track: Track) -> None:
        """Keep a task's activations as an instrument saw them: a channel of numbers of its own."""
        channel = INSTRUMENT_TRACK.of(source=track.source, task=track.index)
        period_ns = round(track.period_us * 1000)
        head = (track.origin_us, track.end_us, period_ns, track.dropped)
        self.values(channel.stored, (*head, *track.stamps_us.tolist()))

    def finish(self, status: str) -> None:
        """Say how the capture ended (``ok``, ``interrupted``, ``error: …``) and close the file."""
        self._chunk("E", status[:MAX_STATUS].encode("utf-8", "replace"))
        if self._file is not None:
            try:
                os.fsync(self._file.fileno())
            except OSError as error:
                raise self._failed(error) from None
        self.close()

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

    def _chunk(self, kind: str, payload: bytes) -> None:
        self._write(chunk_bytes(kind, payload))

    def _write(self, data: bytes) -> None:
        if self._file is None:
            raise CaptureError(f"the capture {self.path} is closed")
        view = memoryview(data)
        try:
            while view:
                view = view[self._file.write(view) or 0 :]
        except OSError as error:
            raise self._failed(error) from None

    def _failed(self, error: OSError) -> CaptureError:
        self.close()
        return CaptureError(f"can't write the capture {self.path}: {error.strerror}")
