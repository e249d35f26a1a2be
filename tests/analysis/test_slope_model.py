"""A slope against the model as it is written down: white noise and a random walk of block means.

Each ratio of the two by itself, by generalised least squares with whole matrices; weighted by the
restricted likelihood and the prior odds. The bounds are where the mixture of t distributions has
2.5 % on either side.
"""

import math

import numpy as np
import pytest

from hil.analysis.uncertainty.distributions import t_cdf
from hil.analysis.uncertainty.slope import _mixture_quantiles, block_means, calm, slope_of

RATIOS = np.array([0.0, *(10.0 ** (-3.0 + k / 4) for k in range(25))])


def walk_of_means(m):
    """Covariance of means of a random walk over m stretches: min(i, j) + 1/2, or i + 1/3."""
    index = np.arange(m)
    cov = np.minimum.outer(index, index) + 0.5
    cov[index, index] = index + 1.0 / 3.0
    return cov


def expected(at, means, cov, floor=0.0, odds=1000.0):
    """Slope, its two ends, the weight of a walk that is as wide as the noise, its growth."""
    m = at.size
    unit = (at[-1] - at[0]) / (m - 1)
    design = np.stack([np.ones(m), (at - at.mean()) / unit], axis=1)
    logs, slopes, errors, sigma2 = [], [], [], []
    for ratio in RATIOS:
        inverse = np.linalg.inv(np.eye(m) + ratio * cov)
        gram = design.T @ inverse @ design
        beta = np.linalg.solve(gram, design.T @ inverse @ means)
        rest = means - design @ beta
        left = rest @ inverse @ rest + (m - 2) * floor
        slopes.append(beta[1])
        sigma2.append(left / (m - 2))
        errors.append(math.sqrt(sigma2[-1] * np.linalg.inv(gram)[1, 1]))
        _, log_det = np.linalg.slogdet(inverse)
        _, log_gram = np.linalg.slogdet(gram)
        logs.append(0.5 * (log_det - log_gram - (m - 2) * math.log(left)))
    logs = np.array(logs)
    logs[0] += math.log(odds)
    weight = np.exp(logs - logs.max())
    weight /= weight.sum()

    def below(value):
        return sum(
            w * t_cdf((value - s) / e, m - 2)
            for w, s, e in zip(weight, slopes, errors, strict=True)
        )

    ends = []
    for wanted in (0.025, 0.975):
        low, high = (f(slopes) + k * 60 * max(errors) for f, k in ((min, -1), (max, 1)))
        for _ in range(100):
            middle = (low + high) / 2
            low, high = (middle, high) if below(middle) < wanted else (low, middle)
        ends.append(low / unit)
    walk = math.sqrt(float(weight @ (np.array(sigma2) * RATIOS)) / unit)
    wander = float(weight[m * RATIOS >= 2.0].sum())
    return float(weight @ slopes) / unit, *ends, wander, walk


def check(measured, told):
    slope, lo, hi, wander, walk = told
    wide = hi - lo
    assert measured.value == pytest.approx(slope, abs=1e-3 * wide)
    assert measured.lo == pytest.approx(lo, abs=1e-3 * wide)
    assert measured.hi == pytest.approx(hi, abs=1e-3 * wide)
    assert measured.wander == pytest.approx(wander, abs=1e-4)
    assert measured.walk_rms == pytest.approx(walk, rel=1e-3)


@pytest.mark.parametrize("n", [8, 20, 64, 64 * 5])
@pytest.mark.parametrize("kind", ["white", "walk", "faint"])
def test_white_noise_a_walk_and_both(n, kind):
    rng = np.random.default_rng(n)
    x = 100.0 + 7.0 * np.arange(n)
    y = 5000.0 + 30.0 * x + rng.normal(0.0, 10.0, n)
    if kind != "white":
        y += np.cumsum(rng.normal(0.0, 50.0 if kind == "walk" else 3.0, n))
    at, means = block_means(x, y)
    assert at.size == min(n, 64)
    check(slope_of(x, y, calmed=False), expected(at, means, walk_of_means(at.size)))
    with_odds = slope_of(x, y, white_odds=3.0, calmed=False)
    check(with_odds, expected(at, means, walk_of_means(at.size), odds=3.0))


def test_stretches_that_are_not_even_have_their_own_places():
    """A third of the x is a hole: the walk grows over it too."""
    rng = np.random.default_rng(3)
    x = np.concatenate([np.arange(20.0), 30.0 + np.arange(20.0)])
    y = 0.5 * x + np.cumsum(rng.normal(0.0, 2.0, 40)) + rng.normal(0.0, 1.0, 40)
    places = (x - x[0]) / ((x[-1] - x[0]) / 39)
    check(slope_of(x, y, calmed=False), expected(x, y, np.minimum.outer(places, places)))


def test_a_clock_step_is_noise_of_its_own_and_can_tilt_the_line():
    """Without noise beyond the step the whole line may be off by a step over its length."""
    x = np.arange(64.0) * 3.0
    y = np.floor(0.3 * x / 8.0) * 8.0
    told = expected(x, y, walk_of_means(64), floor=8.0**2 / 12.0)
    slope, lo, hi, *_ = told
    measured = slope_of(x, y, 8.0, calmed=False)
    tilt = 8.0 / (63 * 3.0)
    wide = hi - lo
    assert measured.value == pytest.approx(slope, abs=1e-3 * wide)
    assert measured.lo == pytest.approx(slope - math.hypot(slope - lo, tilt), abs=1e-3 * wide)
    assert measured.hi == pytest.approx(slope + math.hypot(hi - slope, tilt), abs=1e-3 * wide)
    noisy = y + np.random.default_rng(1).normal(0.0, 20.0, 64)
    check(slope_of(x, noisy, 8.0, calmed=False),
          expected(x, noisy, walk_of_means(64), floor=8.0**2 / 12.0))  # fmt: skip


def test_noise_from_one_to_the_next_is_enough_to_spread_the_rounding():
    """Two steps up and down in turn: no tilt, though every second value is on the line."""
    x = np.arange(64.0) * 3.0
    y = 0.3 * x + 16.0 * (np.arange(64) % 2)
    told = expected(x, y, walk_of_means(64), floor=8.0**2 / 12.0)
    check(slope_of(x, y, 8.0, calmed=False), told)


def test_the_ends_of_a_mixture_have_their_share_below():
    centre, scale = np.array([0.0, 50.0, 51.0]), np.array([1.0, 4.0, 0.1])
    for weight in ([0.5, 0.4, 0.1], [0.98, 0.01, 0.01], [1.0, 1.0, 2.0]):
        for dof in (6, 62):
            ends = _mixture_quantiles(centre, scale, np.array(weight), dof)
            for end, share in zip(ends, (0.025, 0.975), strict=True):
                below = sum(
                    w * t_cdf((end - c) / s, dof) / sum(weight)
                    for w, c, s in zip(weight, centre, scale, strict=True)
                )
                assert below == pytest.approx(share, abs=1e-9)


@pytest.mark.parametrize("n", [3, 7])
def test_fewer_than_eight_points_are_a_line_without_bounds(n):
    x = np.arange(n) * 2.0
    slope = slope_of(x, 3.0 * x + 1.0, calmed=False)
    assert (slope.value, slope.lo, slope.hi) == (pytest.approx(3.0), None, None)
    assert (slope.wander, slope.walk_rms) == (0.0, 0.0)


def test_block_means_leave_out_what_fills_no_block():
    x, y = np.arange(130.0), np.arange(130.0) ** 2
    at, means = block_means(x, y)
    assert at.size == 43  # of three each, one is left
    assert at.tolist() == (3.0 * np.arange(43) + 1.0).tolist()
    assert means[0] == pytest.approx(5 / 3)
    at, means = block_means(np.arange(64), np.arange(64.0))
    assert (at.dtype, at.size) == (np.float64, 64)


def test_outliers_are_drawn_in_to_five_sigma_of_their_blocks_median():
    """Values of +-1 about a level of each block: the median deviation is 1."""
    y = np.repeat([0.0, 100.0], 8) + np.tile([1.0, -1.0], 8)
    y[3], y[12] = 900.0, -900.0
    y = np.append(y, [101.0, 5000.0])  # no whole block: by the last one's median
    limit = 5.0 * 1.4826
    calmed = calm(y, 8, 0.0)
    first, second = np.median(y[:8]), np.median(y[8:16])
    expected_y = y.copy()
    away = np.abs(np.concatenate([y[:8] - first, y[8:16] - second]))
    limit *= np.median(away)
    expected_y[3], expected_y[12], expected_y[17] = first + limit, second - limit, second + limit
    np.testing.assert_allclose(calmed, expected_y)
    assert calm(y, 1, 0.0).tolist() == calmed.tolist()  # at least eight to a block
    assert calm(y[:7], 8, 0.0) is not None
    assert calm(y[:7], 8, 0.0).tolist() == y[:7].tolist()


def test_a_slope_draws_in_by_the_blocks_that_it_averages():
    """6400 points are 64 blocks of a hundred."""
    rng = np.random.default_rng(9)
    x = np.arange(6400.0)
    y = 0.1 * x + rng.normal(0.0, 1.0, 6400)
    y[::97] += 400.0
    assert slope_of(x, y, 0.5) == slope_of(x, calm(y, 100, 0.5), 0.5, calmed=False)
    assert slope_of(x, y, 0.5) != slope_of(x, calm(y, 8, 0.5), 0.5, calmed=False)


def test_a_clock_step_is_never_drawn_in():
    y = np.zeros(16)
    y[5] = 3.0
    assert calm(y, 8, 4.0).tolist() == y.tolist()
    assert calm(y, 8, 2.0)[5] == 2.0


@pytest.mark.parametrize("n", [3, 7])
def test_few_points_at_one_place_have_no_slope(n):
    slope = slope_of(np.full(n, 5.0), np.arange(float(n)), 1.0)
    assert (slope.value, slope.lo, slope.hi) == (0.0, None, None)
