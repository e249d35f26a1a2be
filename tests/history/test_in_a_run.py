"""Runs of pytest: each goes into the history, is held against its past, and is never lost."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import sqlite3
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
import runs

from hil.cli.main import main
from hil.history.database import open_history
from hil.history.location import find_location
from hil.history.missing_parts import AskedCases
from hil.history.queries import RunFilter, list_runs
from hil.history.run_reader import find_history_run
from hil.history.run_writer import add_run
from hil.model.errors import CaptureError, ConfigurationError
from hil.model.result_files import build_changes, parse_changes
from hil.model.results import Change, Comparison
from hil.pytest_plugin.history_comparison import HistoryComparison
from hil.pytest_plugin.measuring import check_compare
from hil.recording.run_folder import read_changes

SUITE = """
def test_lateness(figures):
    figures.check("lateness_p50_us")
"""
BOARD = "--board=sim:clock=virtual"
ARGS = (BOARD, "--hil-technique=timer_hard", "--hil-duration-s=0.8", "--hil-out=out")


@pytest.fixture
def suite(pytester, monkeypatch):
    monkeypatch.delenv("HIL_HISTORY", raising=False)
    pytester.makepyfile(SUITE)
    return pytester


def stored(path):
    location = find_location(str(path), Path())
    with open_history(location, create=False) as history:
        return list_runs(history, RunFilter())


def everything(result, folder):
    texts = [*result.outlines, *result.errlines]
    texts += [path.read_bytes().decode("latin-1") for path in folder.rglob("*") if path.is_file()]
    return "\n".join(texts)


def test_a_run_goes_into_the_history_and_the_first_one_has_no_past(suite, run_here):
    first = run_here(*ARGS, "--hil-compare=last")
    first.stdout.fnmatch_lines(["*nothing to compare with yet*", "history: out/history.db, run *"])
    folder = suite.path / "out" / "latest"
    assert read_changes(folder / "changes.json").changes == ()
    (run,) = stored(suite.path / "out" / "history.db")
    assert run.run == folder.resolve().name
    assert (run.worse, run.cases) == (0, 1)


def test_a_run_that_has_become_worse_fails(suite, run_here):
    slow = runs.capture(np.random.default_rng(99), level=400.0)
    folder = runs.write_folder(suite.path / "slow", slow)
    location = find_location(str(suite.path / "fast.db"), suite.path)
    with open_history(location) as history:
        for number in range(8):
            add_run(history, runs.night(number, {"timer_soft": 100.0}))
    replay = (f"--board=replay:{folder}", "--hil-out=again")
    worse = run_here(*replay, "--hil-history=fast.db", "--hil-compare=last")
    worse.assert_outcomes(passed=1)
    assert worse.ret == 1
    worse.stdout.fnmatch_lines(["*worse: timer_soft, idle, /dev/ttyUSB0: lateness_p50_us*"])
    worse.stdout.fnmatch_lines(["failed: * figures worse than in the last 8 runs"])
    changes = read_changes(suite.path / "again" / "latest" / "changes.json")
    assert ("lateness_p50_us", "worse") in {
        (change.metric, change.trend) for change in changes.changes
    }
    page = (suite.path / "again" / "latest" / "report.html").read_text()
    assert "the last 8 runs" in page
    # a replayed run does not go in again
    assert len(stored(suite.path / "fast.db")) == 8


def test_without_a_history_a_run_is_compared_with_a_folder(tmp_path):
    slow = runs.capture(np.random.default_rng(99), level=400.0)
    folder = runs.write_folder(tmp_path / "slow", slow)
    for level, worse in ((400.0, False), (4000.0, True)):
        capture = runs.capture(np.random.default_rng(1), level=level)
        history_comparison = HistoryComparison(None, str(folder), tmp_path, tmp_path)
        history_comparison.settle(runs.results([capture]), [capture])
        assert history_comparison.failures == []
        assert (history_comparison.worse > 0) == worse
        assert read_changes(tmp_path / "changes.json") == history_comparison.comparison
    assert sorted(path.name for path in tmp_path.iterdir()) == ["changes.json", "slow"]


def test_a_history_that_cannot_be_reached_loses_nothing_and_shows_no_password(
    suite, run_here, capsys
):
    pytest.importorskip("psycopg")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"postgresql://me:hunter2@127.0.0.1:{probe.getsockname()[1]}/farm"
    result = run_here(*ARGS, f"--hil-history={address}", "--hil-compare=last")
    assert result.ret not in (0, 1)
    result.stdout.fnmatch_lines(["error: history postgresql://me@*hil history add *"])
    folder = suite.path / "out" / "latest"
    assert json.loads((folder / "results.json").read_text())["measurements"]
    assert (folder / "report.html").is_file()
    assert "hunter2" not in everything(result, suite.path / "out")
    assert "Traceback" not in result.stdout.str()

    for expected in ("added", "was there already"):
        assert main(["history", "add", str(folder), "--history", str(suite.path / "later.db")]) == 0
        assert capsys.readouterr().out.endswith(f": {expected}\n")
    (run,) = stored(suite.path / "later.db")
    assert run.run == folder.resolve().name


@pytest.mark.skipif(os.environ.get("HIL_TEST_POSTGRES") != "1", reason="tox -e postgres")
def test_a_run_goes_to_a_server_and_its_password_nowhere(suite, cluster):
    address = cluster.new_database()
    boards = (BOARD, f"{BOARD},seed=2")  # workers get the options as well
    result = suite.runpytest_subprocess(
        *boards, *ARGS[1:], f"--hil-history={address}", "--hil-compare=last"
    )
    result.stdout.fnmatch_lines(["history: postgresql://hil@127.0.0.1:*"])
    (run,) = stored(address)
    assert len(run.boards) == 2
    said = everything(result, suite.path / "out")
    assert "s3cr3t" not in said
    assert quote("s3cr3t/word:%", safe="") not in said


def test_a_wrong_address_is_said_before_anything_is_measured(suite, run_here):
    result = run_here(*ARGS, "--hil-history=mysql://me:hunter2@host/x")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in result.errlines if line.startswith("ERROR: ")]
    assert "mysql" in line
    assert "hunter2" not in everything(result, suite.path)


def test_what_cannot_be_compared_with_is_refused_at_the_start(tmp_path):
    location = find_location(str(tmp_path / "history.db"), tmp_path)
    for compare in (None, "last", "baseline", str(tmp_path)):
        check_compare(compare, location)
    check_compare(str(tmp_path), None)
    with pytest.raises(ConfigurationError, match="needs a history"):
        check_compare("last", None)
    for _ in range(2):  # without a history, and with one
        with pytest.raises(ConfigurationError, match="--hil-compare=zebra: give last, baseline"):
            check_compare("zebra", location)
        with open_history(location):
            pass
    server = find_location("postgresql://me@127.0.0.1:1/farm", tmp_path)
    if importlib.util.find_spec("psycopg"):
        check_compare("zebra", server)  # can't be asked now: told at the end of the run


def test_a_locked_history_is_waited_for_then_told(suite, monkeypatch):
    """Another program holds the file for good."""
    from hil.history import database, sqlite_file

    monkeypatch.setattr(sqlite_file, "BUSY_S", 0)
    monkeypatch.setattr(database, "_TRIES", 2)
    path = suite.path / "held.db"
    location = find_location(str(path), suite.path)
    with open_history(location):
        pass
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        with open_history(location) as history:
            list_runs(history, RunFilter())  # who only reads need not wait
            with pytest.raises(database.HistoryError, match="locked"):
                history.write(lambda connection: None)
    finally:
        holder.close()


class TestChangesFile:
    CHANGE = Change(
        *("b", "t", "idle", 0, "lateness_p99_us", "us", 1.0, 2.0, 0.5, None, 7, "worse"),
        confidence=0.99,
        method="m",
        note="n",
    )

    def test_there_and_back(self):
        sent = Comparison("the last 7 runs", (self.CHANGE,), ("something",))
        assert parse_changes(json.dumps(build_changes(sent)).encode()) == sent

    def test_a_change_without_numbers_is_told(self):
        bad = replace(self.CHANGE, before=float("nan"))
        document = build_changes(Comparison("x", (bad, replace(self.CHANGE, hi=float("inf")))))
        assert len(document["changes"]) == 1
        assert document["changes"][0]["hi"] is None
        assert "lateness_p99_us is not a finite number" in document["absent"][0]

    @pytest.mark.parametrize(
        "change",
        [
            {"schema": 2},
            {"schema": True},
            {"against": 5},
            {"changes": [{}]},
            {"changes": None},
            {"absent": [3]},
        ],
    )
    def test_what_is_not_as_it_should_be_is_refused(self, change):
        document = build_changes(Comparison("x", (self.CHANGE,))) | change
        with pytest.raises(CaptureError):
            parse_changes(json.dumps(document).encode())

    def test_a_file_that_is_not_there(self, tmp_path):
        with pytest.raises(ConfigurationError, match="can't read"):
            read_changes(tmp_path / "changes.json")


LACKING = """
import pytest

@pytest.mark.hil(techniques=["timer_hard"])
def test_lateness(figures):
    figures.check("lateness_p50_us")

def test_that_measures_nothing(hil_case):
    pass
"""


def test_what_the_last_run_had_and_this_one_was_asked_for_breaks_the_bench(suite, run_here):
    suite.makepyfile(LACKING)
    both = (BOARD, "--hil-technique=timer_hard,timer_soft", *ARGS[2:])
    assert run_here(*both).ret == 0
    location = find_location(str(suite.path / "out" / "history.db"), suite.path)
    with open_history(location) as history:
        first = find_history_run(list_runs(history, RunFilter())[0].run, history, None)
        (board,) = first.boards
        more = replace(board, cases=(*board.cases, replace(board.cases[0], technique="timer_soft")))
        info = replace(first.info, id="9")
        add_run(history, replace(first, boards=(more,), fingerprint="other", info=info))
    lacking = run_here(*both, "--hil-compare=last")
    assert lacking.ret == 8
    lacking.assert_outcomes(passed=3)
    lacking.stdout.fnmatch_lines(
        ["*missing: technique timer_soft, *: asked for and not measured", "error: missing: *"]
    )
    changes = read_changes(suite.path / "out" / "latest" / "changes.json")
    assert len(changes.missing) == 1
    # what was not selected is not missing
    narrow = (BOARD, "--hil-technique=timer_hard", *ARGS[2:])
    assert run_here(*narrow, "--hil-compare=last").ret == 0
    assert run_here(*both, "--hil-compare=last", "-k", "timer_hard").ret == 0


def test_without_a_history_what_the_folder_had_is_missed_too(tmp_path):
    rng = np.random.default_rng(3)
    before = runs.write_folder(tmp_path / "before", runs.capture(rng, "timer_soft"))
    now = runs.capture(rng, "timer_hard")
    asked = AskedCases({(now.board.name, "timer_soft", "idle")})
    compared = HistoryComparison(None, str(before), tmp_path, tmp_path, asked)
    compared.settle(runs.results([now]), [now])
    assert compared.failures == []
    (text,) = compared.missing
    assert text.startswith("board /dev/ttyUSB0: measured in before, asked for")
