"""What happened in a run beside its captures: who ran it, what was skipped, what failed.

One JSON object a line in ``capture/run.jsonl``, appended as it happens, so that a run that was
killed still tells. The page and ``results.json`` are made from this and the captures alone.
"""

from __future__ import annotations

import contextlib
import json
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, get_args

from hil.errors import CaptureError
from hil.records import ErrorRecord, RunInfo, Skip, Source
from hil.schema import Schema

SCHEMA: Schema[dict[str, Any]] = Schema("a run's log", 1)
LOG_NAME = "run.jsonl"
"""The log's name in a run's folder of captures."""
_MAX_LINE = 1_000_000
_T = TypeVar("_T")


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
        self._append({"schema": SCHEMA.newest, "run": asdict(info)})

    def skip(self, skip: Skip) -> None:
        """A combination that the board can't run."""
        self._append({"skip": asdict(skip)})

    def error(self, error: ErrorRecord) -> None:
        """A combination without a trustworthy measurement."""
        self._append({"error": asdict(error)})

    def finish(self, duration_s: float) -> None:
        """The run came to its end."""
        try:
            self._append({"end": {"duration_s": duration_s}})
        finally:
            self.close()

    def close(self) -> None:
        """Close the file; a log without its end tells of a run that was cut short."""
        with contextlib.suppress(OSError):  # what could not be written was told when it failed
            self._file.close()

    def _append(self, entry: dict[str, Any]) -> None:
        try:
            self._file.write(json.dumps(entry, ensure_ascii=True) + "\n")
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
    schema = SCHEMA.newest
    try:
        with path.open(encoding="utf-8", errors="replace") as lines:
            while line := lines.readline(_MAX_LINE):
                try:
                    entry = json.loads(line)
                    if not isinstance(entry, dict):
                        raise ValueError("no object")
                    if "schema" in entry or info is None:
                        schema = _check_schema(path, entry.get("schema"))
                    entry = SCHEMA.upgrade(entry, schema)
                    if "run" in entry:
                        info = _record(RunInfo, entry["run"])
                        if info.source not in get_args(Source):
                            raise ValueError("an unknown source")
                    elif "skip" in entry:
                        skipped.append(_record(Skip, entry["skip"]))
                    elif "error" in entry:
                        errors.append(_record(ErrorRecord, entry["error"]))
                    elif "end" in entry and info is not None:
                        duration_s = float(entry["end"]["duration_s"])
                        info = replace(info, duration_s=duration_s if duration_s >= 0 else 0.0)
                        complete = True
                except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
                    if line.endswith("\n") or len(line) == _MAX_LINE:
                        raise CaptureError(f"{path}: not a run's log") from None
    except OSError as error:
        raise CaptureError(f"{path}: no run to read here ({error.strerror})") from None
    if info is None:
        raise CaptureError(f"{path}: the log has no beginning; not a run's folder?")
    return RunRecord(info, tuple(skipped), tuple(errors), complete)


def _record(kind: type[_T], item: Any) -> _T:
    """A record of texts and numbers; ``ValueError`` or ``TypeError`` for anything else."""
    if not isinstance(item, dict) or not all(isinstance(key, str) for key in item):
        raise ValueError("no object")
    for key, value in item.items():
        if key == "duration_s":
            item = {**item, key: float(value) if not isinstance(value, str) else math.nan}
            if not math.isfinite(item[key]):
                raise ValueError("no duration")
        elif not isinstance(value, str):
            raise ValueError(f"{key} is no text")
    return kind(**item)


def _check_schema(path: Path, schema: object) -> int:
    try:
        return SCHEMA.check(schema)
    except CaptureError as error:
        raise type(error)(f"{path}: {error}") from None
