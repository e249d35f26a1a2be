"""Values that come in stretches and stay where they are."""

import numpy as np
import pytest

from hil.protocol.stamp_blocks import GrowingArray


@pytest.mark.parametrize("stretch", [1000, 131_072, 2_000_001])
def test_all_stretches_are_there_in_their_order(stretch):
    growing = GrowingArray()
    wanted = np.arange(6_000_003, dtype=np.int64) * 7
    for at in range(0, len(wanted), stretch):
        part = wanted[at : at + stretch]
        growing.room(len(part))[:] = part
    values = growing.give()
    assert values.dtype == np.int64
    assert np.array_equal(values, wanted)
    values += 1  # it is the taker's own
    growing.room(3)[:] = 5
    assert growing.give().tolist() == [5, 5, 5]
    assert values[-1] == wanted[-1] + 1


def test_nothing_gives_nothing():
    assert len(GrowingArray().give()) == 0
