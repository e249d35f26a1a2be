"""Parquet and CSV: read by Polars and DuckDB where they are, by Arrow and Python's csv anywhere."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from hil.model.printable import cell_text
from hil.recording.stored_run import CaptureStream
from hil.report.exports import stamp_table
from hil.report.exports.stamp_table import COLUMNS, write_csv, write_parquet

from .conftest import HOSTILE, N, truth

pytest.importorskip("pyarrow", reason="pip install -e '.[export]'")


def expected() -> dict[str, list]:
    """The whole table, from the stamps as they were before they were stored."""
    table: dict[str, list] = {column.name: [] for column in COLUMNS}
    for number, names in ((1, ("sim", "timer_soft", "idle")), (2, (HOSTILE,) * 3)):
        for task in (0, 1):
            stored = np.arange(N)
            if number == 1:
                stored = np.r_[0:100, 105:N] if task == 0 else np.r_[0 : N - 7]
            on, late = (times[stored] for times in truth(number, task))
            for name, text in zip(("board", "technique", "load"), names, strict=True):
                table[name] += [text] * len(stored)
            table["task"] += [task] * len(stored)
            table["k"] += stored.tolist()
            table["intended_us"] += [float(intended_us) for intended_us in on - late]
            table["stamp_us"] += on.tolist()
            table["lateness_us"] += [float(late_us) for late_us in late]
            lost = [5 if number == 1 and task == 0 and k == 105 else 0 for k in stored]
            table["lost_before"] += lost
            table["window_number"] += [1] * len(stored)
    return table


@pytest.fixture
def parquet(run_folder, tmp_path, monkeypatch):
    path = tmp_path / "a.parquet"
    assert write_parquet(path, CaptureStream(run_folder)) == 4 * N - 12
    return path


@pytest.fixture
def table_csv(run_folder, tmp_path):
    path = tmp_path / "a.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        assert write_csv(stream, CaptureStream(run_folder)) == 4 * N - 12
    return path


def test_arrow_reads_types_units_and_what_is_missing(parquet):
    from pyarrow import parquet as reader

    table = reader.read_table(parquet)
    assert table.to_pydict() == expected()
    assert {column.name: str(column.type) for column in table.schema if column.name not in
            ("board", "technique", "load")} == {
        "task": "int32", "k": "int64", "intended_us": "double", "stamp_us": "int64",
        "lateness_us": "double", "lost_before": "int64", "window_number": "int32",
    }  # fmt: skip
    assert table.schema.field("lateness_us").metadata[b"unit"] == b"us"
    tracks = json.loads(reader.read_metadata(parquet).metadata[b"hil"])["tracks"]
    assert [(track["task"], track["lost"], track["dropped"]) for track in tracks] == [
        (0, 5, 0), (1, 0, 7), (0, 0, 0), (1, 0, 0),
    ]  # fmt: skip
    assert tracks[2]["board"] == HOSTILE
    assert tracks[0]["period_us"] == 10_000


def test_a_long_task_is_several_row_groups(run_folder, tmp_path, monkeypatch):
    from pyarrow import parquet as reader

    monkeypatch.setattr(stamp_table.stamp_rows, "__defaults__", (64,))
    path = tmp_path / "b.parquet"
    write_parquet(path, CaptureStream(run_folder))
    groups = reader.ParquetFile(path)
    sizes = [groups.metadata.row_group(at).num_rows for at in range(groups.num_row_groups)]
    assert max(sizes) == 64
    assert groups.read().to_pydict() == expected()


def test_csv_reads_back_as_the_same_numbers(table_csv):
    with table_csv.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    wanted = expected()
    for name, column in wanted.items():
        kind = type(column[0])
        assert [kind(row[name]) for row in rows] == column, name


def test_polars_reads_both(parquet, table_csv):
    polars = pytest.importorskip("polars", reason="pip install polars")
    wanted = expected()
    for frame in (polars.read_parquet(parquet), polars.read_csv(table_csv)):
        assert frame.cast({"board": polars.String, "technique": polars.String,
                           "load": polars.String}).to_dict(as_series=False) == wanted  # fmt: skip


def test_duckdb_reads_both(parquet, table_csv):
    duckdb = pytest.importorskip("duckdb", reason="pip install duckdb")
    wanted = expected()
    for reader in (f"read_parquet('{parquet}')", f"read_csv('{table_csv}')"):
        rows = duckdb.sql(f"SELECT {', '.join(wanted)} FROM {reader}").fetchall()
        # a table has no order of its own
        assert sorted(rows) == sorted(zip(*wanted.values(), strict=True))


def test_a_name_is_never_a_formula():
    assert cell_text("=HYPERLINK(1)") == "'=HYPERLINK(1)"
    assert cell_text("\t=1") == "'\t=1"
    assert cell_text("sim:ppm=40") == "sim:ppm=40"
    assert cell_text("a\udc80") == "a\\udc80"
