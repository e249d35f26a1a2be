"""The fit of a slope: closed forms, invariants, and how often its bounds hold the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize, stats

from hil.analysis.uncertainty import line_spectra
from hil.analysis.uncertainty.line_spectra import mixture_quantiles
from hil.analysis.uncertainty.slope import CELLS, calm, plain_slope, slope_of


def joined(windows, n):
    """Releases of windows of ``n`` samples with a hole between them, and where they begin."""
    x = np.concatenate([np.arange(n) + 1000.0 * window for window in range(windows)])
    return x, [n * window for window in range(windows)]


def ends(fit):
    return fit.value, fit.lo, fit.hi


@pytest.mark.parametrize("dof", [4.0, 9.0, 31.0])
def test_the_distribution_function_is_students(dof):
    z = np.linspace(-12.0, 12.0, 200)
    exact = stats.t.cdf(z, dof)
    assert np.abs(line_spectra._t_cdf(z, dof) - exact).max() < 1e-3
    tail = (z < -2.0) & (exact > 1e-3)
    assert line_spectra._t_cdf(z[tail], dof) == pytest.approx(exact[tail], rel=0.15)


def test_quantiles_of_a_mixture_are_those_of_its_distribution_function():
    centre, scale, weight = (
        np.array([0.0, 3.0, -1.0]),
        np.array([1.0, 0.2, 4.0]),
        np.array([4, 1, 2]),
    )
    quantiles = mixture_quantiles(centre, scale, weight, 20.0)

    def below(value):
        return float(np.dot(weight / 7.0, stats.t.cdf((value - centre) / scale, 20.0)))

    for end, wanted in zip(quantiles, (0.025, 0.975), strict=True):
        exact = optimize.brentq(lambda value, p=wanted: below(value) - p, -100.0, 100.0)
        assert end == pytest.approx(exact, rel=0.01)


def test_white_error_alone_gives_the_least_squares_line_of_what_is_kept():
    """32 coefficients, those of the line fall like 1/j^2: all but 1e-5 of it is in them."""
    rng = np.random.default_rng(1)
    x = np.arange(400.0)
    sigma = 10.0 / math.sqrt(np.square(x - x.mean()).sum())
    widths = []
    for _ in range(40):
        y = 0.5 * x + rng.normal(0.0, 10.0, x.size)
        fit = slope_of(x, y, "white")
        assert fit.value == pytest.approx(plain_slope([(x, y)]), abs=0.05 * sigma)
        assert fit.dof == 31.0
        widths.append(fit.hi - fit.lo)
    assert np.mean(widths) == pytest.approx(2 * stats.t.ppf(0.975, 31) * sigma, rel=0.15)


@pytest.mark.parametrize("error", ["stationary", "walk", "white"])
def test_an_exact_line_has_its_slope_in_every_window(error):
    x, starts = joined(3, 60)
    y = 0.25 * x + np.repeat([7.0, -900.0, 1e5], 60)
    fit = slope_of(x, y, error, starts)
    assert fit.value == pytest.approx(0.25)
    assert fit.hi - fit.lo < 1e-6
    assert (fit.bend, fit.dof) == (0.0, pytest.approx(32.0, abs=2))


@pytest.mark.parametrize("error", ["stationary", "walk"])
def test_levels_of_the_windows_and_units_drop_out(error):
    rng = np.random.default_rng(5)
    x, starts = joined(3, 80)
    y = rng.normal(0.0, 20.0, x.size)
    plain = slope_of(x, y, error, starts)
    moved = slope_of(x, y + np.repeat([0.0, 5e4, -3e3], 80), error, starts)
    assert ends(moved) == pytest.approx(ends(plain), rel=1e-6, abs=1e-9)
    scaled = slope_of(x, 7.0 * y + 3.0 * x, error, starts)
    assert ends(scaled) == pytest.approx([7.0 * end + 3.0 for end in ends(plain)], rel=1e-6)
    with_gaps = slope_of(x * 2.0, y, error, starts)
    assert ends(with_gaps) == pytest.approx([end / 2.0 for end in ends(plain)], rel=1e-6)


def test_no_slope_reaches_across_windows():
    """Three flat windows at rising levels: as one they would rise, as windows they don't."""
    rng = np.random.default_rng(3)
    x, starts = joined(3, 100)
    y = np.repeat([0.0, 500.0, 1000.0], 100) + rng.normal(0.0, 5.0, 300)
    assert slope_of(x, y).lo > 0.1
    assert abs(slope_of(x, y, starts=starts).value) < 0.05


def test_rates_that_differ_between_windows_widen_the_bounds():
    rng = np.random.default_rng(4)
    x, starts = joined(3, 200)
    noise = rng.normal(0.0, 20.0, x.size)
    same = slope_of(x, noise, starts=starts)
    differ = slope_of(x, noise + np.repeat([-1.0, 0.2, 1.1], 200) * x, starts=starts)
    assert differ.between == pytest.approx(np.std([-1.0, 0.2, 1.1], ddof=1), rel=1.0)
    assert differ.hi - differ.lo > 10.0 * (same.hi - same.lo)
    assert differ.lo < 0.1 < differ.hi


def test_fewer_than_eight_points_give_no_bounds():
    x = np.arange(7.0)
    fit = slope_of(x, 2.0 * x)
    assert ends(fit) == (pytest.approx(2.0), None, None)
    assert slope_of(np.arange(8.0), 2.0 * np.arange(8.0)).lo is not None
    still = slope_of(np.full(20, 5.0), np.arange(20.0))
    assert ends(still) == (0.0, None, None)


def test_a_rate_that_changes_is_told_and_its_mean_is_the_slope():
    rng = np.random.default_rng(6)
    x, starts = joined(3, 300)
    inside = np.tile(np.arange(300.0) - 149.5, 3)
    y = 0.3 * x + 0.01 * inside**2 + rng.normal(0.0, 20.0, x.size)
    fit = slope_of(x, y, starts=starts)
    assert fit.bend == pytest.approx(0.02, rel=0.05)
    assert fit.lo < 0.3 < fit.hi
    straight = slope_of(x, y - 0.01 * inside**2, starts=starts)
    assert straight.bend == 0.0
    assert fit.hi - fit.lo < 1.5 * (straight.hi - straight.lo)


def test_a_walk_does_not_count_as_a_rate_that_changes():
    rng = np.random.default_rng(7)
    x = np.arange(300.0)
    bent = [slope_of(x, np.cumsum(rng.normal(0, 5, 300))).bend != 0.0 for _ in range(200)]
    assert sum(bent) <= 3


def test_only_what_may_wander_wanders():
    """Bimodal, bursty or walking: the word is for series whose releases nobody numbered."""
    rng = np.random.default_rng(3)
    x = np.arange(3000.0)
    walk = np.cumsum(rng.normal(0.0, 5.0, x.size))
    assert slope_of(x, walk).wander == 0.0
    assert slope_of(x, walk, "walk").wander > 0.95
    white = slope_of(x, rng.normal(0.0, 50.0, x.size), "walk")
    assert white.wander < 0.5


def test_the_growth_of_a_walk_is_found():
    rng = np.random.default_rng(8)
    x = 0.5 * np.arange(2000.0)
    growths = [slope_of(x, np.cumsum(rng.normal(0, 5, 2000)), "walk").walk_rms for _ in range(20)]
    assert np.median(growths) == pytest.approx(5.0 / math.sqrt(0.5), rel=0.15)


def test_jumps_to_one_side_lengthen_the_end_on_that_side():
    rng = np.random.default_rng(9)
    x = np.arange(300.0)
    jumps = rng.normal(0.0, 2.0, 300)
    jumps[[40, 90, 170, 200, 260]] += 3000.0
    up = slope_of(x, np.cumsum(jumps), "walk")
    assert up.hi - up.value > 1.2 * (up.value - up.lo)
    down = slope_of(x, -np.cumsum(jumps), "walk")
    assert ends(down) == pytest.approx((-up.value, -up.hi, -up.lo), rel=1e-3)


def test_a_stall_does_not_tilt_the_line():
    rng = np.random.default_rng(9)
    x = np.arange(500.0)
    y = rng.normal(0.0, 10.0, 500)
    y[470:473] += (7000.0, 5000.0, 3000.0)
    fit, raw = slope_of(x, y), slope_of(x, y, calmed=False)
    assert fit.lo < 0.0 < fit.hi
    assert raw.hi - raw.lo > 10.0 * (fit.hi - fit.lo)


def test_only_few_samples_far_away_are_drawn_in():
    rng = np.random.default_rng(2)
    x = np.arange(400.0)
    whole = [slice(0, 400)]
    bimodal = rng.normal(0.0, 5.0, 400) + 300.0 * (rng.random(400) < 0.3)
    assert np.abs(calm(x, bimodal, whole) - bimodal).max() < 20.0
    quiet = rng.normal(0.0, 5.0, 400)
    calmed = calm(x, np.where(x == 200.0, 9000.0, quiet), whole)
    assert calmed[200] < 60.0
    assert np.delete(calmed, 200) == pytest.approx(np.delete(quiet, 200))
    assert calm(x, quiet + 0.5 * x, whole) == pytest.approx(quiet + 0.5 * x)


def test_a_periodic_disturbance_above_what_is_kept_still_counts():
    """A sawtooth of 25 cycles: its ends move the mean growth, no kept coefficient shows it."""
    x = np.arange(CELLS * 2.0)
    saw = 5000.0 * (x // 40) - 125.0 * x
    rng = np.random.default_rng(4)
    held = 0
    for _ in range(40):
        shift = int(rng.integers(40))
        y = np.cumsum(rng.normal(0.0, 20.0, x.size)) + np.roll(saw, shift) + 30.0 * x
        fit = slope_of(x, y, "walk")
        held += fit.lo <= 30.0 <= fit.hi
    assert held >= 34


def ar(n, phi, rng):
    noise = rng.normal(0.0, math.sqrt(1.0 - phi * phi), n)
    series = np.empty(n)
    series[0] = rng.normal()
    for i in range(1, n):
        series[i] = phi * series[i - 1] + noise[i]
    return series


LOCKED = {
    "white": lambda n, rng: rng.normal(0.0, 50.0, n),
    "bimodal": lambda n, rng: 400.0 * (rng.random(n) < 0.3) + rng.normal(0.0, 20.0, n),
    "collections": lambda n, rng: 3000.0 * ((np.arange(n) + rng.integers(17)) % 17 == 0),
    "correlated": lambda n, rng: 50.0 * ar(n, 0.9, rng),
}
NAIVE = {
    "walk": lambda n, rng: np.cumsum(rng.normal(0.0, 20.0, n)),
    "pauses": lambda n, rng: np.cumsum(
        rng.normal(-250.0, 20.0, n) + (rng.random(n) < 0.05) * rng.uniform(2000.0, 8000.0, n)
    ),
    "correlated steps": lambda n, rng: np.cumsum(20.0 * ar(n, 0.5, rng)),
}


@pytest.mark.parametrize("windows", [1, 3])
@pytest.mark.parametrize(
    ("error", "make"),
    [("stationary", make) for make in LOCKED.values()]
    + [("walk", make) for make in NAIVE.values()],
    ids=[*LOCKED, *NAIVE],
)
def test_bounds_hold_in_at_least_92_of_100(error, make, windows):
    """Binomial test: 200 captures of 120 samples, refuted at one in a thousand."""
    rng = np.random.default_rng(11)
    n = 120 // windows
    x, starts = joined(windows, n)
    held = 0
    for _ in range(200):
        y = np.concatenate([make(n, rng) for _ in range(windows)]) + 0.5 * x
        fit = slope_of(x, y, error, starts)
        held += fit.lo <= 0.5 <= fit.hi
    assert stats.binom.cdf(held, 200, 0.92) > 1e-3
