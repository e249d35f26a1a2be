"""Times of a window that is longer than the tick period, with stamps missing."""

import numpy as np
import pytest

from hil.model.captures import Gap
from hil.protocol.tick_unwrap import Ambiguous, TimeBase

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


def base(length_us, start=5_000, measured=True):
    return TimeBase(PERIOD, start, length_us, measured)


@pytest.mark.parametrize(
    ("length", "measured", "short"),
    [(49_152, True, True), (49_153, True, False), (32_768, False, True), (32_769, False, False)],
)
def test_a_window_is_short_below_three_quarters_of_the_period_or_half_where_only_planned(
    length, measured, short
):
    assert base(length, measured=measured).is_short is short


def test_a_point_of_a_short_window_has_half_of_the_rest_on_either_side():
    """Of 65,536 us the window takes 40,000; what is left is split: 12,768 before it."""
    assert base(40_000).point((5_000 - 12_768) % PERIOD) == 5_000 - 12_768
    assert base(40_000).point((5_000 - 12_769) % PERIOD) == 5_000 - 12_769 + PERIOD


def test_a_point_of_a_long_window_is_the_nearest_to_its_start():
    assert base(10**6).point((5_000 - 30_000) % PERIOD) == -25_000
    assert base(10**6).point(5_000 + 30_000) == 35_000


def test_nothing_stays_nothing():
    none = np.empty(0, np.int64)
    for length in (1_000, 10**6):
        assert base(length).track(none, (), 0, first=0, interval=1000).size == 0
        assert base(length).events(none).size == 0


def test_events_of_a_long_window_come_back_over_the_wraps():
    """Each within three quarters of the period of the one before, the first near the start."""
    truth = 5_000 + np.cumsum([0, 20_000, 47_000, 3, 30_000, 47_000])
    end = int(truth[-1]) - 5_000 + 100
    assert base(end).events(truth % PERIOD).tolist() == truth.tolist()


def test_a_long_window_whose_end_is_far_from_the_last_event_is_ambiguous():
    """Half a period from the end on, a wrap may have been lost."""
    truth = 5_000 + np.arange(10) * 20_000
    last = 9 * 20_000
    assert base(last + 32_767).events(truth % PERIOD).tolist() == truth.tolist()
    with pytest.raises(Ambiguous, match=r"is 32768 us from the window's end, .* after 65536 us"):
        base(last + 32_768).events(truth % PERIOD)


def test_where_the_end_is_only_planned_only_slow_wraps_are_trusted():
    """A running board is not silent for 10 s: half a period beyond that can't be missed."""
    truth = np.arange(5, dtype=np.int64) * 8_000_000
    for period, trusted in ((20_000_000, True), (19_999_998, False)):
        planned = TimeBase(period, 0, 40_000_000, measured=False)
        assert not planned.is_short
        if trusted:
            times = planned.track(truth % period, (), 0, first=0, interval=8_000_000)
            assert times.tolist() == truth.tolist()
        else:
            with pytest.raises(Ambiguous, match="the end of the window is not known"):
                planned.track(truth % period, (), 0, first=0, interval=8_000_000)


def test_a_silence_of_two_periods_is_ambiguous():
    """Two periods, 131,072 us: 12 stamps lost at 10 ms are 130 ms of silence, 13 are 140."""
    for lost, sound in ((12, True), (13, False)):
        index = np.delete(np.arange(40), np.s_[10 : 10 + lost])
        truth = 5_000 + index * EVERY_US
        long = base(40 * EVERY_US)
        if sound:
            assert long.track(truth % PERIOD, (Gap(10, lost),), 0, first=5_000,
                              interval=EVERY_US).dtype == np.int64  # fmt: skip
            times = long.track(truth % PERIOD, (Gap(10, lost),), 0, first=5_000, interval=EVERY_US)
            assert times.tolist() == truth.tolist()
        else:
            with pytest.raises(Ambiguous, match="13 stamps in a row are lost"):
                long.track(truth % PERIOD, (Gap(10, lost),), 0, first=5_000, interval=EVERY_US)


@pytest.mark.parametrize(("late", "sound"), [(28_672, True), (28_673, False)])
def test_an_interval_off_by_more_than_seven_sixteenths_of_the_period_is_ambiguous(late, sound):
    truth = 5_000 + np.arange(40) * EVERY_US
    truth[20:] += late
    long = base(40 * EVERY_US + late)
    if sound:
        times = long.track(truth % PERIOD, (), 0, first=5_000, interval=EVERY_US)
        assert times.tolist() == truth.tolist()
    else:
        with pytest.raises(Ambiguous, match="an interval is 28673 us off, ticks wrap after 65536"):
            long.track(truth % PERIOD, (), 0, first=5_000, interval=EVERY_US)


def test_stamps_lost_at_the_end_are_expected_before_it():
    """By the wire (a gap behind the last) or for want of room: both count as time."""
    truth = 5_000 + np.arange(30) * EVERY_US
    for gaps, tail in (((Gap(30, 6),), 0), ((), 6), ((Gap(30, 4),), 2)):
        times = base(36 * EVERY_US).track(
            truth % PERIOD, gaps, tail, first=5_000, interval=EVERY_US
        )
        assert times.tolist() == truth.tolist()
    with pytest.raises(Ambiguous, match="60000 us from"):
        base(36 * EVERY_US).track(truth % PERIOD, (), 0, first=5_000, interval=EVERY_US)


def test_the_first_of_stamps_without_a_gap_is_where_it_is_expected():
    """Three quarters of a wrap apart: one interval further on is another wrap."""
    stamps = np.arange(10, dtype=np.int64) * 49_152
    base = TimeBase(1 << 16, 0, 10 * 49_152, measured=True)
    times = base.track(stamps % (1 << 16), (), 0, first=0, interval=49_152.0)
    assert times.tolist() == stamps.tolist()
