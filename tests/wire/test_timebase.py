"""Times of a window that is longer than the tick period, with stamps missing."""

import numpy as np
import pytest

from hil.records import Gap
from hil.wire.timebase import TimeBase

PERIOD, EVERY_US, N = 2**16, 10_000, 1000


@pytest.mark.parametrize(
    "holes", [[], [(50, 5)], [(50, 4), (55, 5), (800, 1)], [(0, 3)], [(0, 2), (3, 4)]]
)
def test_stamps_behind_a_gap_are_placed_by_its_length(holes):
    late = np.random.default_rng(2).integers(0, 900, N)
    keep = np.ones(N, np.bool_)
    for at, count in holes:
        keep[at : at + count] = False
    there = np.flatnonzero(keep)
    missing = np.diff(there, prepend=-1) - 1
    gaps = tuple(Gap(int(at), int(missing[at])) for at in np.flatnonzero(missing))
    truth = there * EVERY_US + late[there]
    raw = truth % PERIOD
    base = TimeBase(PERIOD, 0, N * EVERY_US, measured=True)
    assert (base.track(raw, gaps, 0, first=0, interval=EVERY_US) == truth).all()
    assert base.track(raw, gaps, 0, first=0, interval=EVERY_US, out=raw) is raw
    assert (raw == truth).all()
