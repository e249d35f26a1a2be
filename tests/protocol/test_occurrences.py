"""Occurrences on the wire: every time is right, or the channel is left out and a fault says why."""

import numpy as np
import pytest
from board_streams import Board, kinds

TIMES = np.array([10, 4_000, 4_001, 700_123])


@pytest.mark.parametrize("period", [2**16, 2**21, 2**30])
def test_occurrences_have_the_time_of_the_tracks(period):
    device = Board(period, start=5 * period - 77)
    gentle = TIMES if period > 2**20 else np.arange(1, 40) * 25_000  # each half of a wrap has one
    device.grid(0, device.start)
    device.channel("task0", device.start + np.arange(100) * 10_000)
    device.channel("at.collection", device.start + gentle)
    device.end()
    capture = device.capture()
    assert capture.faults == ()
    (collections,) = capture.occurrences
    assert (collections.what, collections.lost) == ("collection", 0)
    origin = capture.tracks[0].origin_us
    np.testing.assert_array_equal(collections.times_us - origin, gentle)


def test_lost_occurrences_are_counted():
    device = Board()
    device.channel("at.write", device.start + TIMES, dropped=3, total=6)
    device.end()
    (writes,) = device.capture().occurrences
    assert (writes.times_us.size, writes.lost) == (4, 5)  # 3 without room, 2 on the wire


@pytest.mark.parametrize("kind", ["value", "slots"])
def test_numbers_are_no_occurrences(kind):
    device = Board()
    device.channel("at.write", TIMES, kind)
    device.end()
    capture = device.capture()
    assert kinds(capture) == ["damaged"]
    assert capture.occurrences == ()


def test_a_tick_that_the_board_can_not_have_is_refused():
    device = Board(2**20)
    device.out.text("C", i=0, name="at.write", kind="ticks")
    device.out.stamps(0, np.array([5, 2**20]), first_index=0)
    device.out.text("T", i=0, n=2, dropped=0)
    device.end()
    capture = device.capture()
    assert kinds(capture) == ["damaged"]
    assert capture.occurrences == ()


def test_a_silence_of_a_whole_wrap_is_not_placed_wrong():
    device = Board(2**16, duration_us=1_000_000)
    device.channel("at.request", device.start + np.array([10_000, 40_000]))
    device.end()
    capture = device.capture()
    assert kinds(capture) == ["wrap"]
    assert capture.occurrences == ()
