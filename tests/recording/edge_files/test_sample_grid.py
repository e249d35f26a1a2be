"""The sample period that distances of edges tell."""

import numpy as np
import pytest

from hil.recording.edge_files.sample_grid import grid_period_ns


def rounded(numbers, period_ns):
    return np.rint(np.asarray(numbers) * period_ns).astype(np.int64)


@pytest.mark.parametrize("rate_hz", [24e6, 100e6, 12.5e6, 1e6, 31.25e6, 200e3])
def test_a_usual_rate_is_found_from_any_moment_on(rate_hz):
    draw = np.random.default_rng(2)
    numbers = np.sort(draw.integers(0, 10**9, 500))
    period_ns = grid_period_ns([rounded(numbers, 1e9 / rate_hz) + 12_345_678_901])
    assert period_ns == pytest.approx(1e9 / rate_hz)


def test_an_unusual_rate_gives_the_shortest_distance():
    numbers = np.array([0, 1, 5, 9, 17, 26, 40, 77, 101])
    assert grid_period_ns([rounded(numbers, 77.7)]) == 78


def test_a_period_is_never_longer_than_the_shortest_distance():
    times = np.arange(0, 10_000, 1000)
    assert grid_period_ns([times, times + 125]) == 125


def test_few_edges_say_little():
    assert grid_period_ns([]) == 1
    assert grid_period_ns([np.array([5])]) == 1
    assert grid_period_ns([np.array([5, 5, 105])]) == 100
