import math

import numpy as np
import pytest
from scipy import stats

from hil.analysis.uncertainty import distributions, order_statistics
from hil.analysis.uncertainty.correlated import mean_error, rms_bounds
from hil.analysis.uncertainty.order_statistics import percentile
from hil.analysis.uncertainty.slope import slope_of


@pytest.mark.parametrize(("a", "b"), [(0.5, 0.5), (3, 7), (399.2, 1.8), (2000, 2001), (1e5, 40)])
def test_beta_against_scipy(a, b):
    for x in (1e-6, 0.01, 0.3, 0.5, 0.9, 0.995, 0.9996):
        assert distributions.beta_cdf(x, a, b) == pytest.approx(
            stats.beta.cdf(x, a, b), rel=1e-9, abs=1e-12
        )


@pytest.mark.parametrize("dof", [2, 5, 40, 200])
def test_t_against_scipy(dof):
    for p in (0.025, 0.3, 0.5, 0.975, 0.999):
        assert distributions.t_quantile(p, dof) == pytest.approx(stats.t.ppf(p, dof), abs=1e-8)


def test_sample_sizes_of_the_percentiles():
    assert order_statistics.needed_samples(0.99) == 299
    assert order_statistics.needed_samples(0.999) == 2995
    assert order_statistics.needed_samples(0.9999) == 29956
    assert order_statistics.covered_share(299) == pytest.approx(0.99, abs=1e-4)
    share = order_statistics.covered_share_of_range(1000)
    confidence = 1 - 1000 * share**999 + 999 * share**1000
    assert confidence == pytest.approx(0.95)


def test_ranks_of_the_median_are_those_of_the_binomial():
    low, high = distributions.quantile_ranks(0.5, 100.0, 0.95)
    assert low + high == pytest.approx(101.0)
    assert low == pytest.approx(40.7, abs=0.6)
    far_low, far_high = distributions.quantile_ranks(0.5, 1e6, 0.95)
    assert far_high - far_low == pytest.approx(2 * 1.96 * 500, rel=1e-3)


def test_percentile_without_enough_independent_samples_has_no_bounds():
    values = np.arange(300.0)
    assert percentile(values, 0.99, 300.0, 0.0)[1].hi is None
    assert percentile(values, 0.5, 300.0, 0.0)[1].hi is not None


def test_error_of_a_mean_of_white_and_of_correlated_samples():
    rng = np.random.default_rng(0)
    white = rng.normal(0.0, 1.0, 40_000)
    assert mean_error(white).standard == pytest.approx(1 / 200, rel=0.35)
    same = np.repeat(white[:400], 100)
    assert mean_error(same).standard == pytest.approx(1 / 20, rel=0.35)


def test_outliers_that_carry_a_figure_take_its_bounds():
    squares = np.ones(2000)
    squares[7] = 1e8
    bounds = rms_bounds(squares, 0, 0.0)
    assert bounds.hi is None
    assert bounds.lo < math.sqrt(float(squares.mean()))
    assert "outliers" in (bounds.why_not or "")


def test_clock_step_is_taken_out_of_a_root_mean_square():
    rng = np.random.default_rng(1)
    true = rng.normal(0.0, 40.0, 50_000)
    step = 30.0
    seen = np.floor(true / step + rng.random()) * step
    bounds = rms_bounds((seen - seen.mean()) ** 2, 1, step**2 / 12)
    assert bounds.lo < 40.0 < bounds.hi
    raw = math.sqrt(float(np.mean((seen - seen.mean()) ** 2)))
    assert bounds.lo < raw <= bounds.hi
    assert rms_bounds(np.zeros(100), 0, step**2 / 12).hi == pytest.approx(15.0)


def test_slope_of_an_exact_line_and_of_uneven_times():
    x = np.arange(1000.0)
    line = slope_of(x, 0.25 * x + 7.0)
    assert line.value == pytest.approx(0.25)
    assert line.lo <= 0.25 <= line.hi
    rng = np.random.default_rng(2)
    uneven = np.concatenate((rng.random(50), 60 + rng.random(50))).cumsum()
    fit = slope_of(uneven, 0.25 * uneven + rng.normal(0, 1, 100))
    assert fit.lo < 0.25 < fit.hi
