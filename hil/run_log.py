"""What happened in a run beside its captures: who ran it, what was skipped, what failed.

One JSON object a line in ``capture/run.jsonl``, appended as it happens, so that a run that was
killed still tells. The page and ``results.json`` are made from this and the captures alone.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hil.errors import CaptureError, NewerSchemaError
from hil.model.codec import ABSENT, StoredRecord, read_record, write_record
from hil.model.schema import Schema, parse_json
from hil.records import ErrorRecord, RunInfo, Skip

SCHEMA: Schema[dict[str, Any]] = Schema("a run's log", 1)
LOG_NAME = "run.jsonl"
"""The log's name in a run's folder of captures."""
_MAX_LINE = 1_000_000


@dataclass(frozen=True, slots=True)
class RunEnd(StoredRecord):
    """The end of a run, and how long it took, in seconds."""

    duration_s: float


@dataclass(frozen=True, slots=True)
class LogLine(StoredRecord):
    """One line of the log: one of its fields is set."""

    run: RunInfo | None = field(default=None, metadata=ABSENT)
    skip: Skip | None = field(default=None, metadata=ABSENT)
    error: ErrorRecord | None = field(default=None, metadata=ABSENT)
    end: RunEnd | None = field(default=None, metadata=ABSENT)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run's log, read back; ``info.duration_s`` is what had passed when it was last written."""

    info: RunInfo
    skipped: tuple[Skip, ...]
    errors: tuple[ErrorRecord, ...]
    complete: bool


class RunLog:
    """Appends to the log of one run; each line is flushed at once.

    Where several processes measure a board each, every one has its own ``part`` of the log.
    """

    def __init__(self, captures: Path, info: RunInfo, part: str = "") -> None:
        self._path = captures / (f"run-{part}.jsonl" if part else LOG_NAME)
        try:
            self._file = self._path.open("a", encoding="utf-8")
        except OSError as error:
            raise self._failed(error) from None
        self._append({"schema": SCHEMA.newest, **write_record(LogLine(run=info))})

    def skip(self, skip: Skip) -> None:
        """A combination that the board can't run."""
        self._append(write_record(LogLine(skip=skip)))

    def error(self, error: ErrorRecord) -> None:
        """A combination without a trustworthy measurement."""
        self._append(write_record(LogLine(error=error)))

    def finish(self, duration_s: float) -> None:
        """The run came to its end."""
        try:
            self._append(write_record(LogLine(end=RunEnd(duration_s))))
        finally:
            self.close()

    def close(self) -> None:
        """Close the file; a log without its end tells of a run that was cut short."""
        with contextlib.suppress(OSError):  # what could not be written was told when it failed
            self._file.close()

    def _append(self, entry: dict[str, Any]) -> None:
        try:
            self._file.write(json.dumps(entry, ensure_ascii=True, allow_nan=False) + "\n")
            self._file.flush()
        except OSError as error:
            raise self._failed(error) from None

    def _failed(self, error: OSError) -> CaptureError:
        return CaptureError(f"can't write the run's log {self._path}: {error.strerror}")


def read_run_log(captures: Path) -> RunRecord:
    """Read a run's log and its parts; a last line that was cut off is left out.

    Raises :class:`~hil.errors.CaptureError` when there is none, it is of a newer schema, or a line
    is not what :class:`RunLog` writes.
    """
    whole = _read_part(captures / LOG_NAME)
    for path in sorted(captures.glob("run-*.jsonl")):
        part = _read_part(path)
        whole = replace(
            whole,
            skipped=(*whole.skipped, *part.skipped),
            errors=(*whole.errors, *part.errors),
            complete=whole.complete and part.complete,
        )
    return whole


def _read_part(path: Path) -> RunRecord:
    info: RunInfo | None = None
    skipped: list[Skip] = []
    errors: list[ErrorRecord] = []
    complete = False
    schema: int | None = None
    number = 0
    try:
        with path.open(encoding="utf-8", errors="replace") as lines:
            while text := lines.readline(_MAX_LINE):
                number += 1
                try:
                    line, schema = _read_line(text, schema)
                except NewerSchemaError as error:
                    raise NewerSchemaError(f"{path}: {error}") from None
                except CaptureError as error:
                    if text.endswith("\n") or len(text) == _MAX_LINE:
                        raise CaptureError(f"{path}: line {number}: {error}") from None
                    continue  # a last line that was cut off
                if line.run is not None:
                    info = line.run
                elif line.skip is not None:
                    skipped.append(line.skip)
                elif line.error is not None:
                    errors.append(line.error)
                elif line.end is not None and info is not None:
                    info = replace(info, duration_s=max(0.0, line.end.duration_s))
                    complete = True
    except OSError as error:
        raise CaptureError(f"{path}: no run to read here ({error.strerror})") from None
    if info is None:
        raise CaptureError(f"{path}: the log has no beginning; not a run's folder?")
    return RunRecord(info, tuple(skipped), tuple(errors), complete)


def _read_line(text: str, schema: int | None) -> tuple[LogLine, int]:
    """A line of the log and the schema of it and those behind; the first line tells its own."""
    entry = parse_json(text)
    if not isinstance(entry, dict):
        raise CaptureError("not an object")
    if "schema" in entry or schema is None:
        schema = SCHEMA.check(entry.get("schema"))
    entry = SCHEMA.upgrade(entry, schema)
    return read_record(LogLine, {key: entry[key] for key in entry if key != "schema"}), schema
