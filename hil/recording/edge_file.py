"""The format of a file of edges, what an instrument saw during one window, and its writer.

It stands beside the capture of the window: ``<capture>.<instrument>.hiledges``. A file of chunks
(:mod:`hil.recording.chunk_file`) that begins with ``HILEDG``. Types: ``M`` instrument, lines and
interval (JSON), ``T`` edges of one line (number of the line in 1 byte; 8 bytes each, twice the time
in ns, plus 1 where the level is high after it), ``L`` lost intervals (length of the reason, reason,
start and end of each), ``H`` pairs of the host's and the instrument's time, ``B`` pairs of the
board's and the instrument's time, ``E`` the end.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hil import __version__
from hil.model.codec import StoredRecord, stored_as, write_record
from hil.model.edges import EDGE_NAME
from hil.model.errors import CaptureError
from hil.model.schema import Schema
from hil.recording.chunk_file import Chunk, ChunkWriter, copy_chunk_file, head_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hil.model.captures import IntArray
    from hil.model.edges import EdgeLine, EdgeRecording, LostInterval

EDGE_SUFFIX = ".hiledges"
EDGE_MAGIC = b"HILEDG"
EDGE_SCHEMA: Schema[Chunk] = Schema("a file of edges", 1)
MAX_LINES = 64
MAX_INSTRUMENTS = 16
"""Files of edges beside one capture."""
MAX_EDGES = 100_000_000
"""Of all lines of a file together: 8 bytes each there, 16 in memory."""
MAX_PAIRS = 10_000_000
MAX_FILE_BYTES = 1_500_000_000
MAX_ISSUES = 200
MAX_TIME_NS = 1 << 61
_PER_CHUNK = 65_000
_REASON = 200


@dataclass(frozen=True, slots=True)
class StoredLine(StoredRecord):
    """A line without its edges; its number in the file is its place in the list."""

    name: str
    initial: int | None = None


@dataclass(frozen=True, slots=True)
class StoredIssue(StoredRecord):
    """What was wrong with the recording."""

    kind: str
    detail: str


@dataclass(frozen=True, slots=True)
class StoredRecording(StoredRecord):
    """A recording without its edges, and the version of the harness that took it."""

    instrument: str
    start_ns: int
    end_ns: int
    resolution_ns: float
    lines: tuple[StoredLine, ...]
    issues: tuple[StoredIssue, ...] = ()
    harness_version: str = field(default=__version__, metadata=stored_as("harness"))


def edge_path(capture: Path, instrument: str) -> Path:
    """The file of an instrument's edges beside ``capture``; ``CaptureError`` for a bad name."""
    if not EDGE_NAME.fullmatch(instrument):
        raise CaptureError(
            f"{instrument[:60]!r} can't be the name of an instrument: "
            "1 to 40 letters, digits, - and _"
        )
    return capture.with_name(f"{_stem(capture)}.{instrument}{EDGE_SUFFIX}")


def list_edge_files(capture: Path) -> dict[str, Path]:
    """The files of edges beside ``capture`` by their instruments' names, links and all."""
    name = re.compile(
        rf"{re.escape(_stem(capture))}\.({EDGE_NAME.pattern}){re.escape(EDGE_SUFFIX)}"
    )
    try:
        paths = sorted(capture.parent.iterdir())
    except OSError:
        return {}
    files = {match[1]: path for path in paths if (match := name.fullmatch(path.name)) is not None}
    return dict(list(files.items())[:MAX_INSTRUMENTS])


def write_edges(capture: Path, recording: EdgeRecording) -> Path:
    """Write ``recording`` beside ``capture``, and return where.

    Raises ``CaptureError`` for one that is malformed or too large, where there is a file already,
    and where it can't be written.
    """
    path = edge_path(capture, recording.instrument)
    _check(recording)
    issues = [StoredIssue(i.kind, i.detail[:1000]) for i in recording.issues[:MAX_ISSUES]]
    meta = StoredRecording(
        recording.instrument,
        int(recording.start_ns),
        int(recording.end_ns),
        float(recording.resolution_ns),
        tuple(StoredLine(line.name, line.initial) for line in recording.lines),
        tuple(issues),
    )
    text = json.dumps(write_record(meta), ensure_ascii=True, allow_nan=False, sort_keys=True)
    with _EdgeWriter(path, EDGE_MAGIC, EDGE_SCHEMA) as writer:
        writer.chunk("M", text.encode("ascii"))
        for number, line in enumerate(recording.lines):
            words = (line.times_ns * 2 + line.levels).astype("<i8")
            for at in range(0, words.size, _PER_CHUNK):
                writer.chunk("T", bytes((number,)) + words[at : at + _PER_CHUNK].tobytes())
        for payload in _lost(recording.lost):
            writer.chunk("L", payload)
        for kind, first, second in (
            ("H", recording.host_ns, recording.own_ns),
            ("B", recording.board_us, recording.seen_ns),
        ):
            for at in range(0, first.size, _PER_CHUNK):
                parts = (array[at : at + _PER_CHUNK] for array in (first, second))
                writer.chunk(kind, b"".join(part.astype("<i8").tobytes() for part in parts))
        writer.end(b"ok")
    return path


def copy_edges(path: Path, folder: Path) -> None:
    """Copy a file of edges; see :func:`~hil.recording.chunk_file.copy_chunk_file`."""
    head = len(head_bytes(EDGE_MAGIC, EDGE_SCHEMA))
    copy_chunk_file(path, folder / path.name, head=head, largest=MAX_FILE_BYTES)


class _EdgeWriter(ChunkWriter):
    what = "file of edges"


def _stem(capture: Path) -> str:
    return capture.name.removesuffix(".hilcap")


def _lost(intervals: tuple[LostInterval, ...]) -> Iterator[bytes]:
    """The payloads of lost intervals, those of one reason together."""
    by_reason: dict[bytes, list[LostInterval]] = {}
    for interval in intervals:
        reason = interval.reason.encode("utf-8", "replace")[:_REASON]
        by_reason.setdefault(reason, []).append(interval)
    for reason, group in by_reason.items():
        for at in range(0, len(group), _PER_CHUNK):
            numbers = (n for i in group[at : at + _PER_CHUNK] for n in (i.start_ns, i.end_ns))
            packed = b"".join(int(number).to_bytes(8, "little", signed=True) for number in numbers)
            yield bytes((len(reason),)) + reason + packed


def _check(recording: EdgeRecording) -> None:
    """Raise ``CaptureError`` for a recording that could not be read back."""
    what = f"the edges of {recording.instrument}"
    names = [line.name for line in recording.lines]
    if len(set(names)) < len(names) or len(names) > MAX_LINES:
        raise CaptureError(f"{what}: a line is there twice, or there are more than {MAX_LINES}")
    times = [recording.start_ns, recording.end_ns]
    for line in recording.lines:
        _check_line(what, line)
        times += [line.times_ns[0], line.times_ns[-1]] if line.times_ns.size else []
    if any(abs(int(time)) > MAX_TIME_NS for time in times) or times[0] > times[1]:
        raise CaptureError(f"{what}: times beyond what a file holds, or an end before the start")
    if not 0 <= recording.resolution_ns < MAX_TIME_NS:
        raise CaptureError(f"{what}: {recording.resolution_ns} ns is no resolution")
    if sum(line.times_ns.size for line in recording.lines) > MAX_EDGES:
        raise CaptureError(f"{what}: more than {MAX_EDGES} edges; record less, or fewer lines")
    for first, second in (
        (recording.host_ns, recording.own_ns),
        (recording.board_us, recording.seen_ns),
    ):
        if first.size != second.size or first.size > MAX_PAIRS:
            raise CaptureError(f"{what}: pairs of times that are none, or too many")


def _check_line(what: str, line: EdgeLine) -> None:
    if not EDGE_NAME.fullmatch(line.name):
        raise CaptureError(f"{what}: {line.name[:60]!r} can't be the name of a line")
    if line.times_ns.size != line.levels.size or line.initial not in (None, 0, 1):
        raise CaptureError(f"{what}: line {line.name} has not one level for each edge")
    if not in_order(line.times_ns) or not ((line.levels == 0) | (line.levels == 1)).all():
        raise CaptureError(f"{what}: the edges of line {line.name} are not in order of time")


def in_order(times_ns: IntArray) -> bool:
    """Whether no time comes before the one in front of it."""
    return not bool((times_ns[1:] < times_ns[:-1]).any())
