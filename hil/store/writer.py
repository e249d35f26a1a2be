"""Writing a capture as it comes in."""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from hil.errors import CaptureError
from hil.records import BoardIdentity, CapturePlan
from hil.store.chunks import (
    MAX_PAYLOAD,
    MAX_STATUS,
    PING,
    TIME,
    VALUES_PER_CHUNK,
    chunk_bytes,
    file_head,
)
from hil.store.meta import StoredMeta, dump_meta


class CaptureWriter:
    """Writes one capture; what :meth:`rx` and :meth:`ping` took is the system's when they return.

    A context manager: leaving it without :meth:`finish` leaves a capture that says it was cut.
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
        """Keep bytes that arrived at a monotonic host time."""
        room = MAX_PAYLOAD - TIME.size
        for at in range(0, len(data), room):
            self._chunk("R", TIME.pack(host_ns) + data[at : at + room])

    def ping(self, host_tx_ns: int, host_rx_ns: int) -> None:
        """Keep the host's times of one clock exchange."""
        self._chunk("P", PING.pack(host_tx_ns, host_rx_ns))

    def values(self, name: str, numbers: Sequence[int]) -> None:
        """Keep numbers that the host took, as a channel of this name (at most 255 bytes)."""
        title = name.encode("utf-8")
        if len(title) > 255:
            raise CaptureError(f"the name {name[:40]!r} is too long")
        for at in range(0, len(numbers), VALUES_PER_CHUNK):
            part = numbers[at : at + VALUES_PER_CHUNK]
            self._chunk("V", bytes((len(title),)) + title + struct.pack(f"<{len(part)}q", *part))

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
