"""Changes of a level are dated to a night, and series without one have none."""

import math

import numpy as np
import pytest

from hil.analysis.change_points import _best, _block_length, _median_bounds, change_points


def correlated(rng, n, phi):
    """A first-order process with the variance 1."""
    noise = rng.normal(size=n + 50)
    for at in range(1, n + 50):
        noise[at] += phi * noise[at - 1]
    return noise[50:] * math.sqrt(1.0 - phi * phi)


def test_a_step_is_dated_and_measured():
    rng = np.random.default_rng(3)
    values = np.concatenate((86.0 + rng.normal(0.0, 2.0, 30), 2136.0 + rng.normal(0.0, 2.0, 20)))
    (change,) = change_points(values)
    assert change.position == 30
    assert change.before == pytest.approx(86.0, abs=1.5)
    assert change.lo < 2136.0 < change.hi
    assert change.after == pytest.approx(2136.0, abs=1.5)
    assert change.p <= 0.01
    assert change_points(values) == [change]


def test_two_steps_are_two_changes_and_a_bump_comes_back():
    rng = np.random.default_rng(4)
    values = rng.normal(0.0, 1.0, 60)
    values[20:40] += 6.0
    assert [change.position for change in change_points(values)] == [20, 40]


@pytest.mark.parametrize("values", [[], [1.0], [3.0, 3.0], [7.0] * 40, [1.0, 9.0, 1.0, 9.0, 5.0]])
def test_nothing_follows_from_too_little(values):
    assert change_points(values) == []


def test_the_divergence_is_the_one_of_matteson_and_james():
    rng = np.random.default_rng(5)
    series = rng.normal(size=14)

    def divergence(split):
        x, y = series[:split], series[split:]
        n, m = x.size, y.size
        across = sum(abs(a - b) for a in x for b in y)
        within = [sum(abs(a - b) for i, a in enumerate(z) for b in z[:i]) for z in (x, y)]
        return (
            m * n / (m + n)
            * (2 / (m * n) * across - within[0] / math.comb(n, 2) - within[1] / math.comb(m, 2))
        )  # fmt: skip

    wanted = {split: divergence(split) for split in range(3, 12)}
    split, largest = _best(series)
    assert largest == pytest.approx(max(wanted.values()))
    assert wanted[split] == max(wanted.values())


@pytest.mark.parametrize(("n", "ranks"), [(5, None), (6, (1, 6)), (20, (6, 15)), (50, (18, 33))])
def test_the_median_lies_between_order_statistics(n, ranks):
    """Published ranks of the 95 % interval of a median."""
    ordered = np.arange(1.0, n + 1.0)
    assert _median_bounds(ordered) == (ranks or (None, None))


def test_blocks_are_as_long_as_the_nights_hang_together():
    rng = np.random.default_rng(6)
    lengths = [
        np.mean([_block_length(correlated(rng, 100, phi)) for _ in range(50)])
        for phi in (-0.3, 0.0, 0.5, 0.8)
    ]
    assert lengths[0] == 1.0
    assert lengths[1] < 2.5 < lengths[2] < lengths[3]
    assert _block_length(np.zeros(30)) == 1


STEPS = [("white", 0.0, 0.9), ("AR(.3)", 0.3, 0.8)]


@pytest.mark.parametrize(("phi", "least"), [row[1:] for row in STEPS], ids=[r[0] for r in STEPS])
def test_a_step_of_three_sigma_in_60_nights_is_dated_to_a_night(phi, least):
    dated = 0
    for seed in range(40):
        rng = np.random.default_rng([seed, 5])
        values = correlated(rng, 60, phi)
        at = int(rng.integers(10, 50))
        values[at:] += 3.0
        dated += any(abs(change.position - at) <= 1 for change in change_points(values))
    assert dated >= least * 40


def stationary(kind, rng):
    if kind == "AR(.5)":
        return correlated(rng, 60, 0.5)
    if kind == "log-normal":
        return np.exp(rng.normal(size=60))
    if kind == "bimodal":
        return 0.2 * rng.normal(size=60) + rng.choice([0.0, 1.0], 60)
    return rng.normal(size=60)


@pytest.mark.parametrize("kind", ["white", "AR(.5)", "log-normal", "bimodal"])
def test_a_series_without_a_change_has_none(kind):
    """At most 5 %, of 60 series: with 5 % six or fewer in 97 % of cases."""
    told = sum(
        bool(change_points(stationary(kind, np.random.default_rng([7, seed]))))
        for seed in range(60)
    )
    assert told <= 6
