"""What a comparison says of what it is held against, without a database."""

import math
from dataclasses import replace

import numpy as np
import pytest
import runs

from hil.analysis.change_detection import JudgedChange
from hil.analysis.comparison_scale import Evidence
from hil.history.comparison import (
    _against,
    _alike,
    _change,
    _missing_cases,
    _Side,
    line_of_board,
)
from hil.history.comparison_inputs import FigureKey
from hil.history.stored_records import describe_plan, make_history_run, pair_boards


def history_run(*boards, number=1, technique="timer_soft"):
    rng = np.random.default_rng(number)
    taken = [runs.capture(rng, technique, of=board) for board in boards or (runs.board(),)]
    return make_history_run(runs.results(taken, number), taken)


@pytest.mark.parametrize(
    ("choice", "most", "text"),
    [
        ("last", 0, "earlier runs, of which there are none yet"),
        ("last", 1, "the last run"),
        ("last", 2, "the last 2 runs"),
        ("baseline", 0, "the baseline"),
        ("baseline", 1, "the baseline"),
        ("baseline", 2, "the baseline of 2 runs"),
        ("20261101T0001", 1, "run 20261101T0001"),
        ("reports/20261101T0001_pico", 1, "run 20261101T0001_pico"),
    ],
)
def test_what_it_is_held_against(choice, most, text):
    assert _against(choice, most) == text


def test_how_a_case_was_measured():
    (case,) = history_run().boards[0].cases
    assert describe_plan(case.duration_us, case.periods, case.windows) == (
        "window 6 s, period 10, 10 ms"
    )
    assert describe_plan(1_500_000, "2500", None) == "window 1.5 s, period 2.5 ms"
    assert describe_plan(5_000_000, "2500", 3) == "3 windows of 1.667 s, period 2.5 ms"
    assert describe_plan(6_000_000, None, 1) == "window 6 s, period none ms"
    assert describe_plan(None, None, None) == "no capture"


def test_a_line_is_of_the_board_its_firmware_the_profile_and_the_source():
    run = history_run()
    line = line_of_board(run, run.boards[0])
    assert (line.key, line.firmware, line.profile, line.source) == (
        "e660583883", "1.24.1", "quick", "hardware"
    )  # fmt: skip


A, B = (runs.board(f"/dev/tty{n}", unique_id=n) for n in "AB")
A_NEW = replace(A, name="/dev/ttyC", micropython="v1.25.0")


@pytest.mark.parametrize(
    ("before", "after", "pairs", "differs"),
    [
        ([A, B], [B, A], [(1, 0), (0, 1)], ""),
        ([B, A], [A_NEW], [(1, 0)], "MicroPython 1.24.1 then, 1.25.0 now"),
        ([A, A_NEW], [A_NEW], [(1, 0)], ""),
        ([A], [B], [(0, 0)], "board /dev/ttyA then, /dev/ttyB now"),
        ([B], [A_NEW], [(0, 0)], "board /dev/ttyB then, /dev/ttyC now; "
                                 "MicroPython 1.24.1 then, 1.25.0 now"),
    ],
)  # fmt: skip
def test_boards_are_paired_by_what_they_are_and_else_by_their_order(before, after, pairs, differs):
    first, second = history_run(*before), history_run(*after, number=2)
    paired, told = pair_boards(first, second)
    assert [(first.boards.index(old), second.boards.index(new)) for old, new in paired] == pairs
    assert told == differs


def key(technique, metric="lateness_p50_us", **more):
    return FigureKey("b", technique, "idle", more.get("task", 0), more.get("method"), metric)


def test_cases_that_only_one_side_has_are_said():
    now = _Side({}, {("a", "idle"): "plan 1", ("b", "idle"): "plan 1", ("c", "gc"): "plan 1"})
    held = [
        _Side({}, {("a", "idle"): "plan 1", ("b", "idle"): "plan 3", ("d", "idle"): "plan 1"}),
        _Side({}, {("b", "idle"): "plan 2", ("d", "idle"): "plan 1"}),
    ]
    assert _missing_cases(now, held, "pico") == [
        "b, idle, pico: plan 1 now, plan 2; plan 3 then: not compared",
        "c, gc, pico: not in what it is compared with",
        "d, idle, pico: not in this run",
    ]


def test_only_cases_that_were_measured_alike_are_held_against_each_other():
    told = Evidence(1.0, 1.0, 0.1, 0.1, 1.0)
    side = _Side(
        {key("a"): told, key("b"): told, key("c"): told},
        {("a", "idle"): "plan 1", ("b", "idle"): "plan 2", ("c", "idle"): "plan 1"},
    )
    now = _Side({}, {("a", "idle"): "plan 1", ("b", "idle"): "plan 1"})
    assert _alike(side, now) == {key("a"): told}


def test_a_change_in_words():
    judged = JudgedChange(1.0, 2.0, 0.5, 1.5, "worse", 0.03, two=True, note="why")
    change = _change(key("a", task=None), "pico", judged, 7, 0.99)
    assert (change.board, change.technique, change.load, change.task) == ("pico", "a", "idle", None)
    assert (change.metric, change.unit, change.before, change.after) == (
        "lateness_p50_us",
        "us",
        1.0,
        2.0,
    )
    assert (change.lo, change.hi, change.runs, change.trend, change.confidence) == (
        0.5,
        1.5,
        7,
        "worse",
        0.99,
    )
    assert change.method is None
    assert change.note == "over all tasks; this run and the one before it together; why"
    plain = replace(judged, two=False, note=None)
    for other in (key("a"), key("a", task=None, method="m"), key("a", "missed", task=None)):
        assert _change(other, "pico", plain, 7, 0.99).note is None
    assert _change(key("a", method="m"), "pico", plain, 7, 0.99).method == "m"
    assert _change(key("a", "unheard_of"), "pico", plain, 7, 0.99).unit == "1"
    assert math.isfinite(change.before)
