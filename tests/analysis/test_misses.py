"""The share of missed and over-late releases, and its bounds where misses come in storms."""

import math

import numpy as np
import pytest
from captures import PERIOD, by_name, capture, grid, track

from hil.analysis.late_samples import ArraySamples
from hil.analysis.uncertainty.distributions import binomial_bounds
from hil.analysis.uncertainty.proportion import effective_number, share_bounds
from hil.experiments.evaluation import summarise_capture

MISSES = 0.01


def figures(stamps, **more):
    made = capture(track(stamps, **more), technique="timer_soft")
    return by_name(summarise_capture(made).measurements)


def storms(n, length, rng):
    """Lateness in periods: calm, and for a tenth of the time storms of a mean length.

    A Markov chain of two states; in a storm all are late and a tenth is missed.
    """
    change = rng.random(n)
    leave = 1.0 / length
    state = rng.random() < 0.1
    stormy = np.empty(n, np.bool_)
    for i in range(n):
        stormy[i] = state
        state = change[i] >= leave if state else change[i] < leave / 9.0
    late = np.where(stormy, 0.3 + 0.3 * rng.random(n), 0.05 * rng.random(n))
    late[stormy & (rng.random(n) < 10 * MISSES)] = 1.5
    return late


@pytest.mark.parametrize(("n", "length"), [(100, 5), (300, 20), (1000, 5), (1000, 20), (4000, 20)])
def test_bounds_hold_the_share_where_misses_depend_on_each_other(n, length):
    """At least 92 %, by a binomial test at 1 %."""
    rng = np.random.default_rng(7)
    runs, held = 200, 0
    for _ in range(runs):
        samples = ArraySamples(storms(n, length, rng))
        hits = round(float((samples.some(np.arange(n)) >= 1.0).sum()))
        levels = [samples.ordered.at(math.ceil(share * n) - 1) for share in (0.5, 0.9, 0.99)]
        bounds, _ = share_bounds(
            hits, n, samples.above(0.999), [samples.above(level) for level in levels]
        )
        held += bounds.lo <= MISSES <= bounds.hi
    assert binomial_bounds(held, runs, 0.98)[1] >= 0.92


def test_independent_misses_are_worth_what_they_are():
    rng = np.random.default_rng(8)
    misses = rng.random(1000) < 0.1
    assert effective_number(misses.astype(float), 1000) > 700
    assert effective_number(np.repeat(misses[:100], 10).astype(float), 1000) < 200
    assert effective_number(np.zeros(1000), 1000) == 1000


def test_none_of_n_is_the_rule_of_three_and_a_little():
    bounds, worth = share_bounds(0, 1000, np.zeros(1000))
    assert (bounds.lo, worth) == (0.0, 1000)
    assert bounds.hi == pytest.approx(1.0 - 0.025 ** (1 / 1000))


def test_where_none_was_missed_the_lateness_tells_the_dependence():
    level = np.repeat([0.0, 1.0] * 5, 100)
    assert share_bounds(0, 1000, np.zeros(1000), [level])[1] < 50


def test_missed_and_over_late_releases_make_the_ratio():
    stamps = grid(1000) + 30
    stamps[500] += int(1.2 * PERIOD)
    stamps[501] = stamps[500] + 60
    made = figures(np.delete(stamps, [100, 200]), releases=1000)
    assert (made["missed"].value, made["overruns"].value, made["extra"].value) == (2, 1, 0)
    ratio = made["miss_ratio"]
    assert (ratio.value, ratio.n) == (0.003, 1000)
    assert 0.0 < ratio.lo < 0.003 < ratio.hi < 0.02
    hourly = made["misses_per_hour"]
    assert hourly.value == pytest.approx(0.003 * 360_000)
    assert hourly.hi == pytest.approx(ratio.hi * 360_000)


def test_early_activations_show():
    late = np.full(1000, 30)
    late[::50] = -2_000
    made = figures(grid(1000) + late)
    assert made["earliness_p99_us"].value == 2_000
    assert (made["missed"].value, made["extra"].value) == (0, 0)
    assert figures(grid(1000) + 30)["earliness_p99_us"].value == 0.0


def test_where_two_assignments_fit_the_bounds_span_both():
    made = figures(grid(400) + 15_000, releases=401)
    half = made["lateness_p50_us"]
    assert half.value == 5_000
    assert half.lo <= 5_000 < 15_000 <= half.hi
    assert "two assignments" in half.note
    assert "two assignments" not in (made["period_mean_us"].note or "")
