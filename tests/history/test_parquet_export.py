"""``hil export HISTORY --to parquet``: every figure, in folders that nothing in a history names."""

from __future__ import annotations

import pytest
import runs

from hil.cli.main import main
from hil.history.database import open_history
from hil.history.run_writer import add_run
from hil.report.exports.history_parquet import partition_name

parquet = pytest.importorskip("pyarrow.parquet")
MACHINES = ("Raspberry Pi Pico with RP2040", "../../etc/passwd", "", "%2e%2e/x=é\u202e", "A" * 900)


def night(seed, machine):
    return runs.night(seed, of=runs.board(f"port{seed}", unique_id=f"id{seed}", machine=machine))


@pytest.fixture
def filled(location):
    with open_history(location) as history:
        for seed, machine in enumerate(MACHINES):
            add_run(history, night(seed, machine))
    return location


def exported(address, tmp_path, capsys):
    out = tmp_path / "sets"
    assert main(["export", address, "--to", "parquet", "--out", str(out)]) == 0
    return out, capsys.readouterr().out


def test_every_figure_is_there_with_its_value(filled, address, tmp_path, capsys):
    out, said = exported(address, tmp_path, capsys)
    rows = parquet.read_table(out).to_pylist()
    expected = sorted(
        (f"id{seed}", case.technique, m.metric, m.task or 0, m.value, m.lo, m.hi, m.n, m.verdict)
        for seed, machine in enumerate(MACHINES)
        for case in night(seed, machine).boards[0].cases
        for m in case.measurements
    )
    keys = ("key", "technique", "metric", "task", "value", "lo", "hi", "n", "figure_verdict")
    shown = [tuple(row[key] if key != "task" else row[key] or 0 for key in keys) for row in rows]
    assert sorted(shown, key=repr) == sorted(expected, key=repr)
    assert f"{len(expected)} figures in {len(MACHINES)} files" in said
    assert {row["month"] for row in rows} == {"2026-11"}
    assert {MACHINES[0], MACHINES[1], MACHINES[3]} <= {row["machine"] for row in rows}


def test_names_are_no_paths(filled, address, tmp_path, capsys):
    out, _ = exported(address, tmp_path, capsys)
    files = [path.relative_to(out) for path in out.rglob("*") if path.is_file()]
    assert {len(path.parts) for path in files} == {3}
    assert all(len(part) < 256 for path in files for part in path.parts)
    assert sorted(path.name for path in tmp_path.iterdir() if "etc" in path.name) == []
    for machine in ("..", "a/b", "a\\b", "\x00", "\ud800"):
        name = partition_name("machine", machine)
        assert "/" not in name
        assert name.startswith("machine=")
        assert "\x00" not in name


def test_rows_are_written_as_they_come(filled, address, tmp_path, capsys, monkeypatch):
    """With room for few rows and one open file the data set is the same."""
    whole, _ = exported(address, tmp_path / "a", capsys)
    monkeypatch.setattr("hil.report.exports.history_parquet._ROWS_AT_ONCE", 10)
    monkeypatch.setattr("hil.report.exports.history_parquet._MOST_OPEN", 1)
    monkeypatch.setattr("hil.history.figure_stream._BOARDS_AT_ONCE", 2)
    parts, _ = exported(address, tmp_path / "b", capsys)

    def rows(folder):
        return sorted(map(repr, parquet.read_table(folder).to_pylist()))

    assert rows(parts) == rows(whole)


def test_what_can_t_be_written_is_one_line(filled, address, tmp_path, capsys):
    (tmp_path / "there").mkdir()
    for words, text in (
        (["--to", "parquet", "--out", str(tmp_path / "there")], "is there already"),
        (["--to", "csv", "--out", str(tmp_path / "new")], "--to parquet only"),
        (["--to", "parquet", "--out", "-"], "a folder of files"),
    ):
        assert main(["export", address, *words]) == 1
        said = capsys.readouterr().err
        assert text in said
        assert said.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["there"]


def test_other_programs_read_it(filled, address, tmp_path, capsys):
    duckdb = pytest.importorskip("duckdb")
    polars = pytest.importorskip("polars")
    out, _ = exported(address, tmp_path, capsys)
    count = parquet.read_table(out).num_rows
    where = f"read_parquet('{out}/**/*.parquet', hive_partitioning=true)"
    query = f"SELECT machine, month, count(*) FROM {where} GROUP BY ALL"
    by_duckdb = {(row[0], row[1]): row[2] for row in duckdb.sql(query).fetchall()}
    frame = polars.scan_parquet(out, hive_partitioning=True)
    frame = frame.group_by("machine", "month").agg(polars.len()).collect()
    by_polars = {(row[0], row[1]): row[2] for row in frame.rows()}
    assert sum(by_duckdb.values()) == sum(by_polars.values()) == count
    for machine in (MACHINES[0], MACHINES[1]):
        assert by_duckdb[machine, "2026-11"] == by_polars[machine, "2026-11"] > 0
