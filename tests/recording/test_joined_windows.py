from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.model.board import BoardIdentity
from hil.model.captures import (
    Calibration,
    Capture,
    CaptureIssue,
    CapturePlan,
    EventSet,
    Gap,
    LaterWindow,
    Occurrences,
    Pings,
    Series,
    SyncPattern,
    TaskPlan,
    Track,
)
from hil.model.edges import EdgeRecording
from hil.recording.joined_windows import join_windows
from hil.recording.validity import require_valid

BOARD = BoardIdentity("b", "p", "sim", "x", "x", "1.29", 1 << 30)
EMPTY = np.empty(0, np.int64)


def window(*tracks, options=None, number=0, **more):
    tasks = tuple(TaskPlan(track.index, round(track.period_us)) for track in tracks)
    plan = CapturePlan(
        "timer_soft", "idle", tasks, 100_000, options=options or {}, window=number, windows=3
    )
    return Capture(BOARD, plan, tracks, **more)


def track(lateness, *, period=10_000, origin=0, index=0, **more):
    late = np.asarray(lateness, np.int64)
    stamps = origin + np.round(np.arange(late.size) * period).astype(np.int64) + late
    end = more.pop("end", origin + round(late.size * period))
    return Track(index, float(period), origin, end, stamps, **more)


def parts(joined):
    """Of a joined track's windows: first stamp, one behind the last, first release, end."""
    starts = [0, *(later.position for later in joined.later_windows)]
    firsts = [0, *(later.release for later in joined.later_windows)]
    return list(
        zip(
            starts,
            [*starts[1:], joined.stamps_us.size],
            firsts,
            joined.window_ends_us,
            strict=True,
        )
    )


def lateness(joined):
    """Each stamp's own, the n-th of a window answering its n-th release."""
    return [
        joined.stamps_us[start:end]
        - (joined.origin_us + (first + np.arange(end - start)) * joined.period_us)
        for start, end, first, _ in parts(joined)
    ]


def test_one_window_stays_what_it_is():
    only = window(track([1, 2, 3]))
    assert join_windows([only]) is only
    assert only.windows == ()


def test_no_window_and_windows_of_two_cases_are_refused():
    with pytest.raises(ValueError, match="at least one"):
        join_windows([])
    idle = window(track([1]))
    busy = replace(idle, plan=replace(idle.plan, load="gc"))
    with pytest.raises(ValueError, match="one case"):
        join_windows([idle, busy])


def test_later_windows_continue_the_grid_of_the_first():
    joined = join_windows(
        [window(track([5, 6, 7], origin=o)) for o in (1_000_003, 77, 900_000_001)]
    ).tracks[0]
    assert joined.origin_us == 1_000_003
    for late in lateness(joined):
        assert late.tolist() == [5, 6, 7]
    assert joined.later_windows == (LaterWindow(3, 3), LaterWindow(6, 6))
    assert joined.window_ends_us == (1_030_003, 1_060_003, 1_090_003)
    assert joined.end_us == 1_090_003


def test_a_window_begins_behind_the_late_stamps_of_the_one_before():
    joined = join_windows(
        [window(track([0, 0, 47_000])), window(track([-3_000, 0, 0], origin=500))]
    ).tracks[0]
    assert (np.diff(joined.stamps_us) >= 0).all()
    assert [late.tolist() for late in lateness(joined)] == [[0, 0, 47_000], [-3_000, 0, 0]]
    # the last stamp is at 67 ms; what begins at 70 ms would have a stamp at 67 ms, which may be
    assert joined.later_windows == (LaterWindow(3, 7),)


def test_the_phase_between_two_tasks_is_kept():
    def two(origin):
        return window(track([0] * 4, origin=origin), track([9] * 4, origin=origin + 7_000, index=1))

    first, second = join_windows([two(0), two(12_345_678), two(5)]).tracks
    assert [w.release for w in first.later_windows] == [w.release for w in second.later_windows]
    assert (second.stamps_us - first.stamps_us).tolist() == [7_009] * 12


def test_a_task_whose_timer_began_at_another_moment_keeps_its_own_lateness():
    joined = join_windows(
        [
            window(track([1] * 4), track([2] * 4, origin=100, index=1)),
            window(track([3] * 4, origin=40), track([4] * 4, origin=9_900, index=1)),
        ]
    )
    assert [late.tolist() for late in lateness(joined.tracks[0])] == [[1] * 4, [3] * 4]
    assert [late.tolist() for late in lateness(joined.tracks[1])] == [[2] * 4, [4] * 4]


def test_a_period_of_no_whole_microseconds_moves_by_whole_ones():
    many = [0] * 30
    windows = [track(many, period=10_000.5, origin=o) for o in (0, 333)]
    (joined,) = join_windows([window(t) for t in windows]).tracks
    (later,) = joined.later_windows
    assert later.release % 2 == 0
    np.testing.assert_array_equal(
        joined.stamps_us[30:] - joined.origin_us - later.release * 10_000.5,
        windows[1].stamps_us - windows[1].origin_us,
    )


def test_what_instruments_saw_stays_with_its_window():
    sync = SyncPattern(np.array([1]), np.array([2]))
    seen = EdgeRecording("la", (), 0, 9, 1.0)
    windows = [window(track([0]), edges=(seen,), sync=sync), window(track([0]))]
    joined = join_windows(windows)
    assert (joined.edges, joined.sync) == ((), None)
    assert [part.edges for part in joined.windows] == [(seen,), ()]
    assert join_windows(windows[:1]).edges == (seen,)


def test_gaps_keep_their_places_and_the_window_that_they_belong_to():
    joined = join_windows(
        [
            window(track([0, 0, 0], gaps=(Gap(1, 2), Gap(3, 4)))),
            window(track([0, 0, 0], gaps=(Gap(0, 5), Gap(2, 1)))),
        ]
    ).tracks[0]
    assert joined.gaps == (Gap(1, 2), Gap(3, 4), Gap(3, 5), Gap(5, 1))
    assert joined.later_windows[0].lost_before == 4


def test_releases_that_the_agent_numbered_are_continued():
    numbered = track([0, 0, 0], releases=np.array([0, 2, 3]), end=50_000)
    joined = join_windows([window(numbered), window(numbered)]).tracks[0]
    assert joined.releases.tolist() == [0, 2, 3, 5, 7, 8]
    half = join_windows([window(numbered), window(track([0, 0, 0]))]).tracks[0]
    assert half.releases is None


def test_a_window_without_room_for_more_stamps_ends_at_its_last():
    full = track([0, 0, 100], end=90_000, dropped=6)
    joined = join_windows([window(full), window(track([0, 0, 0]))]).tracks[0]
    assert joined.dropped == 6
    assert joined.window_ends_us[0] == 20_100
    assert joined.later_windows[0].release >= 9


def test_a_window_without_a_stamp_has_its_place():
    joined = join_windows(
        [window(track([], end=30_000)), window(track([4, 4])), window(track([], end=20_000))]
    ).tracks[0]
    assert joined.later_windows == (LaterWindow(0, 3), LaterWindow(2, 5))
    assert joined.window_ends_us == (30_000, 50_000, 70_000)


def test_a_task_that_is_not_in_every_window_has_no_track():
    both = window(track([0]), track([0], index=1))
    joined = join_windows([both, window(track([0]))])
    assert [t.index for t in joined.tracks] == [0]


def test_what_follows_a_window_is_taken_from_the_last_that_has_it():
    first = window(
        track([0]),
        options={"pings": 100},
        counters={"strays": 1, "hard": 1},
        values={"a": np.array([1])},
        log=("one",),
        faults=(CaptureIssue("damaged", "a frame"),),
        pings=Pings(EMPTY, EMPTY, EMPTY, EMPTY),
    )
    series = Series("callback/closure", track([3]))
    last = window(
        track([0]),
        options={"pings": 100, "callbacks": 5},
        counters={"strays": 2, "hard": 0, "load_blocks": 7},
        values={"b": np.array([2])},
        series=(series,),
        calibration=Calibration(EMPTY, 1, EMPTY, 1, EMPTY),
        log=("two",),
        number=2,
    )
    joined = join_windows([first, last])
    assert joined.counters == {"strays": 3, "hard": 0, "load_blocks": 7}
    assert {name: array.tolist() for name, array in joined.values.items()} == {"a": [1], "b": [2]}
    assert joined.series == (series,)
    assert joined.calibration is last.calibration
    assert joined.pings is None
    assert joined.log == ("window 1: one", "window 2: two")
    assert joined.faults == (CaptureIssue("damaged", "window 1: a frame"),)
    assert joined.windows == (first, last)
    assert joined.plan.options == {"pings": 100, "callbacks": 5}
    assert (joined.plan.window, joined.plan.windows) == (0, 3)
    assert joined.plan.duration_us == 200_000


def test_events_and_occurrences_go_with_the_first_task():
    def seen(origin):
        stimulus = origin + np.array([1_000, 2_000])
        return window(
            track([0, 0, 0], origin=origin),
            events=(
                EventSet("isr", "m", stimulus, stimulus + 7, lost=1),
                EventSet("isr", "counted", np.zeros(2, np.int64), np.array([3, 4])),
            ),
            occurrences=(Occurrences("collection", origin + np.array([500, 15_000]), 2),),
        )

    joined = join_windows([seen(0), seen(123_456)])
    events, counted = joined.events
    assert events.stimulus_us.tolist() == [1_000, 2_000, 31_000, 32_000]
    assert (events.handler_us - events.stimulus_us).tolist() == [7] * 4
    assert events.lost == 2
    assert counted.stimulus_us.tolist() == [0] * 4
    assert counted.handler_us.tolist() == [3, 4, 3, 4]
    (collections,) = joined.occurrences
    assert collections.times_us.tolist() == [500, 15_000, 30_500, 45_000]
    assert collections.lost == 4


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 5), st.sampled_from([1.0, 1.4, 7 / 11, 3.0]))
def test_any_windows_keep_each_lateness_and_the_order_of_time(seed, count, ratio):
    rng = np.random.default_rng(seed)
    periods = (10_000, round(10_000 * ratio))
    phases = (0, int(rng.integers(0, 10_000)))

    def random_window():
        origin = int(rng.integers(-(2**40), 2**40))
        tracks = []
        for index, (period, phase) in enumerate(zip(periods, phases, strict=True)):
            n = int(rng.integers(1, 40))
            late = rng.integers(-2_000, 35_000, n)
            late -= np.minimum(0, np.diff(late + np.arange(n) * period, prepend=late[0]))
            made = track(late, period=period, origin=origin + phase, index=index)
            tracks.append(replace(made, stamps_us=np.sort(made.stamps_us)))
        return window(*tracks)

    windows = [random_window() for _ in range(count)]
    joined = join_windows(windows)
    require_valid(joined)
    reached = -(2**62)
    for number in range(count if count > 1 else 0):
        earliest, latest = [], []
        originals = zip(*(w.tracks for w in windows), strict=True)
        for whole, parted in zip(joined.tracks, originals, strict=True):
            start, end, first, window_end = parts(whole)[number]
            original = parted[number]
            np.testing.assert_array_equal(
                whole.stamps_us[start:end] - (whole.origin_us + first * whole.period_us),
                original.stamps_us - original.origin_us,
            )
            assert window_end - (whole.origin_us + first * whole.period_us) == (
                original.end_us - original.origin_us
            )
            earliest.append(int(whole.stamps_us[start]))
            latest.append(max(int(whole.stamps_us[end - 1]), window_end))
        assert min(earliest) >= reached, "a window begins before all of the last one is over"
        reached = max(latest)


def test_periods_of_quite_another_size_are_joined_in_bounded_time():
    """A grid of a day beside one of a microsecond: the next place for both is half a day on."""
    day_us = 86_400_000_000
    late = [0] * 5
    windows = [
        window(
            track(late, period=1, index=0),
            track([0], period=day_us, index=1, end=5, origin=-day_us // 2 + 10),
            number=number,
        )
        for number in range(2)
    ]
    joined = join_windows(windows)
    for each in joined.tracks:
        assert (np.diff(each.stamps_us) >= 0).all()
        assert len(each.later_windows) == 1
