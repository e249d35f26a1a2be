"""The views: what is documented is there, in a new history and in a migrated one, and right."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import runs
import sqlalchemy as sa

from hil.cli.main import main
from hil.history.database import open_history
from hil.history.run_writer import add_run
from hil.history.sql_views import VIEWS
from hil.history.stored_records import make_history_run
from hil.model.results import ErrorRecord

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "sql-views.md"


@pytest.fixture
def history(location):
    """Three nights of one board, the last one without a second board that was expected."""
    gone = ErrorRecord("pico-2", "-", "-", "expected board is missing: it did not answer")
    with open_history(location) as opened:
        for seed in range(2):
            add_run(opened, runs.night(seed, {"timer_soft": 200.0, "timer_hard": 60.0}), worse=seed)
        night = runs.night(2, {"timer_soft": 200.0})
        add_run(opened, replace(night, errors=(gone,)))
        yield opened


def select(history, text):
    return history.read(lambda connection: connection.execute(sa.text(text)).mappings().all())


def documented():
    """View -> its columns, as the page has them."""
    sections = re.split(r"^## `(\w+)`\n", PAGE.read_text(), flags=re.M)[1:]
    columns = {}
    for name, text in zip(sections[::2], sections[1::2], strict=True):
        rows = re.findall(r"^\| (`.*?) \|", text, flags=re.M)
        columns[name] = [word for row in rows for word in re.findall(r"`(\w+)`", row)]
    columns["latest_figures"] = columns["case_nights"]
    return columns


def test_the_documented_columns_are_there_in_their_order(history):
    pages = documented()
    assert pages.keys() == VIEWS.keys()
    for name, columns in pages.items():
        rows = select(history, f"SELECT * FROM {name} LIMIT 1")
        assert list(rows[0]) == columns


def test_the_documented_statements_are_answered(history):
    statements = re.findall(r'^    \S+ .*?"(SELECT .*?)"$', PAGE.read_text(), flags=re.M)
    assert len(statements) == 2
    for statement in statements:
        assert select(history, statement)


def test_the_latest_figures_are_those_of_the_newest_run(history):
    rows = select(history, "SELECT * FROM latest_figures")
    assert {(row["run"], row["technique"]) for row in rows} == {
        ("20261101T000200Z_pico", "timer_soft")
    }
    (row,) = rows
    night = runs.night(2, {"timer_soft": 200.0})
    figures = [
        m.value
        for board in night.boards
        for case in board.cases
        for m in case.measurements
        if (m.metric, m.source) == ("lateness_p99_us", "board") and m.method is None
    ]
    assert row["lateness_p99_us"] == pytest.approx(max(figures), rel=1e-6)
    assert row["board_key"] == "e660583883"
    assert len(select(history, "SELECT * FROM case_nights")) == 5


def test_a_night_without_a_board_has_a_row_for_it(history):
    rows = select(history, "SELECT * FROM board_nights ORDER BY order_utc, answered DESC")
    told = [(row["run"][:15], row["board"], row["answered"], row["cases"]) for row in rows]
    assert told == [
        ("20261101T000000", "/dev/ttyUSB0", 1, 2),
        ("20261101T000100", "/dev/ttyUSB0", 1, 2),
        ("20261101T000200", "/dev/ttyUSB0", 1, 1),
        ("20261101T000200", "pico-2", 0, 0),
    ]
    assert {row["night"] for row in rows} == {"2026-11-01"}
    assert [row["run_worse"] for row in rows] == [0, 1, None, None]


def test_an_older_history_gets_them(location):
    from hil.history.database import History, _engine
    from hil.history.schema_upgrade import upgrade

    old = History(location, _engine(location))
    old.write(lambda connection: upgrade(connection, "0005"))
    old.close()
    with open_history(location) as history:
        for name in VIEWS:
            assert select(history, f"SELECT * FROM {name}") == []


def test_a_view_of_another_wording_is_not_ours(location, monkeypatch, capsys):
    if location.file is None:
        pytest.skip("a server's views are its keeper's")
    with open_history(location) as history:
        history.write(lambda c: c.exec_driver_sql("DROP VIEW latest_figures"))
        history.write(lambda c: c.exec_driver_sql("CREATE VIEW latest_figures AS SELECT 1 AS run"))
    assert main(["history", f"--history={location.file}"]) == 1
    assert "a view, 'latest_figures'" in capsys.readouterr().err


def test_a_case_without_figures_leaves_nulls(location):
    taken = [runs.capture(np.random.default_rng(1))]
    without = replace(runs.results(taken), measurements=())
    with open_history(location) as history:
        add_run(history, make_history_run(without, taken))
        (row,) = select(history, "SELECT * FROM latest_figures")
        assert (row["lateness_p99_us"], row["figures"]) == (None, 0)
