"""Runs stand where they began; a clock that is known to be wrong does not tell their place."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import pytest
import runs

from hil.cli.main import main
from hil.experiments.evaluation import unjudged_history_run
from hil.history.comparison import compare_with_history
from hil.history.database import open_history
from hil.history.old_runs import old_runs
from hil.history.queries import RunFilter, list_runs
from hil.history.retention_policy import RetentionPolicy
from hil.history.run_order import CLOCK_WRONG, order_time
from hil.history.run_reader import find_run, load_run
from hil.history.run_writer import add_run
from hil.history.trend_queries import trend_lines

LATER = "2099-01-01T00:00:00Z"


@pytest.fixture
def history(location):
    with open_history(location) as opened:
        yield opened


def began(seed, started_utc, **more):
    run = runs.night(seed, **more)
    name = f"{started_utc.replace('-', '').replace(':', '')}_pico"
    return replace(run, info=replace(run.info, started_utc=started_utc, id=name))


def names(history):
    return [run.started_utc[:10] for run in list_runs(history, RunFilter())]


def moment_of(history, run, installed_utc=""):
    return history.read(partial(order_time, run=run, installed_utc=installed_utc))


def test_folders_that_are_added_later_stand_where_they_began(history):
    for day in (3, 1, 2):
        add_run(history, began(day, f"2026-11-{day:02d}T00:00:00Z"))
    assert names(history) == ["2026-11-03", "2026-11-02", "2026-11-01"]
    assert not any(run.clock_wrong for run in list_runs(history, RunFilter()))


def test_a_run_that_began_before_the_last_one_of_its_board_stands_behind_it(history):
    add_run(history, began(1, "2098-11-01T00:00:00Z"), just_ended=True)
    add_run(history, began(2, "2098-11-02T00:00:00Z"), just_ended=True)
    add_run(history, began(3, "2097-01-01T00:00:00Z"), just_ended=True)
    add_run(history, began(4, "2098-11-03T00:00:00Z"), just_ended=True)
    assert names(history) == ["2098-11-03", "2097-01-01", "2098-11-02", "2098-11-01"]
    assert [run.clock_wrong for run in list_runs(history, RunFilter())] == [0, 1, 0, 0]
    number = find_run(history, "20970101")
    assert load_run(history, number).clock_wrong
    points = trend_lines(history, "lateness_p50_us", RunFilter(technique="timer_soft"))[0].points
    assert [point.clock_wrong for point in points] == [False, False, True, False]
    assert CLOCK_WRONG in points[2].when
    # the place is what counts for everything that asks for a time
    assert old_runs(history, RetentionPolicy(since=datetime(2098, 11, 2, tzinfo=UTC))) == [
        "20981101T000000Z_pico"
    ]


def test_a_run_of_another_board_tells_nothing_of_this_one_s_clock(history):
    add_run(history, began(1, "2098-11-02T00:00:00Z"))
    other = began(2, "2098-11-01T00:00:00Z", of=runs.board("ttyACM0", unique_id="other"))
    assert moment_of(history, other) == other.info.started_utc
    same = began(3, "2098-11-01T00:00:00Z")
    assert moment_of(history, same) == "2098-11-02T00:00:00Z"


def test_a_run_before_the_harness_was_there_stands_behind_the_last_one(history):
    early = began(1, "1970-01-01T00:03:00Z")
    assert (
        moment_of(history, early, "2026-01-01T00:00:00Z") == early.info.started_utc
    )  # the only one
    other = began(2, "2026-11-02T00:00:00Z", of=runs.board("ttyACM0", unique_id="other"))
    add_run(history, other)
    assert moment_of(history, early, "2026-01-01T00:00:00Z") == other.info.started_utc
    assert moment_of(history, early, "") == early.info.started_utc
    # by the files of the package
    assert moment_of(history, early, None) == other.info.started_utc


def test_a_run_with_a_wrong_clock_is_compared_with_all_that_are_there_and_says_so(history):
    for seed in range(4):
        add_run(history, runs.night(seed))
    early = began(9, "1970-01-01T00:03:00Z")
    trusted = compare_with_history(history, early, "last", unjudged_history_run)
    assert "none yet" in trusted.against
    told = compare_with_history(history, early, "last", unjudged_history_run, just_ended=True)
    assert told.against == "the last 4 runs"
    assert told.absent[0] == f"the clock of this host: it says 1970-01-01T00:03:00Z, {CLOCK_WRONG}"


def test_the_list_says_so(history, address, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "200")
    add_run(history, began(1, "2098-11-02T00:00:00Z"))
    add_run(history, began(2, "2097-11-01T00:00:00Z"), just_ended=True)
    assert main(["history", "--history", address]) == 0
    assert CLOCK_WRONG in capsys.readouterr().out
