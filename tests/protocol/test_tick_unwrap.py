"""Unwrapping against the truth it was wrapped from."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.model.errors import CaptureError
from hil.protocol.tick_unwrap import (
    congruent_times,
    extent,
    least_step,
    nearest,
    unwrap,
    unwrap_from,
    window_length,
)

PERIODS = [2**16, 2**24, 2**30, 2**62, 100_003]


@pytest.mark.parametrize("tick_modulus", PERIODS)
def test_a_ramp_over_many_wraps_comes_back(tick_modulus):
    truth = tick_modulus // 2 + np.arange(200_000, dtype=np.int64) * 977
    assert (
        unwrap(truth % tick_modulus, tick_modulus) == truth - truth[0] + truth[0] % tick_modulus
    ).all()


@pytest.mark.parametrize("tick_modulus", PERIODS)
def test_intervals_longer_than_half_a_wrap_need_their_expected_length(tick_modulus):
    step = tick_modulus * 3 // 4
    truth = np.arange(5, dtype=np.int64) * step if tick_modulus < 2**40 else np.arange(2) * step
    assert (unwrap(truth % tick_modulus, tick_modulus, step=step) == truth).all()
    assert (unwrap(truth % tick_modulus, tick_modulus) != truth).any()


@given(
    st.sampled_from(PERIODS[:3]),
    st.lists(st.integers(-32_000, 32_000), max_size=300),
    st.integers(0, 2**40),
)
def test_small_intervals_of_either_sign_come_back(tick_modulus, steps, start):
    truth = np.cumsum(np.array([start, *steps], np.int64))
    got = unwrap(truth % tick_modulus, tick_modulus)
    assert (got - got[0] == truth - truth[0]).all()
    assert got[0] == start % tick_modulus


def test_wraps_at_every_place_around_a_block_border():
    for at in (65_534, 65_535, 65_536, 65_537, 65_538):
        truth = np.arange(70_000, dtype=np.int64) * 3 + (2**30 - 3 * at)
        assert (unwrap(truth % 2**30, 2**30) == truth).all()


def test_in_place():
    truth = np.arange(300_000, dtype=np.int64) * 10
    raw = truth % 2**16
    assert unwrap(raw, 2**16, out=raw) is raw
    assert (raw == truth).all()


def test_a_step_of_its_own_for_every_interval():
    truth = np.array([0, 100, 200_100, 200_200], np.int64)
    steps = np.array([100, 199_000, 100], np.int64)
    assert (unwrap(truth % 65_536, 65_536, step=steps) == truth).all()


def test_steps_of_their_own_over_several_blocks():
    """Intervals of up to a whole wrap, each known to within less than half of one."""
    rng = np.random.default_rng(8)
    steps = rng.integers(0, 65_536, 99_999)
    truth = np.concatenate([[0], np.cumsum(steps + rng.integers(-30_000, 30_000, steps.size))])
    assert (unwrap(truth % 65_536, 65_536, step=steps) == truth).all()


@pytest.mark.parametrize("period", [1024, 1025, 100_003])
def test_the_nearest_time_is_at_most_half_a_period_away(period):
    for tick in range(0, period, 17):
        for to in (-3 * period - 1, 0, 5, 7 * period + period // 2):
            time = nearest(tick, period, to)
            assert (time - tick) % period == 0
            assert 2 * abs(time - to) <= period


def test_nothing_and_one_value():
    assert len(unwrap(np.empty(0, np.int64), 2**30)) == 0
    assert unwrap(np.array([5]), 2**30).tolist() == [5]
    assert farthest(np.array([5]), 3) == 0
    raw = np.array([5])
    assert unwrap_from(2**30 + 5, raw, 2**30, step=3, out=raw) == 0
    assert raw.tolist() == [2**30 + 5]


def farthest(times, step):
    """The deviation that unwrapping reports for times that do not wrap."""
    return unwrap_from(int(times[0]), times, 2**40, step=step, out=np.empty(len(times), np.int64))


@pytest.mark.parametrize("tick_modulus", [0, -1, 1000, 2**63])
def test_a_period_out_of_range_is_refused(tick_modulus):
    with pytest.raises(ValueError, match="tick period"):
        unwrap(np.array([1, 2]), tick_modulus)


def test_place_and_nearest():
    assert congruent_times(np.array([5, 99]), 2**16, 2**16 - 10).tolist() == [2**16 + 5, 2**16 + 99]
    assert nearest(3, 1024, 5 * 1024) == 5 * 1024 + 3
    assert nearest(1020, 1024, 5 * 1024) == 5 * 1024 - 4


def test_farthest_is_the_worst_deviation():
    assert farthest(np.array([0, 10, 25, 30]), 10) == 5


@pytest.mark.parametrize("tick_modulus", [2**16, 2**20, 2**30])
@pytest.mark.parametrize("seconds", [0.3, 10, 3000, 100_000])
def test_the_window_is_as_long_as_it_was(tick_modulus, seconds):
    us = round(seconds * 1e6) + 1234
    start = 987_654_321
    got = window_length(
        us0=start % tick_modulus,
        us1=(start + us) % tick_modulus,
        ms0=start // 1000 % tick_modulus,
        ms1=(start + us) // 1000 % tick_modulus,
        tick_modulus=tick_modulus,
        planned_us=round(seconds * 1e6),
    )
    assert got == us


def test_a_window_that_may_have_wrapped_is_refused():
    with pytest.raises(CaptureError, match="too far off"):
        window_length(us0=0, us1=0, ms0=0, ms1=30_000, tick_modulus=2**16, planned_us=1_000_000)
    with pytest.raises(CaptureError, match="disagree"):
        window_length(us0=0, us1=30_000, ms0=0, ms1=1000, tick_modulus=2**16, planned_us=1_000_000)


@pytest.mark.parametrize("tick_modulus", [2**16, 2**30])
def test_blocks_give_what_one_piece_gives(tick_modulus):
    raw = np.random.default_rng(3).integers(0, tick_modulus, 200_001)
    plain = (raw - 77) % tick_modulus + 77
    assert (congruent_times(raw, tick_modulus, 77) == plain).all()
    assert congruent_times(raw, tick_modulus, 77, out=raw) is raw
    assert (raw == plain).all()
    assert least_step(raw[:0]) == 0
    for n in (1, 2, 32_768, 32_769, 32_770, 200_001):
        steps = np.diff(raw[:n])
        assert farthest(raw[:n], 50) == (np.abs(steps - 50).max() if n > 1 else 0)
        assert least_step(raw[:n]) == (steps.min() if n > 1 else 0)
        assert extent(raw[:n]) == (raw[:n].min(), raw[:n].max())


@pytest.mark.parametrize("tick_modulus", [2**16, 2**30])
def test_the_largest_deviation_is_known_over_wraps(tick_modulus):
    late = np.random.default_rng(4).integers(-900, 900, 50_000)
    truth = np.arange(50_000, dtype=np.int64) * 10_000 + late
    truth[20_000:] += 9_000
    raw = truth % tick_modulus
    off = unwrap_from(int(truth[0]), raw, tick_modulus, step=10_000, out=raw)
    assert (raw == truth).all()
    assert off == np.abs(np.diff(truth) - 10_000).max()


@pytest.mark.parametrize("at", [1, 32_767, 32_768, 32_769, 65_536, 131_072])
def test_an_interval_over_a_block_border_counts(at):
    values = np.arange(131_074, dtype=np.int64) * 10
    values[at:] += 500
    assert farthest(values, 10) == 500
    values[at:] -= 1000
    assert (farthest(values, 10), least_step(values)) == (500, -490)
