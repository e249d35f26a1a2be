"""A capture file decoded to a :class:`~hil.model.captures.Capture`."""

from __future__ import annotations

import bisect
import contextlib
from array import array
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hil.model.captures import HOST_PAUSES, CaptureIssue
from hil.model.errors import CaptureError, HilError
from hil.model.program_files import MAX_FILES, MAX_PROGRAM_BYTES
from hil.protocol.capture_limits import CaptureLimits
from hil.protocol.decoder import StreamDecoder
from hil.protocol.device_log import uncaught_exceptions
from hil.protocol.events import HostPing
from hil.protocol.reassembly import assemble
from hil.recording.capture_file import (
    MAX_STATUS,
    PING,
    TIME,
    list_captures,
    load_meta,
    read_chunks,
)
from hil.recording.edge_reader import read_capture_edges
from hil.recording.program_chunk import PROGRAM_FILE, total_bytes, unpack_program_file

if TYPE_CHECKING:
    from pathlib import Path

    from hil.model.board import BoardIdentity
    from hil.model.captures import Capture, IntArray
    from hil.model.program_files import ProgramFile
    from hil.recording.capture_file import StoredMeta

HOSTS_ALONE = frozenset({HOST_PAUSES.stored})
"""Channels that only the host fills: what a board says under their names is not read."""
_MAX_VALUES = 1000


def read_meta(path: Path) -> StoredMeta:
    """Board and plan of a stored capture, without reading on."""
    for chunk in read_chunks(path, []):
        if chunk.kind == "M":
            return load_meta(chunk.payload, path)
        break
    raise CaptureError(f"{path} does not say what was measured: it was cut at its very beginning")


def stored_boards(folder: Path) -> list[BoardIdentity]:
    """The boards that the captures in a folder are of, each once; broken files name none."""
    boards: dict[str, BoardIdentity] = {}
    for path in list_captures(folder):
        with contextlib.suppress(HilError):
            board = read_meta(path).board
            boards.setdefault(board.name, board)
    return list(boards.values())


def read_capture(path: Path) -> Capture:
    """Decode a stored capture; what it lacks is in the capture's faults and errors.

    What instruments saw is read from the files beside it, which do not spoil the board's own
    stamps. Memory: 8 bytes a stamp, 16 an edge; at most what its plan allows, see
    :class:`~hil.protocol.capture_limits.CaptureLimits`. Raises ``CaptureError`` for a file that
    is no capture, has a newer schema or does not even say what was measured, and where there is
    not enough memory for it.
    """
    try:
        return _read(path)
    except MemoryError:
        raise CaptureError(
            f"{path} needs more memory than there is; read it on a larger computer"
        ) from None


def _read(path: Path) -> Capture:
    faults: list[CaptureIssue] = []
    errors: list[str] = []
    meta: StoredMeta | None = None
    decoder, limits = StreamDecoder(), CaptureLimits()
    ends, times = array("Q"), array("q")
    pings: list[HostPing] = []
    values: dict[str, list[IntArray]] = {}
    program_files: list[ProgramFile] = []
    received = taken = 0
    excess = ""
    status: str | None = None
    for kind, payload in read_chunks(path, faults):
        if meta is None:
            if kind != "M":
                raise CaptureError(f"{path} does not begin with what was measured")
            meta = load_meta(payload, path)
            limits = CaptureLimits.of_plan(meta.plan)
            decoder = StreamDecoder(limits)
        elif kind == "R" and len(payload) >= TIME.size:
            data = payload[TIME.size :]
            decoder.feed(data)
            received += len(data)
            ends.append(received)
            times.append(TIME.unpack_from(payload)[0])
        elif kind == "P" and len(payload) == PING.size:
            if len(pings) >= limits.pings:
                excess = f"more than {limits.pings:,} clock exchanges, which no capture has"
                continue
            pings.append(HostPing(*PING.unpack(payload)))
        elif kind == "V" and payload:
            name = payload[1 : 1 + payload[0]].decode("utf-8", "replace")
            numbers = payload[1 + payload[0] :]
            taken += len(numbers) // 8
            if taken > limits.host_values or len(values) >= _MAX_VALUES:
                excess = f"more than {limits.host_values:,} numbers of the host's own"
            elif len(numbers) % 8 == 0:
                values.setdefault(name, []).append(np.frombuffer(numbers, "<i8"))
        elif kind == PROGRAM_FILE:
            _take_program_file(payload, program_files, faults)
        elif kind == "E":
            status = payload[:MAX_STATUS].decode("utf-8", "replace")
    if meta is None:
        raise CaptureError(f"{path} was cut before it said what was measured: delete it")
    if excess:
        faults.append(CaptureIssue("excess", f"{excess}: the rest is not read"))
    if status is None:
        faults.append(CaptureIssue("truncated", f"{path.name} was never finished"))
    elif status != "ok":
        errors.append(status)

    def arrival_ns(offset: int) -> int:
        index = bisect.bisect_right(ends, offset)
        return times[index] if index < len(times) else -1

    capture = assemble(decoder.finish(), meta.board, meta.plan, pings, arrival_ns)
    errors += uncaught_exceptions(capture.log)
    of_board = {name: own for name, own in capture.values.items() if name not in HOSTS_ALONE}
    of_host = {name: np.concatenate(parts).astype(np.int64) for name, parts in values.items()}
    return replace(
        capture,
        faults=(*capture.faults, *faults),
        errors=(*capture.errors, *errors),
        values={**of_board, **of_host},
        edges=read_capture_edges(path),
        program_files=tuple(program_files),
    )


def _take_program_file(
    payload: bytes, files: list[ProgramFile], faults: list[CaptureIssue]
) -> None:
    """Add a stored file of the program; the stamps don't need it, so its damage is only said."""
    try:
        file = unpack_program_file(payload)
        if len(files) >= MAX_FILES or total_bytes((*files, file)) > MAX_PROGRAM_BYTES:
            raise CaptureError("the files of the program are more than one has")
    except CaptureError as error:
        faults.append(CaptureIssue("program", str(error)))
    else:
        files.append(file)
