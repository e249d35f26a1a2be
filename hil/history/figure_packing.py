"""The figures of a board in one run as few rows: one a metric, and the details of all.

A **set** holds one metric's figures of all cases: which case (its position in the run), task,
method, source, unit, value, bounds, n and verdict, as columns; a column of equal entries is that
entry. So a trend of one metric, or a night over all boards, reads one small row a board. The
**details** of all figures together (notes, uncertainties, windows, and whatever else a record
holds) are read with the whole run only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.history.column_values import (
    number,
    number_or_none,
    text,
    text_or_none,
    whole,
    whole_or_none,
)
from hil.history.number_packing import pack_json, unpack_json
from hil.history.stamp_packing import finite_or_none
from hil.model.captures import BOARD_SOURCE
from hil.model.codec import read_record, write_record
from hil.model.errors import CaptureError
from hil.model.printable import database_text
from hil.model.results import Measurement, staged_method

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from typing import Any

MOST_DETAILS = 2000
"""The most figures whose details are in one row."""
_CASE = ("board", "technique", "load")
_IN_SET = ("task", "method", "source", "unit", "value", "lo", "hi", "n", "verdict")
_COLUMNS = len(_IN_SET) + 2
_MOST_FIGURES = 200_000


@dataclass(frozen=True, slots=True)
class StoredFigure:
    """A figure out of a set; ``position`` is that of its case in the run of its board.

    ``method`` is that of :func:`~hil.model.results.staged_method`.
    """

    position: int
    task: int | None
    method: str | None
    source: str
    unit: str
    value: float
    lo: float | None
    hi: float | None
    n: int
    verdict: str


@dataclass(frozen=True, slots=True)
class PackedFigures:
    """All figures of a board in a run: the sets by metric, and the details in rows of them."""

    sets: Mapping[str, bytes]
    details: tuple[bytes, ...]


def pack_figures(cases: Sequence[Iterable[Measurement]]) -> PackedFigures:
    """The figures of a board's cases, in the order of these; those without a value are left out."""
    by_metric: dict[str, list[tuple[int, int, Measurement]]] = {}
    count = 0
    for position, measurements in enumerate(cases):
        for measurement in measurements:
            if finite_or_none(measurement.value) is not None:
                metric = database_text(measurement.metric, 100)
                by_metric.setdefault(metric, []).append((count, position, measurement))
                count += 1
    sets = {metric: _pack_set(metric, figures) for metric, figures in by_metric.items()}
    details = []
    for begin in range(0, count, MOST_DETAILS):
        part = {
            metric: [row for row in figures if begin <= row[0] < begin + MOST_DETAILS]
            for metric, figures in by_metric.items()
        }
        details.append(_pack_details({metric: rows for metric, rows in part.items() if rows}))
    return PackedFigures(sets, tuple(details))


def _pack_set(metric: str, figures: Sequence[tuple[int, int, Measurement]]) -> bytes:
    records = [figure for _, _, figure in figures]
    staged = [staged_method(metric, m.method, m.note) for m in records]
    methods = [m.method for m in records]
    columns: list[list[Any]] = [
        [position for _, position, _ in figures],
        [m.task for m in records],
        methods,
        [m.source for m in records],
        [m.unit for m in records],
        [float(m.value) for m in records],
        [finite_or_none(m.lo) for m in records],
        [finite_or_none(m.hi) for m in records],
        [int(m.n) for m in records],
        [m.verdict for m in records],
        staged if staged != methods else [None],
    ]
    return pack_json([_shortened(column) for column in columns])


def _pack_details(by_metric: Mapping[str, Sequence[tuple[int, int, Measurement]]]) -> bytes:
    """Columns over all figures, metric by metric; a key that a record lacks has none there."""
    records = [
        {key: value for key, value in write_record(m).items() if key not in _LEFT_OUT}
        for rows in by_metric.values()
        for _, _, m in rows
    ]
    keys = list(dict.fromkeys(key for record in records for key in record))
    # where some records lack a key, null stands for that, but for these indices
    nulls = [
        [index for index, record in enumerate(records) if key in record and record[key] is None]
        if any(key not in record for record in records)
        else None
        for key in keys
    ]
    names = list(by_metric)
    order = sorted(
        (row[0], index) for index, metric in enumerate(names) for row in by_metric[metric]
    )
    return pack_json(
        {
            "metrics": names,
            "order": [index for _, index in order],
            "keys": keys,
            "nulls": nulls,
            "columns": [_shortened([record.get(key) for record in records]) for key in keys],
        }
    )


_LEFT_OUT = frozenset((*_CASE, *_IN_SET, "metric"))


def _shortened(column: list[Any]) -> Any:
    """A column, or its only entry where all are equal; an entry that is a list stays in one."""
    first = column[0]
    shown = repr(first)  # -0.0 is another number than 0.0, and 1 than 1.0
    alike = all(repr(entry) == shown for entry in column)
    return first if alike and not isinstance(first, list) else column


def unpack_set(data: bytes) -> Iterator[StoredFigure]:
    """The figures of one metric.

    Raises :class:`~hil.model.errors.CaptureError` or ``ValueError`` for what no version writes.
    """
    for row in zip(*set_columns(data), strict=True):
        position, task, method, source, unit, value, lo, hi, n, verdict, staged = row
        yield StoredFigure(
            position=whole(position),
            task=whole_or_none(task),
            method=text_or_none(method if staged is None else staged),
            source=text(source),
            unit=text(unit),
            value=number(value),
            lo=number_or_none(lo),
            hi=number_or_none(hi),
            n=whole(n),
            verdict=text(verdict),
        )


def worst_by_case(data: bytes) -> Iterator[tuple[int, float]]:
    """Position and largest value of each case's tasks, by the board's own stamps.

    What was measured by a method of its own is left out. Errors as for :func:`unpack_set`.
    """
    positions, _, methods, sources, _, values, *_ = set_columns(data)
    worst: dict[int, float] = {}
    for position, method, source, value in zip(positions, methods, sources, values, strict=True):
        if method is None and source == BOARD_SOURCE:
            before = worst.get(position)
            if before is None or number(value) > before:
                worst[whole(position)] = number(value)
    yield from worst.items()


def set_columns(data: bytes) -> list[list[Any]]:
    """The columns of a set, all of one length; see :func:`unpack_set`."""
    columns = unpack_json(data)
    if not isinstance(columns, list) or len(columns) != _COLUMNS:
        raise CaptureError("figures in the history are damaged: not the columns of a set")
    counts = {len(column) for column in columns if isinstance(column, list)} or {1}
    count = counts.pop()
    if counts or count > _MOST_FIGURES:
        raise CaptureError("figures in the history are damaged: columns of different lengths")
    return [_whole_column(column, count) for column in columns]


def _whole_column(column: Any, count: int) -> Any:
    return column if isinstance(column, list) else [column] * count


def unpack_figures(
    sets: Mapping[str, bytes],
    details: Sequence[bytes],
    cases: Sequence[tuple[str, str]],
    board: str,
    wanted: Collection[str] | None = None,
) -> list[list[Measurement]]:
    """The figures of each of a board's ``cases`` (technique and load), as they were packed.

    Of the details only those fields that are ``wanted`` are read, by default all.

    Raises :class:`~hil.model.errors.CaptureError` or ``ValueError`` for what no version writes.
    """
    rows = {metric: zip(*set_columns(data), strict=True) for metric, data in sets.items()}
    figures: list[list[Measurement]] = [[] for _ in cases]
    for part in details:
        for metric, detail in _unpack_details(part, wanted):
            row = next(rows.get(metric, iter(())), None)
            if row is None:
                raise CaptureError("figures in the history are damaged: details of no figure")
            position, *values, _ = row
            if not 0 <= whole(position) < len(cases):
                raise CaptureError("figures in the history are damaged: a figure of no case")
            technique, load = cases[position]
            record = dict(zip(_IN_SET, values, strict=True))
            for key in ("value", "lo", "hi"):
                number_or_none(record[key])
            named = {"board": board, "technique": technique, "load": load, "metric": metric}
            figures[position].append(
                read_record(Measurement, {**detail, **record, **named}, "the history")
            )
    if any(next(rest, None) is not None for rest in rows.values()):
        raise CaptureError("figures in the history are damaged: figures without details")
    return figures


def _unpack_details(
    data: bytes, wanted: Collection[str] | None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Metric and details of each figure, in the order in which they were packed."""
    packed = unpack_json(data)
    try:
        names, order, keys = packed["metrics"], packed["order"], packed["keys"]
        count = len(order)
        if count > MOST_DETAILS or not all(isinstance(key, str) for key in (*keys, *names)):
            raise ValueError("malformed details")
        stored = list(zip(keys, packed["columns"], packed["nulls"], strict=True))
        if wanted is not None:
            stored = [field for field in stored if field[0] in wanted]
        keys = [key for key, _, _ in stored]
        columns = [_whole_column(column, count) for _, column, _ in stored]
        records = [dict(zip(keys, values, strict=True)) for values in zip(*columns, strict=True)]
        records = records or [{} for _ in order]
        for key, _, indices in stored:
            for index, record in enumerate(records if indices is not None else ()):
                if record[key] is None and index not in indices:
                    del record[key]
        begins: list[int] = []
        for index in range(len(names)):
            begins.append(begins[-1] + order.count(index - 1) if index else 0)
        for index in order:
            yield names[index], records[begins[index]]
            begins[index] += 1
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        text_of = f"figures in the history are damaged: {str(error)[:80]}"
        raise CaptureError(text_of) from None
