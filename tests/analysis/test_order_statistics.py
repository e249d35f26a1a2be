"""Sorted samples: the value at a rank, and whether samples spread over steps of the clock."""

import numpy as np
import pytest

from hil.analysis.uncertainty.order_statistics import Counted, Sorted, _at, percentile


@pytest.mark.parametrize(
    ("rank", "value"), [(1.0, 0.0), (2.5, 15.0), (4.75, 37.5), (5.0, 40.0), (0.5, 5.0)]
)
def test_between_two_ranks_the_value_is_in_proportion(rank, value):
    """Ranks count from 1; at the last one there is nothing above."""
    assert _at(Sorted(10.0 * np.arange(5)), rank, 0.0) == value


@pytest.mark.parametrize(("low", "high"), [(-900.0, 900.0), (-900.0, 10.0), (0.0, 900.0)])
def test_samples_whose_middle_is_within_two_steps_are_not_spread(low, high):
    """Of 400 the 40th and the 360th count, and lie 10 us apart; the clock steps by 10 us."""
    middle = np.arange(321) // 161 * 10.0
    samples = np.concatenate([np.full(39, low), middle, np.full(40, high)])
    assert samples.size == 400
    rounded_alike = percentile(samples, 0.5, 400.0, 10.0)
    assert percentile(samples, 0.5, 400.0, 10.0, common=False) == rounded_alike


def test_samples_over_two_steps_are_spread():
    """A third each at 0, 10 and 20: each third lies evenly within 5 us of its value."""
    samples = np.repeat([0.0, 10.0, 20.0], 200)
    value, bounds = percentile(samples, 0.5, 600.0, 10.0, common=False)
    assert value == pytest.approx(10.0, abs=0.1)
    assert bounds.lo is not None
    assert bounds.hi is not None
    assert 5.0 < bounds.lo < value < bounds.hi < 15.0


@pytest.mark.parametrize("value", [-1.0, 0.0, 0.5, 2.0, 3.0, 9.0])
def test_counted_samples_are_those_that_were_counted(value):
    counts = np.array([3, 0, 2, 0, 0, 1])  # at 0, 2 and 5
    ordered = np.array([0.0, 0.0, 0.0, 2.0, 2.0, 5.0])
    counted = Counted(0, counts)
    assert counted.size == 6
    assert [counted.at(rank) for rank in range(-6, 6)] == [*ordered, *ordered]
    assert counted.every(2).tolist() == ordered[::2].tolist()
    assert counted.below(value) == np.count_nonzero(ordered < value)
    assert counted.up_to(value) == np.count_nonzero(ordered <= value)
