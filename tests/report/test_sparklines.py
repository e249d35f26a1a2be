"""Distributions in one line of text."""

from __future__ import annotations

import numpy as np
import pytest

from hil.model.board import BoardIdentity
from hil.model.captures import Capture, CapturePlan, TaskPlan, Track
from hil.report.charts.chart import time_axis
from hil.report.terminal.sparklines import ASCII, UNICODE, axis_line, bars, lateness_groups

PERIOD = 10_000
LATE = {"timer_hard": [10] * 90 + [1_000] * 10, "timer_soft": [100] * 99 + [9_000]}


def capture(technique: str, late: list[int], board: str = "b", load: str = "idle") -> Capture:
    n = len(late)
    stamps = np.arange(n) * PERIOD + np.array(late, np.int64)
    track = Track(0, PERIOD, 0, n * PERIOD, stamps, releases=np.arange(n))
    plan = CapturePlan(technique, load, (TaskPlan(0, PERIOD),), n * PERIOD)
    return Capture(BoardIdentity(board, "-", "sim", "x", "x", "1", 1 << 30), plan, (track,))


@pytest.mark.parametrize("bins", [10, 63])
def test_every_activation_is_counted_where_it_belongs_on_one_axis(bins):
    captures = [capture(name, late) for name, late in reversed(LATE.items())]
    (group,) = lateness_groups(captures, bins)
    assert len(group.edges_us) == bins + 1
    assert [row.technique for row in group.rows] == ["timer_soft", "timer_hard"]
    for row in group.rows:
        assert row.n == 100
        for value in set(LATE[row.technique]):
            at = int(np.searchsorted(group.edges_us, value, side="right")) - 1
            assert row.counts[at] == LATE[row.technique].count(value)
    soft, hard = group.rows
    assert soft.counts[: soft.tail].sum() == 99, "only what is later than the 99th percentile"
    assert hard.counts[: hard.tail].sum() == 100


def test_boards_and_loads_are_groups_and_what_has_no_stamps_is_none():
    many = [
        capture("timer_soft", [5, 7], "two", "gc"),
        capture("timer_soft", [5, 7], "two", "idle"),
        capture("timer_soft", [5, 7], "one", "idle"),
        capture("timer_hard", [], "three"),
    ]
    groups = [(group.board, group.load) for group in lateness_groups(many, 20)]
    assert groups == [("two", "idle"), ("two", "gc"), ("one", "idle")]
    assert list(lateness_groups([], 20)) == []


@pytest.mark.parametrize("characters", [UNICODE, ASCII])
def test_one_activation_among_millions_is_seen(characters):
    line = bars(np.array([0, 1, 50_000_000, 1_000]), characters)
    assert line[0] == " "
    assert line[1] == characters[1]
    assert line[2] == characters[-1]
    assert characters.index(line[1]) < characters.index(line[3]) < characters.index(line[2])
    assert bars(np.zeros(3, np.int64), characters) == "   "


def test_an_axis_says_where_its_ticks_are_and_never_more_than_fits():
    axis = time_axis(10, 10_000, "lateness")
    for width in (1, 5, 16, 40, 200):
        line = axis_line(axis, width)
        assert len(line) == width
    at = axis_line(axis, 200).index("1 ms")
    assert at == pytest.approx(float(axis.position(1000.0)) * 199, abs=1)


def test_early_activations_are_left_of_zero():
    (group,) = lateness_groups([capture("timer_soft", [-400] * 5 + [0] * 5 + [300] * 5)], 30)
    (row,) = group.rows
    assert group.edges_us[0] <= -400
    assert row.counts[group.edges_us[:-1] < -100].sum() == 5
