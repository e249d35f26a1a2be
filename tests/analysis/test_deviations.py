"""Deviations against their definitions: over the borders of pieces, with holes, at the ends."""

import math

import numpy as np
import pytest

from hil.analysis.stability import adev, error_of, mdev, mtie, octaves, tdev

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
def test_deviations_are_those_of_the_definition(n, m):
    x = noise(n)
    second = x[2 * m :] - 2 * x[m:-m] + x[: -2 * m]
    means = np.convolve(x, np.full(m, 1.0 / m), "valid")
    third = means[2 * m :] - 2 * means[m:-m] + means[: -2 * m]
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


@pytest.mark.parametrize("n", [1, 2, 50, PIECE + 5, 2 * PIECE])
def test_the_line_through_the_ends_is_taken_off(n):
    """What is left of a line and a wave that is zero at both ends is the wave."""
    at = np.arange(n) / max(n - 1, 1)
    wave = 30.0 * np.sin(np.pi * at)
    x = wave + 700.0 - 4000.0 * at
    before = x.copy()
    error = error_of(x)
    np.testing.assert_allclose(error.flat(0, n), wave, atol=1e-8)
    assert (x == before).all()
    assert (error.raw(0, n) == before).all()


@pytest.mark.parametrize("holes", [[0], [0, 1], [9], [8, 9], [0, 9], [4], [0, 4]])
def test_the_line_goes_through_the_first_and_last_that_are_there(holes):
    x = 5.0 + 3.0 * np.arange(10.0)
    x[holes] = math.nan
    error = error_of(x)
    flat = error.flat(0, error.size)
    inside = [at for at in holes if at == 4]
    assert np.isnan(flat).sum() == len(inside)
    assert error.size == 10 - (len(holes) - len(inside))
    assert np.nanmax(np.abs(flat)) < 1e-12


@pytest.mark.parametrize("kind", ["plain", "line", "hole", "level", "wave", "constant"])
@pytest.mark.parametrize("n", [9, 40, 20_011, PIECE + 3])
def test_no_digits_are_lost_on_a_line_or_beside_a_hole(kind, n):
    x = noise(n)
    clean = x.copy()
    if kind == "line":  # its squares leave no digit of the noise
        x = x + 1e6 * np.arange(n)
    if kind == "hole":
        x[n // 2] = clean[n // 2] = math.nan
    if kind == "level":
        x = x + 1e9
    if kind == "wave":
        x = clean = x + 1e6 * np.sin(np.arange(n) * 6.0 / n)
    if kind == "constant":
        x = clean = np.full(n, 3.0)
    for m in (1, 2, 3, 4, n // 2 - 1, n // 2, n // 2 + 1, n):
        second = (
            clean[2 * m :] - 2 * clean[m : n - m] + clean[: max(n - 2 * m, 0)]
            if 2 * m < n
            else np.empty(0)
        )
        second = second[np.isfinite(second)]
        wanted = math.sqrt((second**2).mean() / 2) / (0.01 * m) if second.size else math.nan
        tolerance = 1e-6 if kind in ("line", "level") else 1e-9
        assert adev(x, 0.01, m) == pytest.approx(wanted, rel=tolerance, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("n", [9, 1000, PIECE + 40])
def test_mtie_is_the_largest_spread_in_a_window(n):
    x = noise(n, 3)
    x[n // 2] += 1e4
    x[-1] -= 2e4
    x[0] += 3e4
    factors = [5, 1, 2, 3, 7, n - 1, n]
    values = mtie(error_of(x), factors)
    for m, value in zip(factors, values, strict=True):
        if m == n:
            assert math.isnan(value)
            continue
        windows = np.lib.stride_tricks.sliding_window_view(x, m + 1)
        assert value == pytest.approx(np.ptp(windows, axis=1).max())


def test_mtie_passes_over_holes():
    x = np.array([0.0, math.nan, 5.0, 1.0, math.nan, math.nan, 2.0])
    assert mtie(error_of(x), [1, 2, 6]).tolist() == [4.0, 5.0, 5.0]
