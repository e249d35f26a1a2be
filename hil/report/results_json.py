"""``results.json``, schema 1: every number of the report, written once and read strictly.

A figure that is not finite is never written: a value becomes an entry of ``errors``, a bound
becomes ``null`` with a note.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from hil.metrics import load_rank, metric_rank, technique_rank
from hil.records import BoardIdentity, ErrorRecord, Measurement, RunInfo, Skip
from hil.report.strict_json import ObjectReader, parse_document
from hil.report.whole_file import read_whole, write_json
from hil.results import Results
from hil.schema import Schema

SCHEMA: Schema[dict[str, Any]] = Schema("a results.json", 1)

_RUN = ("id", "started_utc", "duration_s", "profile", "harness_version", "host", "source")
_BOARD = (
    *("name", "port", "platform", "machine", "micropython", "cpu_hz", "unique_id"),
    *("tick_resolution_us", "tick_period", "capabilities", "stamp_cost_us"),
)
_MEASUREMENT = (
    *("board", "technique", "load", "task", "metric", "unit"),
    *("value", "lo", "hi", "confidence", "n", "budget", "verdict"),
)
_SKIP = ("board", "technique", "load", "reason")
_ERROR = ("board", "technique", "load", "error", "detail")
_CLOCKS = ("real", "virtual")
_SOURCES = ("hardware", "emulator", "sim", "replay")
_VERDICTS = ("pass", "fail", "none")


def build_results(results: Results) -> dict[str, Any]:
    """The JSON object of a run: plain types, finite numbers, the same order every time.

    Boards keep their order; the rest is sorted by board, technique, load, task, metric, method.
    """
    ranks = {board.name: index for index, board in enumerate(results.boards)}

    def place(board: str, technique: str, load: str) -> tuple[Any, ...]:
        return (ranks.get(board, len(ranks)), board, technique_rank(technique), load_rank(load))

    measurements, errors = [], list(results.errors)
    for one in results.measurements:
        if math.isfinite(one.value) and math.isfinite(one.confidence):
            measurements.append(one)
        else:
            task = "" if one.task is None else f" of task {one.task}"
            text = f"{one.metric}{task} is not a finite number"
            errors.append(ErrorRecord(one.board, one.technique, one.load, text, one.note or ""))
    measurements.sort(
        key=lambda m: (
            *place(m.board, m.technique, m.load),
            -1 if m.task is None else m.task,
            metric_rank(m.metric),
            m.method or "",
        )
    )
    skipped = sorted(
        results.skipped, key=lambda s: (*place(s.board, s.technique, s.load), s.reason)
    )
    errors.sort(key=lambda e: (*place(e.board, e.technique, e.load), e.error, e.detail))
    return {
        "schema": SCHEMA.newest,
        "run": {key: _plain(getattr(results.run, key)) for key in _RUN},
        "boards": [
            {k: _plain(getattr(board, k)) for k in (*_BOARD, "clock")} for board in results.boards
        ],
        "measurements": [_measurement(one) for one in measurements],
        "skipped": [{key: getattr(skip, key) for key in _SKIP} for skip in skipped],
        "errors": [{key: getattr(error, key) for key in _ERROR} for error in errors],
    }


def write_results(path: Path, results: Results) -> None:
    """Write ``results.json`` in one step; raises :class:`ConfigurationError` if it can't."""
    write_json(path, build_results(results))


def read_results(path: Path) -> Results:
    """Read and check a ``results.json``.

    Raises :class:`ConfigurationError` when the file can't be read and :class:`CaptureError` when
    what it holds is not a ``results.json`` of this schema; the line names the place.
    """
    return read_whole(path, parse_results)


def parse_results(raw: bytes) -> Results:
    """The records in the bytes of a ``results.json``; raises :class:`CaptureError`."""
    reader = parse_document(raw, SCHEMA, ("run", "boards", "measurements", "skipped", "errors"))
    run = _read_run(reader.object("run"))
    return Results(
        run=run,
        boards=tuple(_read_board(r, run) for r in reader.objects("boards")),
        measurements=tuple(_read_measurement(r) for r in reader.objects("measurements")),
        skipped=tuple(_read_skip(r) for r in reader.objects("skipped")),
        errors=tuple(_read_error(r) for r in reader.objects("errors")),
    )


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _measurement(one: Measurement) -> dict[str, Any]:
    item: dict[str, Any] = {key: getattr(one, key) for key in _MEASUREMENT}
    note = one.note
    for key in ("value", "confidence"):
        item[key] = float(item[key])
    item["n"] = int(item["n"])
    for key in ("lo", "hi", "budget"):
        number = item[key]
        if number is None:
            continue
        item[key] = float(number) if math.isfinite(number) else None
        if item[key] is None:
            text = f"{key} has no finite value"
            note = f"{note}; {text}" if note else text
    if one.method is not None:
        item["method"] = one.method
    if note is not None:
        item["note"] = note
    return item


def _read_run(r: ObjectReader) -> RunInfo:
    r.keys(_RUN)
    return RunInfo(
        id=r.text("id"),
        started_utc=r.text("started_utc"),
        duration_s=r.number("duration_s"),
        profile=r.text("profile"),
        harness_version=r.text("harness_version"),
        host=r.text("host"),
        source=r.choice("source", _SOURCES),
    )


def _read_board(r: ObjectReader, run: RunInfo) -> BoardIdentity:
    r.keys(_BOARD, ("clock",))
    return BoardIdentity(
        name=r.text("name"),
        port=r.text("port"),
        source=run.source,
        platform=r.text("platform"),
        machine=r.text("machine"),
        micropython=r.text("micropython"),
        tick_period=r.integer("tick_period"),
        cpu_hz=r.opt_integer("cpu_hz"),
        unique_id=r.opt_text("unique_id"),
        tick_resolution_us=r.opt_number("tick_resolution_us"),
        stamp_cost_us=r.opt_number("stamp_cost_us"),
        capabilities=r.texts("capabilities"),
        clock=r.choice("clock", _CLOCKS) if r.opt_text("clock") else "real",
    )


def _read_measurement(r: ObjectReader) -> Measurement:
    r.keys(_MEASUREMENT, ("method", "note"))
    return Measurement(
        board=r.text("board"),
        technique=r.text("technique"),
        load=r.text("load"),
        task=r.opt_integer("task"),
        metric=r.text("metric"),
        unit=r.text("unit"),
        value=r.number("value"),
        lo=r.opt_number("lo"),
        hi=r.opt_number("hi"),
        n=r.integer("n"),
        confidence=r.number("confidence"),
        method=r.opt_text("method"),
        note=r.opt_text("note"),
        budget=r.opt_number("budget"),
        verdict=r.choice("verdict", _VERDICTS),
    )


def _read_skip(r: ObjectReader) -> Skip:
    r.keys(_SKIP)
    return Skip(r.text("board"), r.text("technique"), r.text("load"), r.text("reason"))


def _read_error(r: ObjectReader) -> ErrorRecord:
    r.keys(_ERROR)
    return ErrorRecord(
        r.text("board"), r.text("technique"), r.text("load"), r.text("error"), r.text("detail")
    )
