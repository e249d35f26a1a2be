"""Knobs of a board that is a program are no part of what it is: a change of them can be shown."""

from __future__ import annotations

import numpy as np
import pytest
import runs

from hil.history.comparison import compare_runs, compare_with_history
from hil.history.database import open_history
from hil.history.location import find_location
from hil.history.run_reader import load_run
from hil.history.run_writer import add_run
from hil.history.stored_records import make_history_run, pair_boards
from hil.model.board import board_key, board_settings


def sim(name: str = "sim", **more: object):
    return runs.board(name, **{"source": "sim", "unique_id": "73696d31", **more})


@pytest.mark.parametrize(
    ("board", "key", "settings"),
    [
        (sim(), "sim", ""),
        (sim("sim:latency_us=500,seed=3"), "sim", "latency_us=500,seed=3"),
        (sim("/dev/pts/7"), "sim", ""),
        (sim("sim:clock=virtual,stamp_us=13.5", clock="virtual"), "sim:clock=virtual",
         "stamp_us=13.5"),
        (runs.board("pico:a.uf2?ppm=20&pace=1", source="emulator"), "pico:a.uf2", "ppm=20&pace=1"),
        (runs.board("/dev/ttyS0?baud=9600", unique_id=None), "/dev/ttyS0", "baud=9600"),
        (runs.board("/dev/ttyACM0?slow=3"), "e660583883", ""),
    ],
)  # fmt: skip
def test_what_a_board_is_and_how_it_was_set_up(board, key, settings):
    assert board_key(board) == key
    assert board_settings(board) == settings


def night(seed: int, *boards, level: float = 100.0):
    rng = np.random.default_rng(seed)
    captures = [runs.capture(rng, of=board, level=level) for board in boards]
    return make_history_run(runs.results(captures, seed), captures)


@pytest.fixture
def history(tmp_path):
    location = find_location(str(tmp_path / "history.db"), tmp_path)
    with open_history(location) as opened:
        yield opened


def held_against(history, run, choice):
    return compare_with_history(history, run, choice, lambda folder: pytest.fail(f"read {folder}"))


SLOW = "sim:latency_us=500"
DIFFER = "the knobs of sim differ: none then, latency_us=500 now"


def test_a_knob_shows_as_a_regression_and_is_said(history):
    for seed in range(3):
        add_run(history, night(seed, sim()))
    worse = held_against(history, night(9, sim(SLOW), level=800.0), "last")
    assert "lateness_p50_us" in {c.metric for c in worse.changes if c.trend == "worse"}
    assert worse.against == f"the last 3 runs ({DIFFER})"
    same = held_against(history, night(9, sim()), "last")
    assert same.against == "the last 3 runs"
    named = held_against(history, night(9, sim(SLOW)), night(0, sim()).info.id)
    assert DIFFER in named.against


def test_two_runs_say_it_too():
    assert DIFFER in compare_runs(night(1, sim()), night(2, sim(SLOW)), 0.95).against
    assert pair_boards(night(1, sim()), night(2, sim()))[1] == ""


def test_real_and_virtual_time_are_two_boards(history):
    add_run(history, night(0, sim()))
    virtual = sim("sim:clock=virtual", clock="virtual")
    other = held_against(history, night(9, virtual), "last")
    assert other.changes == ()
    assert "its first run" in other.absent[0]


def test_several_side_by_side_are_told_apart_by_their_names(history):
    both = night(3, sim(), sim(SLOW))
    assert [board.key for board in both.boards] == ["sim", SLOW]
    add_run(history, both)
    again = load_run(history, 1)
    assert [board.key for board in again.boards] == ["sim", SLOW]
    compared = held_against(history, night(9, sim(), sim(SLOW)), "last")
    assert {change.board for change in compared.changes} == {"sim", SLOW}
    assert compared.against == "the last run"
