"""One row a stamp: Parquet and CSV, the same columns in both."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from hil import __version__
from hil.analysis.activations import Activations, assign
from hil.records import Capture, Track
from hil.report.export.files import package, replacing
from hil.report.export.names import cell_text, unicode_text
from hil.report.export.stamps import Rows, rows_of


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its type in Arrow's words, unit and meaning."""

    name: str
    kind: str
    unit: str
    meaning: str


COLUMNS = (
    Column("board", "text", "", "the board's name in the run"),
    Column("technique", "text", "", "scheduling technique"),
    Column("load", "text", "", "background load"),
    Column("task", "int32", "", "the task's index"),
    Column("k", "int64", "", "the release that this activation answers"),
    Column("intended_us", "float64", "us", "when the release was due, on the board's clock"),
    Column("stamp_us", "int64", "us", "when the task ran, on the board's clock, unwrapped"),
    Column(
        "lateness_us", "float64", "us", "stamp_us - intended_us, cost of the clock not taken off"
    ),
    Column("lost_before", "int64", "", "stamps that the wire lost right before this one"),
)


def write_parquet(path: Path, source: Iterable[Capture]) -> int:
    """Write the table with a row group for every piece of a task; how many rows it has.

    Names are dictionary-encoded; each column's unit is in its metadata, and under the key ``hil``
    what was dropped or lost, by case. Memory: one capture and its analysis.
    """
    arrow = package("pyarrow", "pyarrow", "parquet")
    parquet = package("pyarrow.parquet", "pyarrow", "parquet")
    text = arrow.dictionary(arrow.int32(), arrow.string())
    kinds = {"text": text, **{one: getattr(arrow, one)() for one in ("int32", "int64", "float64")}}
    schema = arrow.schema(
        [
            arrow.field(c.name, kinds[c.kind], False, {"unit": c.unit, "description": c.meaning})
            for c in COLUMNS
        ]
    )
    count, about = 0, []
    with (
        replacing(path) as temporary,
        parquet.ParquetWriter(temporary, schema, compression="zstd") as writer,
    ):
        for capture, track in _tracks(source):
            activations = assign(track, capture.plan.technique)
            about.append(_about(capture, track, activations))
            labels = [unicode_text(one) for one in _labels(capture)]
            for rows in rows_of(track, activations):
                place = np.zeros(rows.n, np.int32)
                names = [arrow.DictionaryArray.from_arrays(place, [one]) for one in labels]
                numbers = _numbers(track, rows)
                columns = names + [
                    arrow.array(values, kinds[column.kind])
                    for values, column in zip(numbers, COLUMNS[len(names) :], strict=True)
                ]
                writer.write_table(arrow.Table.from_arrays(columns, schema=schema))
                count += rows.n
        said = {"schema": 1, "harness_version": __version__, "tracks": about}
        writer.add_key_value_metadata({"hil": json.dumps(said)})
    return count


def write_csv(stream: TextIO, source: Iterable[Capture]) -> int:
    """Write the table with a line of headings; how many rows it has.

    Numbers are written so that they are read back as the same. A name that a spreadsheet would
    take for a formula has a ``'`` before it.
    """
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([column.name for column in COLUMNS])
    count = 0
    for capture, track in _tracks(source):
        head = tuple(cell_text(one) for one in _labels(capture))
        for rows in rows_of(track, assign(track, capture.plan.technique)):
            columns = [values.tolist() for values in _numbers(track, rows)[1:]]
            writer.writerows((*head, track.index, *cells) for cells in zip(*columns, strict=True))
            count += rows.n
    return count


def _tracks(source: Iterable[Capture]) -> Iterator[tuple[Capture, Track]]:
    for capture in source:
        for track in capture.tracks:
            yield capture, track


def _labels(capture: Capture) -> tuple[str, str, str]:
    return capture.board.name, capture.plan.technique, capture.plan.load


def _numbers(track: Track, rows: Rows) -> list[NDArray[Any]]:
    task = np.full(rows.n, track.index, np.int32)
    return [task, rows.k, rows.intended_us, rows.stamp_us, rows.lateness_us, rows.lost_before]


def _about(capture: Capture, track: Track, activations: Activations) -> dict[str, Any]:
    """What of a task is not in its rows."""
    labels = [unicode_text(one) for one in _labels(capture)]
    return {
        **dict(zip(("board", "technique", "load"), labels, strict=True)),
        "task": track.index,
        "period_us": track.period_us,
        "origin_us": track.origin_us,
        "end_us": track.end_us,
        "rule": activations.rule,
        "missed": activations.missed,
        "dropped": activations.dropped,
        "lost": activations.lost,
    }
