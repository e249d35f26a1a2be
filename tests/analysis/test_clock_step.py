"""The step of a clock from unevenly spaced readings of it."""

import numpy as np
import pytest

from hil.analysis.clock_step import FEWEST, clock_step_us


def readings(step_us, n=1024, low=10.0, spread=50.0, seed=1):
    rng = np.random.default_rng(seed)
    time_us = np.cumsum(low + rng.uniform(0.0, spread, n)) + rng.uniform(0.0, step_us)
    return np.floor(np.floor(time_us / step_us) * step_us).astype(np.int64)


@pytest.mark.parametrize("step_us", [1, 2, 3, 4, 10, 30, 100, 1000])
def test_whole_steps_are_found_exactly(step_us):
    assert clock_step_us(readings(step_us)) == step_us


@pytest.mark.parametrize("step_us", [2.5, 7.3, 15.625, 30.5, 1e6 / 32768, 1e6 / 16384])
def test_steps_cut_to_whole_microseconds_are_found(step_us):
    for seed in range(5):
        assert clock_step_us(readings(step_us, seed=seed)) == pytest.approx(step_us, rel=2e-4)


def test_a_clock_of_32768_hz_whose_readings_are_30_and_31_apart():
    time = readings(1e6 / 32768, low=0.0, spread=35.0)
    assert {30, 31} <= set(np.diff(time).tolist())
    assert clock_step_us(time) == pytest.approx(30.52, abs=0.01)


def test_a_loop_of_four_steps_does_not_make_the_step_four():
    """Most turns take 4 us, some do a little more: one in five readings is off that rhythm."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        turns = 4 * rng.integers(3, 12, 1000)
        turns += (rng.random(1000) < 0.2) * rng.integers(1, 4, 1000)
        assert clock_step_us(np.cumsum(turns)) == 1.0


@pytest.mark.parametrize("by_us", [-137, 1, 333])
@pytest.mark.parametrize("step_us", [1, 4, 30.5])
def test_a_clock_that_is_corrected_now_and_then_keeps_its_step(step_us, by_us):
    time = readings(step_us)
    for at in (100, 400, 800):
        time[at:] += by_us
    assert clock_step_us(time) == pytest.approx(step_us, rel=1e-3)


def test_a_hundred_readings_of_a_small_board_are_enough():
    for step_us in (1, 4, 30.5):
        assert clock_step_us(readings(step_us, n=100)) == pytest.approx(step_us, rel=1e-3)


def test_a_clock_that_hardly_moves_has_no_step_here():
    assert clock_step_us(readings(100_000)) is None
    assert clock_step_us(np.empty(0, np.int64)) is None
    assert clock_step_us(np.arange(FEWEST, dtype=np.int64) * 3) is None
    assert clock_step_us(np.arange(FEWEST + 1, dtype=np.int64) * -3) is None
