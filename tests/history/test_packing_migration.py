"""Histories of before 0005, whose figures are a row each, become packed ones without a loss."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import replace

import pytest
import runs
import sqlalchemy as sa
from old_rows import add_old_run
from test_database import migrate

from hil.history.database import History, HistoryError, _engine, open_history
from hil.history.queries import RunFilter, list_runs
from hil.history.run_reader import find_run, load_run
from hil.history.run_writer import add_run
from hil.history.sql_tables import boards, metadata
from hil.history.trend_queries import trend_lines


def two_nights():
    pair = [runs.board(f"/dev/tty{n}", unique_id=f"id{n}") for n in range(2)]
    rng = runs.np.random.default_rng(5)
    taken = [runs.capture(rng, of=board, events=30) for board in pair]
    both = runs.make_history_run(runs.results(taken, 8), taken)
    return [runs.night(1), both]


@pytest.fixture
def old(location):
    """A history of schema 0004 with two runs, one of them of two boards."""
    migrate(location, "0004")
    history = History(location, _engine(location))
    for number, run in enumerate(two_nights(), 1):
        history.write(lambda c, r=run, n=number: add_old_run(c, r, n))
    history.close()
    return location


def test_everything_comes_out_equal(old):
    with open_history(old) as history:
        for run in two_nights():
            read = load_run(history, find_run(history, run.info.id))
            assert [board.cases for board in read.boards] == [board.cases for board in run.boards]
            assert (read.fingerprint, read.verdict) == (run.fingerprint, run.verdict)
        tables = history.read(lambda c: set(sa.inspect(c).get_table_names()))
        assert tables == {*metadata.tables, "alembic_version"}
        rows = history.read(lambda c: c.execute(sa.select(boards)).all())
        assert {row.profile for row in rows} == {"quick"}
        assert {row.order_utc for row in rows} == {run.info.started_utc for run in two_nights()}


def test_what_is_added_later_stands_beside_it(old):
    with open_history(old) as history:
        name, new = add_run(history, replace(runs.night(9)))
        assert new
        assert not add_run(history, two_nights()[0])[1]  # there already, by its stamps
        lines = trend_lines(history, "lateness_p99_us", RunFilter(board="e660583883"), 10)
        assert {len(line.points) for line in lines} == {2}
        assert list_runs(history, RunFilter())[0].run == name


def test_a_damaged_one_stays_as_it_was(old):
    if old.file is None:
        pytest.skip("a server checks what is in its columns")
    with contextlib.closing(sqlite3.connect(old.file)) as connection:
        connection.execute("UPDATE measurements SET value = 'many' WHERE id = 30")
        connection.commit()
        before = connection.execute("SELECT count(*) FROM measurements").fetchone()
    with pytest.raises(HistoryError, match="'many' is no number") as caught, open_history(old):
        pass
    assert "\n" not in str(caught.value)
    with contextlib.closing(sqlite3.connect(old.file)) as connection:
        assert connection.execute("SELECT count(*) FROM measurements").fetchone() == before
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("0004",)


def test_the_file_becomes_smaller(old):
    if old.file is None:
        pytest.skip("of a file")
    history = History(old, _engine(old))
    for number in range(3, 19):
        run = replace(runs.night(1), fingerprint=str(number))
        run = replace(run, info=replace(run.info, id=f"r{number}"))
        history.write(lambda c, r=run, n=number: add_old_run(c, r, n))
    history.compact()
    history.close()
    before = old.file.stat().st_size
    with open_history(old):
        pass
    with contextlib.closing(sqlite3.connect(old.file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    assert old.file.stat().st_size < 0.6 * before
