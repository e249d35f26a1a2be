"""Boards that stand out: nobody where nobody does, and who was planted."""

from __future__ import annotations

import numpy as np
import pytest

from hil.analysis.fleet_outliers import (
    FALSE_ALARMS,
    FEWEST_BOARDS,
    FleetGroup,
    judge_fleet,
    least_spread,
)
from hil.analysis.uncertainty.distributions import binomial_bounds
from tools.fleet_alarms import alarms, detections, made_group


def group(y: list[list[float]], least: float = 0.01) -> FleetGroup:
    values = np.array(y, dtype=np.float64)
    return FleetGroup(values, np.full(values.shape, np.nan), np.full(values.shape[1], least))


@pytest.mark.parametrize("kind", ["normal", "related", "t5", "skewed"])
def test_of_nights_without_an_outlier_at_most_one_in_twenty_names_one(kind):
    """`python -m tools.fleet_alarms` says it of more nights and sizes."""
    nights = 40
    count = alarms(kind, (8, 16), nights, np.random.default_rng(4))
    assert binomial_bounds(count, nights, 0.95)[0] <= FALSE_ALARMS


@pytest.mark.parametrize(("kind", "boards"), [("normal", 10), ("related", 30), ("t5", 12)])
def test_a_board_that_is_off_by_twenty_spreads_is_found(kind, boards):
    assert detections(kind, boards, 20.0, 10, np.random.default_rng(5)) == 10


def test_two_outliers_do_not_hide_each_other():
    rng = np.random.default_rng(6)
    made = made_group("normal", 20, rng)
    made.y[3] += 2.0
    made.y[8, :5] -= 2.0
    named = {outlier.board for outlier in judge_fleet([made]).outliers}
    assert named == {3, 8}
    assert {outlier.z < 0 for outlier in judge_fleet([made]).outliers if outlier.board == 8} == {
        True
    }


def test_a_board_unlike_boards_that_are_all_equal_is_named_beyond_what_can_be_resolved():
    equal = [[5.0, 2.0]] * 11
    assert judge_fleet([group([*equal, [5.0, 4.0]])]).outliers[0].figure == 1
    assert judge_fleet([group([*equal, [5.0, 2.02]])]).outliers == ()
    assert judge_fleet([group(equal)]).outliers == ()


def test_boards_of_two_kinds_are_no_outliers():
    rng = np.random.default_rng(8)
    made = made_group("normal", 30, rng)
    made.y[:10] += 3.0
    assert judge_fleet([made]).outliers == ()
    made.y[4:10] -= 3.0
    assert {outlier.board for outlier in judge_fleet([made]).outliers} == {0, 1, 2, 3}


def test_too_few_boards_name_nobody_and_what_is_absent_is_no_value():
    few = [[5.0, 1.0]] * (FEWEST_BOARDS - 1) + [[50.0, np.nan]]
    judgement = judge_fleet([group(few)])
    assert {outlier.figure for outlier in judgement.outliers} == {0}
    assert judgement.judged == FEWEST_BOARDS
    assert judge_fleet([group(few[1:])]).judged == 0
    assert judge_fleet([]).outliers == ()


def test_a_board_whose_own_error_is_large_is_not_named_for_it():
    y = 5.0 + 0.1 * np.random.default_rng(7).normal(size=(20, 10))
    y[4] += 1.5
    error = np.full(y.shape, 0.02)
    named = judge_fleet([FleetGroup(y, error, np.full(10, 0.01))]).outliers
    assert {outlier.board for outlier in named} == {4}
    error[4] = 1.0
    assert judge_fleet([FleetGroup(y, error, np.full(10, 0.01))]).outliers == ()


def test_the_least_spread_is_a_step_of_the_clock_or_a_hundredth():
    assert least_spread(1.0, 10_000.0, 1.0) == pytest.approx(0.01)
    assert least_spread(1.0, 10.0, 1.0) == pytest.approx(0.1, rel=0.01)
    assert least_spread(-10.0, 0.0, 0.0) == pytest.approx(0.01)
    assert least_spread(0.0, 3.0, 0.0) == 1.0
