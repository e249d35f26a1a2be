"""The folder of a run: its name, its parts, ``latest``, its log and its result files.

The log is one JSON object a line in ``capture/run.jsonl``, appended as it happens, so that a run
that was killed still tells. The page and ``results.json`` are made from this and the captures
alone.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from io import TextIOWrapper
from typing import TYPE_CHECKING

from hil.model.board import Temperature
from hil.model.captures import CALIBRATE
from hil.model.codec import ABSENT, StoredRecord, read_record, write_record
from hil.model.errors import CaptureError, ConfigurationError, NewerSchemaError
from hil.model.result_files import build_changes, build_results, parse_changes, parse_results
from hil.model.results import ErrorRecord, RunInfo, Skip
from hil.model.schema import Schema, parse_json
from hil.recording.atomic_file import read_whole, write_json_atomically
from hil.recording.capture_file import CAPTURE_SUFFIX
from hil.recording.latest_run import LATEST, newest_run, publish_latest
from hil.recording.run_evidence import hash_run
from hil.recording.run_lock import hold_while_open
from hil.recording.stored_file import open_stored

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path
    from typing import Any

    from hil.model.board import BoardIdentity
    from hil.model.results import Comparison, Results


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths inside one run's folder."""

    path: Path

    @property
    def id(self) -> str:
        """The run's id: the folder's name."""
        return self.path.name

    @property
    def captures(self) -> Path:
        """Folder of the raw stamps."""
        return self.path / "capture"

    @property
    def report(self) -> Path:
        """The self-contained page."""
        return self.path / "report.html"

    @property
    def results(self) -> Path:
        """Every number of the report."""
        return self.path / "results.json"

    @property
    def budgets(self) -> Path:
        """The limits that judged the run, where it was given its own."""
        return self.path / "budgets.toml"

    @property
    def has_captures(self) -> bool:
        """Whether anything was captured, beside the instrument's measurement of itself."""
        files = self.captures.glob(f"*{CAPTURE_SUFFIX}")
        return any(f"_{CALIBRATE}_" not in file.name for file in files)

    @property
    def is_lost(self) -> bool:
        """Whether it was removed."""
        return not self.captures.is_dir()

    @property
    def is_latest(self) -> bool:
        """Whether ``latest`` leads to it."""
        with contextlib.suppress(OSError, CaptureError):
            return newest_run(self.path.with_name(LATEST)).resolve() == self.path.resolve()
        return False

    def publish(self) -> str | None:
        """See :func:`~hil.recording.latest_run.publish_latest`."""
        return publish_latest(self.path)

    def discard(self) -> None:
        """Remove the folder of a run that measured nothing; one with a capture in it stays.

        May be called again.
        """
        if not self.has_captures:
            shutil.rmtree(self.path, ignore_errors=True)

    def hashes(self, captures: Collection[Path] | None = None) -> dict[str, str]:
        """See :func:`~hil.recording.run_evidence.hash_run`."""
        return hash_run(self.path, captures)

    @property
    def junit(self) -> Path:
        """The outcome for CI servers."""
        return self.path / "junit.xml"


def create_run_folder(out: Path, board_slug: str, *, now: datetime | None = None) -> RunFolder:
    """Make ``<out>/<UTC time>_<board>/capture``.

    Raises :class:`~hil.model.errors.ConfigurationError` when the folder can't be written.
    """
    stamp = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    try:
        out.mkdir(parents=True, exist_ok=True)
        for attempt in range(1000):
            suffix = f"-{attempt + 1}" if attempt else ""
            path = out / f"{stamp}_{board_slug}{suffix}"
            try:
                path.mkdir()
            except FileExistsError:
                continue
            break
        else:
            raise ConfigurationError(f"--hil-out={out}: too many runs at {stamp}")
        folder = RunFolder(path)
        folder.captures.mkdir()
    except OSError as error:
        raise ConfigurationError(
            f"--hil-out={out}: can't write there ({error.strerror}); choose another folder"
        ) from None
    return folder


RUN_LOG_SCHEMA: Schema[dict[str, Any]] = Schema("a run's log", 1)
LOG_NAME = "run.jsonl"
"""The log's name in a run's folder of captures."""
MAX_LOG_BYTES = 64_000_000
_MAX_LINE = 1_000_000


@dataclass(frozen=True, slots=True)
class RunEnd(StoredRecord):
    """The end of a run, how long it took, in seconds, and how warm which board was then."""

    duration_s: float
    temperature_c: Mapping[str, float] = field(default_factory=dict, metadata=ABSENT)


@dataclass(frozen=True, slots=True)
class LogLine(StoredRecord):
    """One line of the log: one of its fields is set."""

    run: RunInfo | None = field(default=None, metadata=ABSENT)
    skip: Skip | None = field(default=None, metadata=ABSENT)
    error: ErrorRecord | None = field(default=None, metadata=ABSENT)
    end: RunEnd | None = field(default=None, metadata=ABSENT)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run's log, read back; ``info.duration_s`` is what had passed when it was last written.

    ``temperature_c`` is how warm the boards were at its end, by their names.
    """

    info: RunInfo
    skipped: tuple[Skip, ...]
    errors: tuple[ErrorRecord, ...]
    complete: bool
    temperature_c: Mapping[str, float] = field(default_factory=dict)

    def board(self, identity: BoardIdentity) -> BoardIdentity:
        """A board as it was named at its captures, with what is known since."""
        after = self.temperature_c.get(identity.name)
        if after is None:
            return identity
        temperature = replace(identity.temperature_c or Temperature(), after=after)
        return replace(identity, temperature_c=temperature)


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
        hold_while_open(self._file)
        self._append({"schema": RUN_LOG_SCHEMA.newest, **write_record(LogLine(run=info))})

    def skip(self, skip: Skip) -> None:
        """A combination that the board can't run."""
        self._append(write_record(LogLine(skip=skip)))

    def error(self, error: ErrorRecord) -> None:
        """A combination without a trustworthy measurement."""
        self._append(write_record(LogLine(error=error)))

    def finish(self, duration_s: float, temperature_c: Mapping[str, float] | None = None) -> None:
        """The run came to its end; ``temperature_c`` as in :class:`RunEnd`."""
        try:
            self._append(write_record(LogLine(end=RunEnd(duration_s, temperature_c or {}))))
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

    Raises :class:`~hil.model.errors.CaptureError` when there is none, it is of a newer schema, or
    a line is not what :class:`RunLog` writes.
    """
    whole = _read_part(captures / LOG_NAME)
    for path in sorted(captures.glob("run-*.jsonl")):
        part = _read_part(path)
        whole = replace(
            whole,
            skipped=(*whole.skipped, *part.skipped),
            errors=(*whole.errors, *part.errors),
            complete=whole.complete and part.complete,
            temperature_c={**whole.temperature_c, **part.temperature_c},
        )
    return whole


def _read_part(path: Path) -> RunRecord:
    info: RunInfo | None = None
    skipped: list[Skip] = []
    errors: list[ErrorRecord] = []
    complete = False
    temperature_c: Mapping[str, float] = {}
    schema: int | None = None
    number = 0
    try:
        with TextIOWrapper(open_stored(path, MAX_LOG_BYTES), "utf-8", "replace") as lines:
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
                    temperature_c = line.end.temperature_c
    except OSError as error:
        raise CaptureError(f"{path}: no run to read here ({error.strerror})") from None
    if info is None:
        raise CaptureError(f"{path}: the log has no beginning; not a run's folder?")
    return RunRecord(info, tuple(skipped), tuple(errors), complete, temperature_c)


def _read_line(text: str, schema: int | None) -> tuple[LogLine, int]:
    """A line of the log and the schema of it and those behind; the first line tells its own."""
    entry = parse_json(text)
    if not isinstance(entry, dict):
        raise CaptureError("not an object")
    if "schema" in entry or schema is None:
        schema = RUN_LOG_SCHEMA.check(entry.get("schema"))
    entry = RUN_LOG_SCHEMA.upgrade(entry, schema)
    return read_record(LogLine, {key: entry[key] for key in entry if key != "schema"}), schema


def write_results(path: Path, results: Results) -> None:
    """Write ``results.json`` in one step; raises :class:`ConfigurationError` if it can't."""
    write_json_atomically(path, build_results(results))


def read_results(path: Path) -> Results:
    """Read and check a ``results.json``.

    Raises :class:`ConfigurationError` when the file can't be read and :class:`CaptureError` when
    what it holds is not a ``results.json`` that this version reads; the line names the place.
    """
    return read_whole(path, parse_results)


CHANGES_NAME = "changes.json"
"""The file's name in a run's folder."""


def write_changes(path: Path, comparison: Comparison) -> None:
    """Write ``changes.json`` in one step; raises :class:`ConfigurationError` if it can't."""
    write_json_atomically(path, build_changes(comparison))


def read_changes(path: Path) -> Comparison:
    """Read and check a ``changes.json``.

    Raises :class:`ConfigurationError` when the file can't be read and :class:`CaptureError` when
    what it holds is not a ``changes.json`` that this version reads; the line names the place.
    """
    return read_whole(path, parse_changes)
