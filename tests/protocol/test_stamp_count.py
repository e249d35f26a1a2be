"""Stamps counted as they come."""

import pytest

from hil.protocol.encoder import encode_stamps, encode_text
from hil.protocol.stamp_count import StampCount

STREAM = b"".join(
    [
        encode_text("H", 0, [("v", 1)]),
        *encode_stamps(0, range(0, 7_000_000, 10_000), sequence=1),
        b"a line of the program's own\n",
        *encode_stamps(1, range(0, 3_000_000, 10_000), sequence=4),
        *encode_stamps(2, range(50), sequence=6),
    ]
)


@pytest.mark.parametrize("size", [1, 7, 100, len(STREAM)])
def test_the_tasks_stamps_are_counted_however_the_bytes_come(size):
    count = StampCount(2)
    for at in range(0, len(STREAM), size):
        count.feed(STREAM[at : at + size])
    assert count.stamps == 1000


def test_half_a_frame_counts_nothing_and_garbage_is_bounded():
    count = StampCount(2)
    count.feed(encode_stamps(0, range(100))[0][:-3])
    assert count.stamps == 0
    for line in (b"~S\n", b"~S\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\n"):
        count.feed(line)
    count.feed(b"x" * 100_000)
    assert count.stamps == 0
    assert len(count._line) <= 8192
