"""Stamps as rows, the same columns in Parquet and CSV; one row an activation.

Stamps are never made up: what the recorder dropped or the wire lost is counted beside those that
are there. Of a truncated capture, what came before its end is exported.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil import __version__
from hil.analysis.activations import activations_of
from hil.model.printable import cell_text, unicode_text
from hil.report.exports.export_format import require_package

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import Any, TextIO

    from numpy.typing import NDArray

    from hil.analysis.activations import Activations
    from hil.model.captures import Capture, FloatArray, IntArray, StampArray, Track


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
    Column("k", "int64", "", "the release that this activation answers; -1: none"),
    Column("intended_us", "float64", "us", "when the release was due, on the board's clock"),
    Column("stamp_us", "int64", "us", "when the task ran, on the board's clock, unwrapped"),
    Column(
        "lateness_us", "float64", "us", "stamp_us - intended_us, cost of the clock not taken off"
    ),
    Column("lost_before", "int64", "", "stamps that the wire lost right before this one"),
    Column("window_number", "int32", "", "the window of the case, from 1 on"),
)


def write_parquet(path: Path, source: Iterable[Capture]) -> int:
    """Write the table with a row group for every piece of a task; how many rows it has.

    Names are dictionary-encoded; each column's unit is in its metadata, and under the key ``hil``
    what was dropped or lost, by case. Memory: one capture and its analysis.
    """
    arrow = require_package("pyarrow", "pyarrow", "parquet")
    parquet = require_package("pyarrow.parquet", "pyarrow", "parquet")
    text = arrow.dictionary(arrow.int32(), arrow.string())
    kinds = {
        "text": text,
        **{kind: getattr(arrow, kind)() for kind in ("int32", "int64", "float64")},
    }
    schema = arrow.schema(
        [
            arrow.field(c.name, kinds[c.kind], False, {"unit": c.unit, "description": c.meaning})
            for c in COLUMNS
        ]
    )
    count, about = 0, []
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for capture, track in _tracks(source):
            activations = activations_of(capture, track)
            about.append(_about(capture, track, activations))
            labels = [unicode_text(label) for label in _labels(capture)]
            for rows in stamp_rows(track, activations):
                indices = np.zeros(rows.n, np.int32)
                names = [arrow.DictionaryArray.from_arrays(indices, [label]) for label in labels]
                numbers = _numbers(track, rows)
                columns = names + [
                    arrow.array(values, kinds[column.kind])
                    for values, column in zip(numbers, COLUMNS[len(names) :], strict=True)
                ]
                writer.write_table(arrow.Table.from_arrays(columns, schema=schema))
                count += rows.n
        facts = {"schema": 1, "harness_version": __version__, "tracks": about}
        writer.add_key_value_metadata({"hil": json.dumps(facts)})
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
        head = tuple(cell_text(label) for label in _labels(capture))
        for rows in stamp_rows(track, activations_of(capture, track)):
            columns = [values.tolist() for values in _numbers(track, rows)[1:]]
            writer.writerows((*head, track.index, *cells) for cells in zip(*columns, strict=True))
            count += rows.n
    return count


def _tracks(source: Iterable[Capture]) -> Iterator[tuple[Capture, Track]]:
    for capture in source:
        for track in capture.tracks:
            yield capture, track


def _labels(capture: Capture) -> tuple[str, str, str]:
    return capture.case


def _numbers(track: Track, rows: StampRows) -> list[NDArray[Any]]:
    task = np.full(rows.n, track.index, np.int32)
    timed = [rows.k, rows.intended_us, rows.stamp_us, rows.lateness_us]
    return [task, *timed, rows.lost_before, rows.window]


def _about(capture: Capture, track: Track, activations: Activations) -> dict[str, Any]:
    """What of a task is not in its rows."""
    labels = [unicode_text(label) for label in _labels(capture)]
    return {
        **dict(zip(("board", "technique", "load"), labels, strict=True)),
        "task": track.index,
        "period_us": track.period_us,
        "origin_us": track.origin_us,
        "end_us": track.end_us,
        "windows_us": [[begin, end] for begin, end in window_times_us(track)],
        "rule": activations.rule,
        "missed": activations.missed,
        "extra": int(activations.extra.size),
        "dropped": activations.dropped,
        "lost": activations.lost,
    }


ROWS_AT_ONCE = 1 << 17


@dataclass(frozen=True, slots=True)
class StampRows:
    """Activations of one task in their order; every array has the shape (n,).

    ``k`` int64, the release that each answers, -1 for an extra activation, which answers none (the
    next and ``lateness_us`` are nan then); ``intended_us`` float64 and ``stamp_us`` int64, both
    on the board's unwrapped clock; ``lateness_us`` float64, the raw difference (the figures have
    the cost of reading the clock taken off); ``lost_before`` int64, stamps that the wire lost
    between this one and the one before; ``window_number`` int32, from 1 on. Between two windows
    nothing was measured; the later one is moved to stand behind the other.
    """

    k: IntArray
    intended_us: FloatArray
    stamp_us: StampArray
    lateness_us: FloatArray
    lost_before: IntArray
    window: NDArray[np.int32]

    @property
    def n(self) -> int:
        """How many."""
        return len(self.k)


def stamp_rows(
    track: Track, activations: Activations, at_once: int = ROWS_AT_ONCE
) -> Iterator[StampRows]:
    """The ``activations`` of ``track``, at most ``at_once`` at a time."""
    n = int(track.stamps_us.size)
    later = [window.position for window in track.later_windows]
    for at in range(0, n, at_once):
        end = min(at + at_once, n)
        releases = activations.releases_of_stamps(at, end)
        grid: FloatArray = releases.astype(np.float64)
        grid *= activations.period_us
        grid[releases < 0] = np.nan
        stamps = track.stamps_us[at:end]
        yield StampRows(
            k=releases,
            intended_us=grid + float(track.origin_us),
            stamp_us=stamps,
            lateness_us=(stamps - track.origin_us) - grid,
            lost_before=lost_before(track, at, end - at),
            window=np.searchsorted(later, np.arange(at, end), side="right").astype(np.int32) + 1,
        )


def lost_before(track: Track, first: int, count: int) -> IntArray:
    """How many stamps the wire lost right before each of ``count`` stamps from ``first`` on."""
    lost = np.zeros(count, np.int64)
    for gap in track.gaps:
        if first <= gap.position < first + count:
            lost[gap.position - first] += gap.count
    return lost


def lost_after_last(track: Track) -> int:
    """Stamps that the wire lost or the recorder dropped after the last one that is known."""
    n = len(track.stamps_us)
    return track.dropped + sum(gap.count for gap in track.gaps if gap.position >= n)


def trace_begin_us(capture: Capture, lead_us: int) -> int:
    """The board time at which a trace of ``capture`` begins: ``lead_us`` before its window.

    Earlier where a stamp is; so a trace has no negative times and no edge at its very beginning.
    """
    starts = [track.origin_us - lead_us for track in capture.tracks]
    firsts = [int(t.stamps_us[0]) - 1 for t in capture.tracks if len(t.stamps_us)]
    return min(starts + firsts)


def trace_lead_us(capture: Capture) -> int:
    """The longest period, in whole microseconds: how long a trace runs before the first release."""
    return max(int(np.ceil(track.period_us)) for track in capture.tracks)


def release_times_us(track: Track) -> IntArray:
    """Every release in a window, on the board's clock, rounded to microseconds; int64."""
    firsts = [0, *(window.release for window in track.later_windows)]
    releases = [
        np.arange(first, int((end - track.origin_us) // track.period_us) + 1)
        for first, end in zip(firsts, _window_ends_us(track), strict=True)
    ]
    grid: IntArray = np.rint(np.concatenate(releases) * track.period_us).astype(np.int64)
    return grid + track.origin_us


def window_times_us(track: Track) -> list[tuple[int, int]]:
    """First release and end of each window of a task, on the board's clock."""
    firsts = [0, *(window.release for window in track.later_windows)]
    begins = [track.origin_us + round(first * track.period_us) for first in firsts]
    return list(zip(begins, _window_ends_us(track), strict=True))


def case_windows_us(capture: Capture) -> list[tuple[int, int]]:
    """From the first release of any task to the last end, for each window of a case."""
    tasks = [window_times_us(track) for track in capture.tracks]
    return [
        (min(begin for begin, _ in window), max(end for _, end in window))
        for window in zip(*tasks, strict=True)
    ]


def _window_ends_us(track: Track) -> tuple[int, ...]:
    return track.window_ends_us if track.later_windows else (track.end_us,)
