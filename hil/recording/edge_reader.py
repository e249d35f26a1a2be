"""Files of edges read back to :class:`~hil.model.edges.EdgeRecording`; damage becomes an issue."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from hil.model.captures import CaptureIssue
from hil.model.codec import check_plain, read_record
from hil.model.edges import EDGE_NAME, EdgeLine, EdgeRecording, LostInterval
from hil.model.errors import CaptureError, NewerSchemaError
from hil.model.schema import parse_json
from hil.recording.chunk_file import read_chunk_file
from hil.recording.edge_file import (
    EDGE_MAGIC,
    EDGE_SCHEMA,
    MAX_EDGES,
    MAX_FILE_BYTES,
    MAX_ISSUES,
    MAX_LINES,
    MAX_PAIRS,
    MAX_TIME_NS,
    StoredRecording,
    list_edge_files,
)

if TYPE_CHECKING:
    from pathlib import Path

    from hil.model.captures import IntArray

_MAX_LOST = 1_000_000
_MAX_TEXT = 1000
_PAIR = 16


def read_capture_edges(capture: Path) -> tuple[EdgeRecording, ...]:
    """What every instrument saw beside ``capture``, by their names.

    A file that can't be read is a recording without lines, whose issue says why. Raises
    :class:`~hil.model.errors.NewerSchemaError`.
    """
    return tuple(
        read_edges(path, instrument) for instrument, path in list_edge_files(capture).items()
    )


def read_edges(path: Path, instrument: str) -> EdgeRecording:
    """One file of edges of ``instrument``, as far as it is sound; errors as above.

    Memory: 16 bytes an edge.
    """
    try:
        return _read(path, instrument)
    except NewerSchemaError:
        raise
    except CaptureError as error:
        issue = CaptureIssue("damaged", str(error))
        return EdgeRecording(instrument, (), 0, 0, 0.0, issues=(issue,))


@dataclass(slots=True)
class _Parts:
    """What the chunks of a file held so far."""

    edges: dict[int, list[IntArray]] = field(default_factory=dict)
    count: int = 0
    lost: list[LostInterval] = field(default_factory=list)
    pairs: dict[str, list[IntArray]] = field(default_factory=dict)
    ended: bool = False

    def add(self, kind: str, payload: bytes) -> bool:
        """Take a chunk; false for one that is malformed or too much."""
        if kind == "T" and len(payload) % 8 == 1:
            words = np.frombuffer(payload, "<i8", offset=1)
            self.count += words.size
            self.edges.setdefault(payload[0], []).append(words)
            return self.count <= MAX_EDGES
        if kind == "L" and payload:
            numbers = payload[1 + payload[0] :]
            if len(numbers) % _PAIR or len(self.lost) + len(numbers) // _PAIR > _MAX_LOST:
                return False
            reason = payload[1 : 1 + payload[0]].decode("utf-8", "replace")
            rows = np.frombuffer(numbers, "<i8").reshape(-1, 2).tolist()
            self.lost += [LostInterval(start, end, reason) for start, end in rows if start <= end]
            return True
        if kind in "HB" and len(payload) % _PAIR == 0:
            parts = self.pairs.setdefault(kind, [])
            parts.append(np.frombuffer(payload, "<i8").reshape(2, -1))
            return len(parts) * 65_536 <= MAX_PAIRS
        self.ended = self.ended or kind == "E"
        return kind not in "TLHB"  # of what later versions may add nothing is known

    def both(self, kind: str) -> tuple[IntArray, IntArray]:
        """The pairs of a kind."""
        parts = self.pairs.get(kind)
        if not parts:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        first, second = np.concatenate(parts, axis=1).astype(np.int64)
        return first, second


def _read(path: Path, instrument: str) -> EdgeRecording:
    issues: list[CaptureIssue] = []
    meta: StoredRecording | None = None
    parts = _Parts()
    chunks = read_chunk_file(path, EDGE_MAGIC, EDGE_SCHEMA, issues, largest=MAX_FILE_BYTES)
    for kind, payload in chunks:
        if meta is None:
            if kind != "M":
                raise CaptureError(f"{path.name} does not begin with what was recorded")
            meta = _load_meta(payload, path, instrument)
        elif not parts.add(kind, payload):
            text = f"{path.name}: a part {kind!r:.5} is malformed or too much; the rest is not used"
            issues.append(CaptureIssue("damaged", text))
            break
    if meta is None:
        raise CaptureError(f"{path.name} was cut before it said what was recorded")
    if not parts.ended and not issues:
        issues.append(CaptureIssue("truncated", f"{path.name} was never finished"))
    lost = parts.lost
    lines = []
    for number, line in enumerate(meta.lines):
        words = np.concatenate(parts.edges.get(number, [np.empty(0, np.int64)]))
        times, levels = words >> 1, words & 1
        valid = _sound_until(times, meta)
        if valid < times.size:
            text = f"{path.name}: line {line.name}: edge {valid} is out of its order"
            issues.append(CaptureIssue("damaged", text))
            since = int(times[valid - 1]) if valid else meta.start_ns
            lost.append(LostInterval(since, meta.end_ns, "the file is damaged"))
        initial = line.initial if line.initial in (0, 1) else None
        lines.append(EdgeLine(line.name, times[:valid], levels[:valid], initial))
    host_ns, own_ns = parts.both("H")
    board_us, seen_ns = parts.both("B")
    stored = (CaptureIssue(issue.kind, issue.detail) for issue in meta.issues)
    return EdgeRecording(
        instrument=instrument,
        lines=tuple(lines),
        start_ns=meta.start_ns,
        end_ns=meta.end_ns,
        resolution_ns=meta.resolution_ns,
        lost=tuple(sorted(lost, key=lambda interval: (interval.start_ns, interval.end_ns))),
        issues=(*stored, *issues),
        host_ns=host_ns,
        own_ns=own_ns,
        board_us=board_us,
        seen_ns=seen_ns,
    )


def _sound_until(times: IntArray, meta: StoredRecording) -> int:
    """How many edges of a line are in order and within the recording."""
    wrong = (times < meta.start_ns) | (times > meta.end_ns)
    wrong[1:] |= times[1:] < times[:-1]
    return int(wrong.argmax()) if wrong.any() else times.size


def _load_meta(payload: bytes, path: Path, instrument: str) -> StoredRecording:
    try:
        document = parse_json(payload)
        check_plain(document, longest_text=_MAX_TEXT, bits=63)
        meta = read_record(StoredRecording, document)
        names = [line.name for line in meta.lines]
        if meta.instrument != instrument:
            raise CaptureError(f"it is of {meta.instrument[:60]!r}")
        if len(names) > MAX_LINES or len(set(names)) < len(names):
            raise CaptureError(f"a line is there twice, or there are more than {MAX_LINES}")
        if not all(map(EDGE_NAME.fullmatch, names)) or len(meta.issues) > MAX_ISSUES:
            raise CaptureError("a line has no proper name, or there are too many issues")
        if not -MAX_TIME_NS <= meta.start_ns <= meta.end_ns <= MAX_TIME_NS:
            raise CaptureError("its end is before its start")
        if not 0 <= meta.resolution_ns < MAX_TIME_NS:
            raise CaptureError("its resolution is no time")
    except CaptureError as error:
        text = f"{path.name} does not say properly what was recorded: {error}"
        raise type(error)(text) from None
    return meta
