"""Errors and bounds against their formulas, written out; percentiles of numbers that are ranks."""

import math

import numpy as np
import pytest
from captures import PERIOD, capture, grid, track

from hil.analysis.late_samples import ArraySamples
from hil.analysis.metric_sheet import MetricSheet, extreme_bounds
from hil.analysis.streaming_stats import Extremes, SquareSums
from hil.analysis.uncertainty.correlated import (
    cell_means,
    effective_samples,
    mean_error,
    rms_bounds,
)
from hil.analysis.uncertainty.distributions import normal_quantile, quantile_ranks, t_quantile
from hil.analysis.uncertainty.effective_number import Stretches
from hil.analysis.uncertainty.extremes import extreme_number
from hil.analysis.uncertainty.order_statistics import percentile
from hil.analysis.uncertainty.percentiles import add_percentiles
from hil.experiments.evaluation import summarise_capture


def cosines(values, dof):
    """Mean square of the slowest cosines' parts of ``values``."""
    values = np.asarray(values, float) - np.mean(values)
    cells = values.size
    time = (np.arange(cells) + 0.5) / cells
    parts = [
        math.sqrt(2.0 / cells) * math.fsum(values * np.cos(math.pi * k * time))
        for k in range(1, dof + 1)
    ]
    return math.fsum(part * part for part in parts) / dof


@pytest.mark.parametrize(("n", "dof"), [(8, 4), (30, 4), (64, 6), (400, 21)])
def test_the_error_of_a_mean_rests_on_the_slowest_cosines(n, dof):
    series = np.random.default_rng(n).normal(3.0, 2.0, n)
    error = mean_error(series)
    assert error.dof == dof  # 0.4 n^(2/3), four at least
    assert error.standard == pytest.approx(math.sqrt(cosines(series, dof) / n))
    assert error.half_width() == pytest.approx(t_quantile(0.975, dof) * error.standard)
    assert error.half_width(0.9) == pytest.approx(t_quantile(0.95, dof) * error.standard)


@pytest.mark.parametrize(("memory", "dof"), [(1, 21), (10, 20), (20, 10), (200, 4)])
def test_windows_that_overlap_leave_slower_ones_only(memory, dof):
    series = np.random.default_rng(1).normal(0.0, 2.0, 400)
    error = mean_error(series, memory=memory)
    assert error.dof == dof
    assert error.standard == pytest.approx(math.sqrt(cosines(series, dof) / 400))


def test_cells_are_equal_and_a_rest_is_left_out():
    assert cell_means(np.arange(10.0), 4).tolist() == [1.0, 4.0, 7.0]
    assert cell_means(np.arange(4.0), 4).tolist() == [0.0, 1.0, 2.0, 3.0]
    error = mean_error(np.arange(10.0), 4)
    assert error.dof == 4
    assert error.standard == pytest.approx(math.sqrt(cosines([1.0, 4.0, 7.0], 4) / 3))


@pytest.mark.parametrize("lost", [0, 2])
def test_bounds_of_a_root_mean_square_are_even_on_the_log_scale(lost):
    squares = np.random.default_rng(2).normal(0.0, 5.0, 300) ** 2
    clock = 0.5
    error = mean_error(squares)
    mean = squares.mean() * 300 / (300 - lost)
    width = t_quantile(0.975, error.dof) * error.standard / mean
    bounds = rms_bounds(squares, lost, clock)
    assert bounds.lo == pytest.approx(math.sqrt((mean - clock) * math.exp(-width)))
    assert bounds.hi == pytest.approx(math.sqrt((mean - clock) * math.exp(width)))


def test_a_clock_that_makes_a_third_of_it_hides_the_rest():
    squares = np.full(100, 3.0)
    bounds = rms_bounds(squares, 0, 1.0)
    assert (bounds.lo, bounds.hi) == (0.0, math.sqrt(6.0))
    bounds = rms_bounds(squares, 0, 0.99)
    assert bounds.lo == pytest.approx(math.sqrt(2.01))
    assert bounds.hi == math.sqrt(3.0)  # never without the figure itself


def test_few_samples_or_few_that_carry_have_no_bounds():
    assert rms_bounds(np.ones(7), 0, 0.0).why_not == "needs 8 samples for bounds"
    assert rms_bounds(np.ones(8), 0, 0.0).lo == pytest.approx(1.0)
    # k equal squares among zeros carry as k samples: 150 are enough of many, of few one in 3.5
    for n, enough in ((1000, 150), (105, 30)):
        for count, given in ((enough, True), (enough - 1, False)):
            squares = np.zeros(n)
            squares[:: n // count][:count] = 4.0
            assert np.count_nonzero(squares) == count
            bounds = rms_bounds(squares, 0, 0.0)
            assert (bounds.hi is not None) is given
            assert 0.0 < bounds.lo <= math.sqrt(squares.mean())
    text = "rests on a few outliers; a longer capture would give an upper bound"
    assert rms_bounds(squares, 0, 0.0).why_not == text


def test_sums_of_nothing_are_zero():
    sums = SquareSums(0)
    assert (sums.mean, sums.total, sums.fourths) == (0.0, 0.0, 0.0)


def test_the_farthest_of_two_as_far_is_the_high_one():
    span = Extremes()
    span.add(np.array([1.0, -5.0, 5.0]), 10)
    assert (span.low_at, span.high_at, span.farthest_at, span.spread) == (11, 12, 12, 10.0)
    span.add(np.array([-5.0, 5.0, -6.0]), 20, np.array([4, 5, 9]))
    assert (span.low_at, span.high_at, span.farthest_at) == (29, 12, 29)
    span.add(np.empty(0), 30)
    assert span.spread == 11.0


@pytest.mark.parametrize("quantile", [0.5, 0.99])
@pytest.mark.parametrize("worth", [1.0, 0.5])
def test_a_percentile_is_a_rank_and_so_are_its_bounds(quantile, worth):
    """Of 0, 10, 20, ... the value at a rank is ten times it; half a step of the clock besides."""
    n, step = 5000, 4.0
    samples = 10.0 * np.arange(n)
    value, bounds = percentile(samples, quantile, worth * n, step)
    assert value == 10.0 * (quantile * n - 1)
    low, high = quantile_ranks(quantile, worth * n, 0.95)
    scale = (n + 1.0) / (worth * n + 1.0)
    shift = 0.475 * step
    assert bounds.lo == pytest.approx(value - math.hypot(value - 10 * (low * scale - 1), shift))
    assert bounds.hi == pytest.approx(value + math.hypot(10 * (high * scale - 1) - value, shift))


@pytest.mark.parametrize("each", [1, 4])
def test_within_a_step_of_the_clock_samples_are_spread_evenly(each):
    """Each of 0..999 so many times: the sample of rank r lies at (r - 1/2) / each - 1/2."""
    n = 1000 * each
    samples = np.repeat(np.arange(1000.0), each)
    value, bounds = percentile(samples, 0.5, float(n), 1.0, common=False)
    assert value == pytest.approx((n / 2 - 0.5) / each - 0.5)
    low, high = quantile_ranks(0.5, float(n), 0.95)
    assert bounds.lo == pytest.approx((low - 0.5) / each - 0.5, abs=0.02)
    assert bounds.hi == pytest.approx((high - 0.5) / each - 0.5, abs=0.02)


def test_rounding_is_not_taken_off_beyond_the_order_statistics():
    """Spread over four steps: bounds far from the mean keep their ranks, they are never inside."""
    samples = np.sort(np.rint(np.random.default_rng(3).normal(0.0, 1.2, 4000)))
    for quantile in (0.01, 0.5, 0.99):
        value, bounds = percentile(samples, quantile, 4000.0, 1.0, common=False)
        assert bounds.lo < value < bounds.hi
        assert bounds.hi - bounds.lo < 1.2


def test_samples_that_are_too_few_for_a_side_say_so():
    samples = np.arange(1000.0)
    _, bounds = percentile(samples, 0.99, 20.0, 1.0)
    assert bounds.why_not == "too few independent samples for an upper bound"
    _, bounds = percentile(samples, 0.01, 20.0, 1.0)
    assert bounds.why_not == "too few independent samples for a lower bound"


def test_independent_samples_are_worth_themselves():
    rng = np.random.default_rng(4)
    n, cells, quantile = 40_000, 400, 0.5
    above = rng.binomial(n // cells, 0.5, cells) / (n // cells)
    flat = np.full(cells, above.mean())
    error = mean_error(above - flat)
    ratio = error.standard**2 / (quantile * (1 - quantile) / n)
    ratio *= (t_quantile(0.975, error.dof) / normal_quantile(0.975)) ** 2
    assert effective_samples(above, flat, n, quantile) == pytest.approx(n / ratio)
    # few in the tail, and no more correlated than chance: all of them count
    assert effective_samples(above, flat, 50, quantile) == 50.0
    assert effective_samples(flat, flat, n, quantile) == n / 0.02


def test_a_share_is_never_said_to_be_more_than_it_is():
    assert "covers 99.999 % of" in extreme_bounds(0.999999).why_not
    assert "covers 97 % of" in extreme_bounds(0.97).why_not


def reasons(n):
    taken = summarise_capture(capture(track(grid(n))))
    return {(r.metric, r.reason) for r in taken.reasons if r.task == 0}


def test_what_two_activations_can_not_tell_is_said():
    three = "needs three activations with no lost stamp between them"
    for metric in ("period_jitter_rms_us", "period_jitter_pp_us", "c2c_jitter_rms_us"):
        assert (metric, three) in reasons(2)
    assert ("c2c_jitter_max_us", three) in reasons(2)
    assert not [metric for metric, reason in reasons(3) if reason == three]
    two = "needs two activations with no lost stamp between them"
    assert ("period_mean_us", two) in reasons(1)
    assert ("period_mean_us", two) not in reasons(2)
    assert {("tie_rms_us", "needs three activations"), ("tie_pp_us", "needs three activations"),
            ("schedule_drift_ppm", "needs three activations")} <= reasons(2)  # fmt: skip
    assert ("lateness_max_us", "no activation was recorded") in reasons(0)


@pytest.mark.parametrize(("n", "given"), [(39, False), (40, True)])
def test_deviations_at_a_tenth_of_a_second_need_four_of_them(n, given):
    taken = summarise_capture(capture(track(grid(n) + np.arange(n) % 3)))
    metrics = {m.metric for m in taken.measurements}
    assert ("adev_100ms" in metrics) is given
    assert ("tdev_100ms_us" in metrics) is given
    assert "mtie_100ms_us" in metrics


def test_a_drift_over_hundreds_of_thousands_of_activations():
    """More than are calmed one by one: 20 ppm, found to a hundredth of it."""
    n = 270_000
    late = np.random.default_rng(5).normal(0.0, 30.0, n)
    stamps = np.rint(np.arange(n) * PERIOD * (1 + 20e-6) + 500 + late).astype(np.int64)
    taken = summarise_capture(capture(track(stamps, given=np.arange(n))))
    by_metric = {m.metric: m for m in taken.measurements}
    drift = by_metric["schedule_drift_ppm"]
    assert drift.value == pytest.approx(20.0, abs=0.01)
    assert drift.lo < 20.0 < drift.hi
    assert drift.hi - drift.lo < 0.02
    assert by_metric["period_mean_us"].value == pytest.approx(PERIOD * (1 + 20e-6), rel=1e-7)


@pytest.mark.parametrize("step", [0.0, 1.02, 2.0])
def test_windows_that_are_locked_to_levels_of_their_own_are_the_samples(step):
    """A timer on its grid is as late in all of a window; the next window begins elsewhere."""
    rng = np.random.default_rng(5)
    levels = np.repeat([625.0, 612.0, 518.0], 170)
    series = levels + np.floor(step * rng.random(levels.size))
    samples = ArraySamples(series, [0, 170, 340])
    sheet = MetricSheet()
    add_percentiles(sheet, "lateness", samples, step_us=1.0)
    for figure in sheet.figures:
        assert figure.n_effective <= 3.0
        assert figure.bounds.lo <= 520.0
        assert figure.bounds.hi > 640.0
    assert extreme_number(Stretches.of_samples(samples), samples.size) <= 3.0


def test_equal_windows_that_are_locked_to_one_level_keep_their_number():
    samples = ArraySamples(np.full(510, 625.0), [0, 170, 340])
    sheet = MetricSheet()
    add_percentiles(sheet, "lateness", samples, step_us=1.0)
    assert {figure.n_effective for figure in sheet.figures} == {510.0}
    assert extreme_number(Stretches.of_samples(samples), samples.size) == 510.0
