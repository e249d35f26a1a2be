"""What a run says of a figure, in closed forms: the scales, the errors, the limits."""

import math

import numpy as np
import pytest

from hil.analysis.comparison_scale import (
    COUNT,
    Evidence,
    TaskStamps,
    _exceeding,
    _rank_end,
    _reaches,
    _worth,
    figure_evidence,
    off_scale,
    on_scale,
    percentile_evidence,
    pooled_evidence,
    stretches_of,
    task_evidence,
    tilt_ppm,
    widened,
)
from hil.analysis.uncertainty.correlated import mean_error
from hil.analysis.uncertainty.order_statistics import needed_samples
from hil.model.results import Measurement


def figure(value, lo=None, hi=None, unit="us"):
    return Measurement("b", "t", "idle", 0, "x", unit, value, lo, hi, 100)


@pytest.mark.parametrize(
    ("unit", "step", "c"),
    [("us", 1.0, 1.0), ("us", 0.5, 1.0), ("us", 30.5, 30.5), ("s", 30.5, 1.0), ("hz", 30.5, 1.0),
     ("bytes", 30.5, 1.0), ("1", 30.5, 1e-9), ("ns", 30.5, 1.0)],
)  # fmt: skip
def test_a_figure_with_bounds_has_a_95_percent_interval_as_two_errors(unit, step, c):
    told = figure_evidence(figure(30.0, 20.0, 50.0, unit), step)
    assert (told.value, told.c, told.dof, told.cluster) == (30.0, c, 30.0, 1.0)
    assert told.y == pytest.approx(math.asinh(30.0 / c))
    assert told.low == pytest.approx((math.asinh(30 / c) - math.asinh(20 / c)) / 1.96)
    assert told.high == pytest.approx((math.asinh(50 / c) - math.asinh(30 / c)) / 1.96)
    assert told.error == pytest.approx((told.low + told.high) / 2)


def test_a_rate_is_compared_in_tens_of_ppm():
    told = figure_evidence(figure(-30.0, -50.0, 10.0, "ppm"), 30.5)
    assert (told.y, told.low, told.high, told.c) == pytest.approx((-3.0, 2 / 1.96, 4 / 1.96, -10.0))


def test_bounds_on_the_wrong_side_are_no_negative_errors():
    told = figure_evidence(figure(30.0, 31.0, 29.0), 1.0)
    assert (told.low, told.high) == (0.0, 0.0)


@pytest.mark.parametrize(("lo", "hi"), [(None, 3.0), (1.0, None), (None, None)])
def test_on_a_side_without_a_bound_the_error_has_no_end(lo, hi):
    told = figure_evidence(figure(2.0, lo, hi), 1.0)
    both = figure_evidence(figure(2.0, 1.0, 3.0), 1.0)
    assert told.low == (math.inf if lo is None else both.low)
    assert told.high == (math.inf if hi is None else both.high)
    assert (told.value, told.error, told.c) == (2.0, math.inf, 1.0)
    assert told.y == on_scale(2.0, 1.0)


@pytest.mark.parametrize(
    ("value", "stretches", "bursts", "cluster"),
    [(6.0, 3, 3.0, 2.0), (6.0, None, 6.0, 1.0), (6.0, 9, 6.0, 1.0), (0.0, 0, 0.0, 1.0)],
)
def test_a_count_is_compared_by_its_bursts(value, stretches, bursts, cluster):
    told = figure_evidence(figure(value, value, value, "count"), 1.0, stretches)
    assert told == Evidence(value, 2 * math.sqrt(bursts + 0.375), 1.0, 1.0, COUNT, 1e6, cluster)


def test_scales_end_somewhere():
    assert off_scale(on_scale(-5.0, COUNT), COUNT) == 0.0
    assert off_scale(-3.0, COUNT) == 0.0
    assert off_scale(0.5, COUNT) == 0.0  # below the least that a count gives
    assert off_scale(800.0, 1.0) == off_scale(700.0, 1.0) == math.sinh(700.0)
    assert off_scale(-800.0, 1.0) == -math.sinh(700.0)
    assert off_scale(800.0, -10.0) == 8000.0


def test_a_wider_error_is_taken_one_standard_error_out():
    evidence = Evidence(100.0, on_scale(100.0, 1.0), 0.0, 0.0, 1.0)
    wide = widened(evidence, 50.0)
    assert off_scale(evidence.y + wide.high, 1.0) == pytest.approx(150.0)
    assert off_scale(evidence.y - wide.low, 1.0) == pytest.approx(50.0)
    again = widened(Evidence(100.0, evidence.y, 0.3, 0.4, 1.0), 50.0)
    assert (again.low, again.high) == pytest.approx(
        (math.hypot(0.3, wide.low), math.hypot(0.4, wide.high))
    )


def stamps(late, period=1e4, joined=None, cost=0.0):
    late = np.asarray(late, float)
    index = np.arange(late.size, dtype=np.int64)
    joins = np.ones(max(late.size - 1, 0), np.bool_) if joined is None else joined
    return TaskStamps(period, index * period + late, index, joins, cost)


def test_the_tilt_of_a_step_is_two_standard_errors():
    """A step by J in the middle of the window T: residuals of J / 4, three times that over T."""
    n, jump = 2000, 80.0
    stamps_with_step = stamps(jump * (np.arange(n) >= n // 2))
    window_s = ((n - 1) * 1e4 + jump) / 1e6
    assert tilt_ppm(stamps_with_step) == pytest.approx(3.0 * jump / 4.0 / window_s, rel=1e-3)
    assert tilt_ppm(stamps([])) == 0.0
    assert tilt_ppm(stamps([5.0])) == 0.0
    line = stamps(0.25 * np.arange(100))
    assert tilt_ppm(line) == pytest.approx(0.0, abs=1e-6)


def test_jitter_is_of_intervals_that_follow_each_other():
    """Lateness of +-5 in turn: intervals of +-10 about the period, changes of 20."""
    late = 5.0 * (-1.0) ** np.arange(201)
    told = task_evidence(stamps(late), 1.0)
    assert told["period_jitter_rms_us"].value == pytest.approx(10.0, rel=1e-3)
    assert told["c2c_jitter_rms_us"].value == pytest.approx(20.0)
    assert told["tie_rms_us"].value == pytest.approx(5.0, rel=1e-2)
    joined = np.ones(200, np.bool_)
    joined[100] = False
    late[101:] += 1000.0  # behind what is lost the lateness is another
    told = task_evidence(stamps(late, joined=joined), 1.0)
    assert told["period_jitter_rms_us"].value == pytest.approx(10.0, rel=1e-3)
    assert told["c2c_jitter_rms_us"].value == pytest.approx(20.0)


def test_the_error_of_jitter_is_half_that_of_its_square():
    late = np.random.default_rng(6).normal(0.0, 50.0, 401)
    gaps = 1e4 + np.diff(late)
    squares = np.square(gaps - gaps.mean())
    error = mean_error(squares)
    told = task_evidence(stamps(late), 1.0)["period_jitter_rms_us"]
    value = math.sqrt(squares.mean())
    assert told.value == pytest.approx(value)
    side = 0.5 * error.standard / squares.mean() * value / math.hypot(value, 1.0)
    assert (told.low, told.high, told.dof) == pytest.approx((side, side, error.dof))
    assert error.dof == 21


def test_samples_beyond_a_rank_are_gamma_distributed():
    """The median of a gamma variable is a third below its mean, its spread the root of that."""
    assert _exceeding(30.0, 1.0, 0.0) == pytest.approx(30.0 - 1 / 3, abs=0.01)
    assert _exceeding(30.0, 1.0, 1.96) == pytest.approx(41.65, abs=0.1)  # chi2(0.975, 60) / 2
    assert _exceeding(30.0, 1.0, -1.96) == pytest.approx(20.24, abs=0.1)  # chi2(0.025, 60) / 2
    assert _exceeding(0.01, 1.0, -2.0) == 0.0


@pytest.mark.parametrize("worth", [12.0, 300.0, 4000.0])
@pytest.mark.parametrize("quantile", [0.5, 0.99])
@pytest.mark.parametrize("side", [-1, 1])
def test_an_end_is_the_order_statistic_at_its_rank(side, quantile, worth):
    """Of 0..n-1 each value is its rank, between two of them in proportion, the largest at most."""
    n = 5000
    reach = _reaches(quantile, worth)[0 if side < 0 else 1]
    share = _exceeding(worth * (1.0 - quantile), quantile, -side * reach) / worth
    rank = min(max((1.0 - share) * n - 0.5, 0.0), n - 1.0)
    end = _rank_end(np.arange(float(n)), quantile, worth, side, 1.0)
    assert end == pytest.approx(math.asinh(rank))


def test_ends_are_as_far_out_as_a_third_of_a_sample_is_left():
    """Upward 2.5, 1.5 or 0.8 standard errors; of a hundredth of a sample the least."""
    for quantile, worth in ((0.5, 400.0), (0.99, 400.0), (0.999, 12.0), (0.99, 200.0)):
        down, up = _reaches(quantile, worth)
        left = [_exceeding(worth * (1.0 - quantile), quantile, -z) for z in (2.5, 1.5, 0.8)]
        assert down == 2.5
        assert up == next((z for z, k in zip((2.5, 1.5), left, strict=False) if k >= 0.35), 0.8)


def test_a_mean_is_worth_the_independent_samples_it_has():
    """Ten equal values in a row are one; a series without variance has no error at all."""
    noise = np.random.default_rng(12).normal(0.0, 1.0, 4000)
    assert _worth(noise) == pytest.approx(4000, rel=0.5)
    assert _worth(np.repeat(noise, 10)) == pytest.approx(4000, rel=0.5)
    assert _worth(np.full(77, 3.0)) == 77


def test_a_percentile_needs_as_many_samples_as_bound_it():
    needed = needed_samples(0.99)
    series = np.random.default_rng(4).exponential(100.0, needed)
    assert "lateness_p99_us" in percentile_evidence("lateness", series, 1.0)
    assert "lateness_p99_us" not in percentile_evidence("lateness", series[1:], 1.0)


def test_jitter_below_what_the_clock_makes_is_none():
    """Mean squares at most three times the clock's own: step**2 / 6, / 2 and / 12."""
    late = 5.0 * (-1.0) ** np.arange(201)
    for metric, square, clock in (
        ("period_jitter_rms_us", 100.0, 1 / 6),
        ("c2c_jitter_rms_us", 400.0, 1 / 2),
        ("tie_rms_us", 25.0, 1 / 12),
    ):
        limit = math.sqrt(square / (3.0 * clock))
        assert metric in task_evidence(stamps(late), 0.99 * limit)
        assert metric not in task_evidence(stamps(late), 1.01 * limit)


@pytest.mark.parametrize(("n", "jitter", "tie"), [(15, 0, 0), (16, 0, 1), (17, 1, 1), (18, 1, 1)])
def test_sixteen_values_are_needed(n, jitter, tie):
    late = np.random.default_rng(8).permutation(np.linspace(-50.0, 50.0, n))
    told = task_evidence(stamps(late), 1.0)
    assert ("period_jitter_rms_us" in told) is bool(jitter)
    assert ("c2c_jitter_rms_us" in told) is (n >= 18)
    assert ("tie_rms_us" in told) is bool(tie)


def test_the_cost_of_a_reading_is_taken_off_the_lateness():
    rng = np.random.default_rng(1)
    late = rng.normal(500.0, 50.0, 1001)
    told = task_evidence(stamps(late, cost=3.0), 1.0)
    assert told["lateness_p50_us"].value == pytest.approx(np.sort(late)[500] - 3.0)


@pytest.mark.parametrize(("n", "dof"), [(1000, 4), (2000, 4)])
def test_percentiles_have_the_scale_of_the_clock(n, dof):
    series = np.random.default_rng(2).exponential(100.0, n)
    for step, c in ((0.5, 1.0), (30.5, 30.5)):
        told = percentile_evidence("lateness", series, step)["lateness_p50_us"]
        assert told.value == np.sort(series)[n // 2 - 1]
        assert (told.c, told.cluster) == (c, 1.0)
        assert told.y == pytest.approx(math.asinh(told.value / c))
        assert told.dof >= dof


def test_the_error_of_a_median_is_that_of_its_rank():
    """Of white noise, uniform from 0 to 1000: sigma = 1000 / (2 sqrt(n)), and the clock's 0.29."""
    n = 4001
    series = np.random.default_rng(3).permutation(np.linspace(0.0, 1000.0, n))
    for step in (1.0, 40.0):
        told = percentile_evidence("lateness", series, step)["lateness_p50_us"]
        c = max(1.0, step)
        sigma = math.hypot(1000.0 / (2.0 * math.sqrt(n)), 0.29 * step) / math.hypot(500.0, c)
        assert told.low == pytest.approx(sigma, rel=0.2)
        assert told.high == pytest.approx(sigma, rel=0.2)


def test_tasks_are_pooled_in_the_order_of_time():
    """One task is late in the first half, the other in the second: in all half is late."""
    n = 1000
    first, second = np.where(np.arange(n) < n // 2, 900.0, 100.0), np.full(n, 100.0)
    second[n // 2 :] = 900.0
    noise = np.random.default_rng(5).normal(0.0, 10.0, (2, n))
    tasks = [stamps(first + noise[0]), stamps(second + noise[1])]
    whole = pooled_evidence(tasks, 1.0)["lateness_p50_us"]
    together = np.sort(np.concatenate([stamps.lateness_us for stamps in tasks]))
    assert whole.value == pytest.approx(together[n - 1])
    # by time every second activation is late, which is no correlation at all
    in_turn = np.ravel([tasks[0].lateness_us, tasks[1].lateness_us], order="F")
    assert whole == percentile_evidence("lateness", in_turn, 1.0)["lateness_p50_us"]


@pytest.mark.parametrize(
    ("counted", "stretches"),
    [([], 0), ([1], 1), ([0], 0), ([1, 0], 1), ([0, 1], 1), ([1, 1, 0, 1], 2), ([0, 1, 1, 0], 1)],
)
def test_stretches_begin_where_an_entry_follows_none(counted, stretches):
    assert stretches_of(np.array(counted, np.bool_)) == stretches
