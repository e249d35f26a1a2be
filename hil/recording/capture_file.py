"""The format of a capture file, and its writer: append-only, readable wherever it ends.

A file of chunks (:mod:`hil.recording.chunk_file`) that begins with ``HILCAP``. Types: ``M`` what
was measured on which board (JSON), ``R`` received bytes behind their time of arrival (8 bytes,
monotonic ns), ``P`` the host's times of one clock exchange, ``V`` numbers that the host took
(length of their name, name, 8 bytes each), ``F`` a file of the user's own program
(:mod:`hil.recording.program_chunk`), ``E`` how it ended. Nothing in a file is ever executed,
and nothing in it names another file.
"""

from __future__ import annotations

import json
import re
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hil import __version__
from hil.model.board import BoardIdentity
from hil.model.captures import TASK_NAME, CapturePlan
from hil.model.codec import StoredRecord, check_plain, read_record, stored_as, write_record
from hil.model.errors import CaptureError
from hil.model.schema import Schema, parse_json
from hil.recording.chunk_file import (
    MAX_PAYLOAD,
    Chunk,
    ChunkWriter,
    copy_chunk_file,
    head_bytes,
    read_chunk_file,
)
from hil.recording.edge_file import write_edges
from hil.recording.program_chunk import PROGRAM_FILE, pack_program_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import Self

    from hil.model.captures import CaptureIssue
    from hil.model.edges import EdgeRecording
    from hil.model.program_files import ProgramFile

CAPTURE_SUFFIX = ".hilcap"


def capture_path(
    folder: Path, number: int, technique: str, load: str, window: int = 0, attempt: int = 0
) -> Path:
    """``<nnn>_<technique>_<load>.hilcap`` in ``folder``, names reduced to a safe alphabet.

    A window behind the first has its number too: ``<nnn>_<technique>_<load>_w2.hilcap``, and so has
    an attempt: ``<nnn>_<technique>_<load>_a2_w2.hilcap``.
    """
    technique, load = (
        re.sub(r"[^A-Za-z0-9-]+", "_", name)[:40] or "_" for name in (technique, load)
    )
    behind = f"_a{attempt + 1}" if attempt else ""
    behind += f"_w{window + 1}" if window else ""
    return folder / f"{number:03d}_{technique}_{load}{behind}{CAPTURE_SUFFIX}"


def list_captures(folder: Path) -> list[Path]:
    """All captures in ``folder`` by name, also what is none; ``CaptureError`` if it is no folder.

    What has such a name and is no file can't be read either, and whoever reads it says so.
    """
    if not folder.is_dir():
        raise CaptureError(f"{folder} is not a folder of captures")
    return sorted(folder.glob(f"*{CAPTURE_SUFFIX}"))


MAGIC = b"HILCAP"
TIME = struct.Struct("<q")
PING = struct.Struct("<qq")
MAX_STATUS = 2000
MAX_FILE_BYTES = 4_000_000_000
"""More than what a board may send in one capture, and the heads of its chunks."""
VALUES_PER_CHUNK = 100_000
CAPTURE_SCHEMA: Schema[Chunk] = Schema("a capture", 1)


def file_head() -> bytes:
    """The first bytes of a file."""
    return head_bytes(MAGIC, CAPTURE_SCHEMA)


def read_chunks(path: Path, faults: list[CaptureIssue]) -> Iterator[Chunk]:
    """The whole chunks of a capture; see :func:`~hil.recording.chunk_file.read_chunk_file`."""
    return read_chunk_file(path, MAGIC, CAPTURE_SCHEMA, faults, largest=MAX_FILE_BYTES)


def copy_capture(path: Path, folder: Path) -> None:
    """Copy a capture to ``folder``; see :func:`~hil.recording.chunk_file.copy_chunk_file`."""
    copy_chunk_file(path, folder / path.name, head=len(file_head()), largest=MAX_FILE_BYTES)


_MAX_TASKS = 1000
_MAX_DURATION_US = 366 * 24 * 3600 * 1_000_000
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
        _check_plan(meta.plan)
    except CaptureError as error:
        text = f"{path} does not say properly what was measured: {error}"
        raise CaptureError(text) from None
    return meta


def _check_plan(plan: CapturePlan) -> None:
    """Raise ``CaptureError`` for what nobody can have planned: limits are taken from the plan."""
    if len(plan.tasks) > _MAX_TASKS:
        raise CaptureError(f"plan.tasks: more than {_MAX_TASKS}")
    if not 0 <= plan.duration_us <= _MAX_DURATION_US:
        raise CaptureError(f"plan.duration_us: {plan.duration_us} is no length of a window")
    for task in plan.tasks:
        if not 1 <= task.period_us <= _MAX_DURATION_US:
            raise CaptureError(f"plan.tasks: {task.period_us} us is no period")
        if task.name and not TASK_NAME.fullmatch(task.name):
            raise CaptureError("plan.tasks: a task has a name that none can have")


class CaptureWriter(ChunkWriter):
    """Writes one capture; the operating system has what :meth:`rx` and :meth:`ping` took on return.

    A context manager: leaving it without :meth:`finish` leaves a capture that is marked as
    truncated.
    """

    what = "capture"

    def __init__(self, path: Path, board: BoardIdentity, plan: CapturePlan) -> None:
        super().__init__(path, MAGIC, CAPTURE_SCHEMA)
        self.chunk("M", dump_meta(StoredMeta.of(board, plan)))

    def rx(self, data: bytes, host_ns: int) -> None:
        """Store bytes that arrived at a monotonic host time."""
        room = MAX_PAYLOAD - TIME.size
        for at in range(0, len(data), room):
            self.chunk("R", TIME.pack(host_ns) + data[at : at + room])

    def ping(self, host_tx_ns: int, host_rx_ns: int) -> None:
        """Store the host's times of one clock exchange."""
        self.chunk("P", PING.pack(host_tx_ns, host_rx_ns))

    def values(self, name: str, numbers: Sequence[int]) -> None:
        """Store numbers that the host took, as a channel of this name (at most 255 bytes)."""
        title = name.encode("utf-8")
        if len(title) > 255:
            raise CaptureError(f"the name {name[:40]!r} is too long")
        for at in range(0, len(numbers), VALUES_PER_CHUNK):
            part = numbers[at : at + VALUES_PER_CHUNK]
            self.chunk("V", bytes((len(title),)) + title + struct.pack(f"<{len(part)}q", *part))

    def program_file(self, file: ProgramFile) -> None:
        """Store a file of the user's own program that is measured."""
        self.chunk(PROGRAM_FILE, pack_program_file(file))

    def edges(self, recording: EdgeRecording) -> None:
        """Store what an instrument saw, in a file of its own beside the capture."""
        write_edges(self.path, recording)

    def finish(self, status: str) -> None:
        """Say how the capture ended (``ok``, ``interrupted``, ``error: …``) and close the file."""
        self.end(status[:MAX_STATUS].encode("utf-8", "replace"))
