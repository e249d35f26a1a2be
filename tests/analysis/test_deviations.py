"""Deviations against their definitions: over the borders of pieces, with holes, at the ends."""

import math

import numpy as np
import pytest

from hil.analysis.deviations import (
    adev,
    adev_terms,
    adevs,
    mdev,
    mean_square,
    mtie,
    octaves,
    running_sum,
    tdev,
    tdev_terms,
    without_line,
)

PIECE = 1 << 16


def noise(n, seed=1):
    return np.random.default_rng(seed).normal(0.0, 50.0, n)


@pytest.mark.parametrize(
    ("n", "share", "factors"),
    [(0, 4, []), (3, 4, []), (4, 4, [1]), (7, 4, [1]), (8, 4, [1, 2]), (12, 3, [1, 2, 4])],
)
def test_octaves_go_up_to_a_share_of_the_number(n, share, factors):
    assert octaves(n, share) == factors


@pytest.mark.parametrize("n", [5, 7, 100, PIECE + 12, 2 * PIECE + 7])
@pytest.mark.parametrize("m", [1, 2])
def test_terms_are_those_of_the_definition(n, m):
    x = noise(n)
    second = x[2 * m :] - 2 * x[m:-m] + x[: -2 * m]
    np.testing.assert_allclose(adev_terms(x, m), second, atol=1e-9)
    means = np.convolve(x, np.full(m, 1.0 / m), "valid")
    third = means[2 * m :] - 2 * means[m:-m] + means[: -2 * m]
    np.testing.assert_allclose(tdev_terms(x, m), third, atol=1e-6)
    np.testing.assert_allclose(tdev_terms(x, m, running_sum(x)), third, atol=1e-6)
    assert adev(x, 0.5, m) == pytest.approx(math.sqrt((second**2).mean() / 2) / (0.5 * m))
    if n > 3 * m:
        assert tdev(x, m) == pytest.approx(math.sqrt((third**2).mean() / 6))
        assert mdev(x, 0.5, m) == pytest.approx(math.sqrt(3) * tdev(x, m) / (0.5 * m))


def test_one_term_is_enough_and_none_is_no_number():
    assert adev(np.array([0.0, 1.0, 4.0]), 1.0, 1) == pytest.approx(math.sqrt(2.0))
    assert math.isnan(adev(np.zeros(2), 1.0, 1))
    assert tdev(np.array([0.0, 1.0, 4.0, 4.0]), 1) == pytest.approx(math.sqrt((4 + 9) / 2 / 6))
    assert math.isnan(tdev(np.zeros(3), 1))
    assert math.isnan(tdev(np.zeros(6), 2))
    assert tdev(np.zeros(7), 2) == 0.0


def test_mean_square_leaves_out_what_is_not_there():
    assert mean_square(np.array([3.0, math.nan, 1.0])) == 5.0
    assert mean_square(np.array([3.0, 1.0])) == 5.0
    assert math.isnan(mean_square(np.array([math.nan])))
    assert math.isnan(mean_square(np.empty(0)))


@pytest.mark.parametrize("n", [1, 2, 50, PIECE + 5, 2 * PIECE])
def test_the_line_through_the_ends_is_taken_off(n):
    """What is left of a line and a wave that is zero at both ends is the wave."""
    at = np.arange(n) / max(n - 1, 1)
    wave = 30.0 * np.sin(np.pi * at)
    x = wave + 700.0 - 4000.0 * at
    kept = x.copy()
    np.testing.assert_allclose(without_line(x), wave, atol=1e-8)
    assert (x == kept).all()
    assert without_line(x, in_place=True) is x
    np.testing.assert_allclose(x, wave, atol=1e-8)


@pytest.mark.parametrize("holes", [[0], [0, 1], [9], [8, 9], [0, 9], [4], [0, 4]])
def test_the_line_goes_through_the_first_and_last_that_are_there(holes):
    x = 5.0 + 3.0 * np.arange(10.0)
    x[holes] = math.nan
    flat = without_line(x)
    assert np.flatnonzero(np.isnan(flat)).tolist() == holes
    assert np.nanmax(np.abs(flat)) < 1e-12


@pytest.mark.parametrize("kind", ["plain", "line", "hole", "tiny"])
@pytest.mark.parametrize("n", [9, 40, 20_011])
def test_many_factors_at_once_are_each_by_itself(kind, n):
    x = noise(n)
    if kind == "line":  # its squares leave no digit of the noise
        x = x + 1e6 * np.arange(n)
    if kind == "hole":
        x[n // 2] = math.nan
    if kind == "tiny":
        x = x + 1e9
    factors = [1, 2, 3, 4, n // 2 - 1, n // 2, n // 2 + 1, n]
    together = adevs(x, 0.01, factors)
    each = [adev(x, 0.01, m) for m in factors]
    tolerance = 1e-6 if kind in ("line", "tiny") else 1e-9
    np.testing.assert_allclose(together, each, rtol=tolerance)
    if kind != "hole":
        assert np.isnan(together).tolist() == [n <= 2 * m for m in factors]


@pytest.mark.parametrize("n", [9, 1000, PIECE + 40])
def test_mtie_is_the_largest_spread_in_a_window(n):
    x = noise(n, 3)
    x[n // 2] += 1e4
    x[-1] -= 2e4
    x[0] += 3e4
    factors = [5, 1, 2, 3, 7, n - 1, n]
    found = mtie(x, factors)
    for m, value in zip(factors, found, strict=True):
        if m == n:
            assert math.isnan(value)
            continue
        windows = np.lib.stride_tricks.sliding_window_view(x, m + 1)
        assert value == pytest.approx(np.ptp(windows, axis=1).max())


def test_mtie_passes_over_holes():
    x = np.array([0.0, math.nan, 5.0, 1.0, math.nan, math.nan, 2.0])
    assert mtie(x, [1, 2, 6]).tolist() == [4.0, 5.0, 5.0]
