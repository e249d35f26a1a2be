"""``changes.json``, schema 1: what a run's comparison with its past found."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from hil.report.strict_json import ObjectReader, parse_document
from hil.report.whole_file import read_whole, write_json
from hil.results import Change, Comparison
from hil.schema import Schema

SCHEMA: Schema[dict[str, Any]] = Schema("a changes.json", 1)
NAME = "changes.json"
"""The file's name in a run's folder."""
_CHANGE = (
    *("board", "technique", "load", "task", "method", "metric", "unit", "trend"),
    *("before", "after", "lo", "hi", "confidence", "runs", "note"),
)
_TRENDS = ("worse", "better", "same", "unclear")


def build_changes(comparison: Comparison) -> dict[str, Any]:
    """The JSON object: plain types, finite numbers; what has none is told in ``absent``."""
    good = [
        one for one in comparison.changes if math.isfinite(one.before) and math.isfinite(one.after)
    ]
    lost = [
        f"{one.technique}, {one.load}, {one.board}: {one.metric} is not a finite number"
        for one in comparison.changes
        if one not in good
    ]
    return {
        "schema": SCHEMA.newest,
        "against": comparison.against,
        "changes": [{key: _plain(getattr(one, key)) for key in _CHANGE} for one in good],
        "absent": [*comparison.absent, *lost],
    }


def write_changes(path: Path, comparison: Comparison) -> None:
    """Write ``changes.json`` in one step; raises :class:`ConfigurationError` if it can't."""
    write_json(path, build_changes(comparison))


def read_changes(path: Path) -> Comparison:
    """Read and check a ``changes.json``.

    Raises :class:`ConfigurationError` when the file can't be read and :class:`CaptureError` when
    what it holds is not a ``changes.json`` of this schema; the line names the place.
    """
    return read_whole(path, parse_changes)


def parse_changes(raw: bytes) -> Comparison:
    """The records in the bytes of a ``changes.json``; raises :class:`CaptureError`."""
    reader = parse_document(raw, SCHEMA, ("against", "changes", "absent"))
    return Comparison(
        against=reader.text("against"),
        changes=tuple(_read_change(one) for one in reader.objects("changes")),
        absent=reader.texts("absent"),
    )


def _read_change(r: ObjectReader) -> Change:
    r.keys(_CHANGE)
    return Change(
        board=r.text("board"),
        technique=r.text("technique"),
        load=r.text("load"),
        task=r.opt_integer("task"),
        metric=r.text("metric"),
        unit=r.text("unit"),
        before=r.number("before"),
        after=r.number("after"),
        lo=r.opt_number("lo"),
        hi=r.opt_number("hi"),
        runs=r.integer("runs"),
        trend=r.choice("trend", _TRENDS),
        confidence=r.number("confidence"),
        method=r.opt_text("method"),
        note=r.opt_text("note"),
    )


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
