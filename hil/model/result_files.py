"""The formats of ``results.json`` (schema 2) and ``changes.json`` (schema 1), without the files.

A figure that is not finite is never written: a value becomes an entry of ``errors``, a bound
becomes ``null`` with a note.
"""

from __future__ import annotations

import math
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from hil.model.captures import BOARD_SOURCE
from hil.model.metrics import metric_rank
from hil.model.results import Comparison, ErrorRecord, Results
from hil.model.schema import Schema, read_document, write_document
from hil.model.techniques import load_rank, technique_rank

if TYPE_CHECKING:
    from typing import Any

    from hil.model.results import Measurement


def _boards_with_source(top: dict[str, Any]) -> dict[str, Any]:
    """Schema 1 told the source of the run only."""
    run, boards = top.get("run"), top.get("boards")
    if not isinstance(run, dict) or not isinstance(boards, list):
        return top  # the reader says what is wrong
    source = run.get("source")
    return {
        **top,
        "boards": [
            {"source": source, **board} if isinstance(board, dict) else board for board in boards
        ],
    }


RESULTS_SCHEMA: Schema[dict[str, Any]] = Schema(
    "a results.json", 2, MappingProxyType({1: _boards_with_source})
)
CHANGES_SCHEMA: Schema[dict[str, Any]] = Schema("a changes.json", 1)


def build_results(results: Results) -> dict[str, Any]:
    """The JSON object of a run: plain types, finite numbers, the same order every time."""
    return write_document(in_order(finite_results(results)), RESULTS_SCHEMA)


def parse_results(raw: bytes) -> Results:
    """The records in the bytes of a ``results.json`` of schema 1 or 2.

    Raises :class:`~hil.model.errors.CaptureError`, one line that names the key.
    """
    return read_document(Results, raw, RESULTS_SCHEMA)


def build_changes(comparison: Comparison) -> dict[str, Any]:
    """The JSON object: plain types, finite numbers.

    A change that has none is named in ``absent``.
    """
    finite, lost = [], []
    for change in comparison.changes:
        if math.isfinite(change.before) and math.isfinite(change.after):
            finite.append(change)
        else:
            case = f"{change.technique}, {change.load}, {change.board}"
            lost.append(f"{case}: {change.metric} is not a finite number")
    finite_comparison = replace(
        comparison, changes=tuple(finite), absent=(*comparison.absent, *lost)
    )
    return write_document(finite_comparison, CHANGES_SCHEMA)


def parse_changes(raw: bytes) -> Comparison:
    """The records in the bytes of a ``changes.json``; raises
    :class:`~hil.model.errors.CaptureError`."""
    return read_document(Comparison, raw, CHANGES_SCHEMA)


def in_order(results: Results) -> Results:
    """The records in the order of the file.

    Boards keep their order; the rest is sorted by board, technique, load, task, metric, method,
    source: the board's own figure before those of instruments.
    """
    ranks = {board.name: index for index, board in enumerate(results.boards)}

    def case(board: str, technique: str, load: str) -> tuple[Any, ...]:
        return (ranks.get(board, len(ranks)), board, technique_rank(technique), load_rank(load))

    def figure(m: Measurement) -> tuple[Any, ...]:
        task = -1 if m.task is None else m.task
        of = (metric_rank(m.metric), m.method or "", m.source != BOARD_SOURCE, m.source)
        return (*case(m.board, m.technique, m.load), task, *of)

    return replace(
        results,
        measurements=tuple(sorted(results.measurements, key=figure)),
        skipped=tuple(
            sorted(results.skipped, key=lambda s: (*case(s.board, s.technique, s.load), s.reason))
        ),
        errors=tuple(
            sorted(
                results.errors,
                key=lambda e: (*case(e.board, e.technique, e.load), e.error, e.detail),
            )
        ),
        edges=tuple(
            sorted(
                results.edges,
                key=lambda e: (*case(e.board, e.technique, e.load), e.instrument),
            )
        ),
    )


def finite_results(results: Results) -> Results:
    """The run as a file may hold it: a value that is not finite becomes an error, a bound none."""
    measurements, errors = [], list(results.errors)
    for figure in results.measurements:
        if math.isfinite(figure.value) and math.isfinite(figure.confidence):
            measurements.append(_finite_bounds(figure))
        else:
            task = "" if figure.task is None else f" of {figure.task_label}"
            text = f"{figure.metric}{task} is not a finite number"
            errors.append(
                ErrorRecord(figure.board, figure.technique, figure.load, text, figure.remarks or "")
            )
    return replace(results, measurements=tuple(measurements), errors=tuple(errors))


def _finite_bounds(figure: Measurement) -> Measurement:
    """The codec writes null for an optional number that is not finite; the note says so."""
    numbers = (("lo", figure.lo), ("hi", figure.hi), ("budget", figure.budget))
    lost = [
        f"{name} has no finite value"
        for name, number in numbers
        if number is not None and not math.isfinite(number)
    ]
    if not lost:
        return figure
    lo, hi, budget = (
        None if number is None or not math.isfinite(number) else number for _, number in numbers
    )
    note = "; ".join(filter(None, (figure.note, *lost)))
    return replace(figure, lo=lo, hi=hi, budget=budget, note=note)
