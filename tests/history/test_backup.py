"""``hil history backup``: all that is committed, without what SQLite still has in its log."""

import shutil
import sqlite3

import pytest
import runs

from hil.cli.main import main
from hil.history.database import HistoryError, open_history
from hil.history.location import find_location
from hil.history.queries import RunFilter, list_runs
from hil.history.run_writer import add_run


@pytest.fixture
def file(tmp_path):
    return tmp_path / "history.db"


def run_count(path, tmp_path):
    with open_history(find_location(str(path), tmp_path), create=False) as history:
        return len(list_runs(history, RunFilter(), 10))


def test_runs_that_stand_only_in_the_log_are_in_the_copy(file, tmp_path, capsys):
    with open_history(find_location(str(file), tmp_path)) as history:
        add_run(history, runs.night(0, {"timer_soft": 1.0}))
    with sqlite3.connect(file) as reader:  # as another program that looks: nothing is written back
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
        with open_history(find_location(str(file), tmp_path)) as history:
            add_run(history, runs.night(1, {"timer_soft": 1.0}))
        by_hand = tmp_path / "by-hand.db"
        shutil.copy(file, by_hand)
        assert main(["history", "backup", str(tmp_path / "copy.db"), f"--history={file}"]) == 0
    reader.close()
    assert "backed up as" in capsys.readouterr().out
    assert run_count(tmp_path / "copy.db", tmp_path) == 2
    assert run_count(by_hand, tmp_path) == 1, "else this test shows nothing"
    assert not list(tmp_path.glob(".copy.db*"))


def test_an_older_copy_is_replaced_and_the_history_itself_never(file, tmp_path, capsys):
    with open_history(find_location(str(file), tmp_path)) as history:
        add_run(history, runs.night(0, {"timer_soft": 1.0}))
    copy = tmp_path / "copy.db"
    copy.write_text("old")
    assert main(["history", "backup", str(copy), f"--history={file}"]) == 0
    assert run_count(copy, tmp_path) == 1
    assert main(["history", "backup", str(file), f"--history={file}"]) != 0
    assert "the history itself" in capsys.readouterr().err
    assert run_count(file, tmp_path) == 1


def test_what_can_not_be_written_is_one_line(file, tmp_path, capsys):
    with open_history(find_location(str(file), tmp_path)):
        pass
    missing = tmp_path / "missing" / "copy.db"
    assert main(["history", "backup", str(missing), f"--history={file}"]) != 0
    said = capsys.readouterr().err.strip()
    assert "can't write" in said
    assert "\n" not in said


def test_a_servers_database_is_left_to_its_own_programs(file, tmp_path):
    with open_history(find_location(str(file), tmp_path)) as history:
        object.__setattr__(history.location, "file", None)
        with pytest.raises(HistoryError, match="pg_dump"):
            history.back_up(tmp_path / "copy.db")
