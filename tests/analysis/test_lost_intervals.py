"""Intervals in which edges were lost."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hil.analysis.lost_intervals import LostIntervals
from hil.model.edges import LostInterval

pairs = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 12)), max_size=12)


@given(pairs, st.integers(-5, 80), st.integers(0, 20))
def test_the_same_as_looking_at_each(parts, start, length):
    intervals = [LostInterval(begin, begin + size, "x") for begin, size in parts]
    merged = LostIntervals.of(intervals)
    end = start + length
    assert merged.touch(start, end) == any(
        each.start_ns <= end and each.end_ns >= start for each in intervals
    )
    times = np.arange(-5, 90)
    inside = [any(each.start_ns <= t <= each.end_ns for each in intervals) for t in times]
    np.testing.assert_array_equal(merged.hold(times), inside)
    assert (merged.starts_ns[1:] > merged.ends_ns[:-1]).all()
