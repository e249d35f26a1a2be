import numpy as np
import pytest
from captures import PERIOD, grid, track

from hil.analysis.activations import assign, lateness_us
from hil.model.captures import Gap


def late(stamps, technique="timer_hard", **more):
    activations = assign(track(stamps, **more), technique)
    return activations, lateness_us(activations)


def overruns(lateness):
    return np.count_nonzero(lateness >= PERIOD)


def test_activations_on_the_grid_are_neither_late_nor_missed():
    activations, lateness = late(grid(100))
    assert (activations.missed, activations.dropped, activations.lost) == (0, 0, 0)
    assert not lateness.any()


def test_a_lost_callback_is_missed_and_leaves_the_others_on_time():
    stamps = np.delete(grid(100) + 30, [40, 41, 42])
    activations, lateness = late(stamps, releases=100)
    assert activations.missed == 3
    assert (lateness == 30).all()


def test_releases_behind_a_lost_callback_are_counted_on():
    stamps = np.delete(grid(100) + 30, [40, 41, 42])
    activations = assign(track(stamps, releases=100))
    assert activations.releases(0, 97).tolist() == [*range(40), *range(43, 100)]
    assert (activations.starts.dtype, activations.shifts.dtype) == (np.int64, np.int64)


def test_a_stall_that_catches_up_in_a_burst_is_late_not_missed():
    stamps = grid(100) + 30
    stamps[50:55] = stamps[55] - 5 + np.arange(5)
    activations, lateness = late(stamps)
    assert activations.missed == 0
    assert lateness[50] == pytest.approx(5 * PERIOD + 25)
    assert overruns(lateness) == 5  # those that came when the next release was already due
    assert (lateness[55:] == 30).all()


def test_a_stall_that_ends_in_several_steps_loses_whole_releases():
    # as seen of a scheduler on a busy host: each step rounded by itself loses one release too few
    stamps = np.concatenate([np.arange(50), [50.41, 56.9], np.arange(60, 200)]) * PERIOD
    activations, lateness = late(stamps, "aioschedule", releases=200)
    assert activations.missed == 8
    assert not lateness[52:].any()
    assert lateness[50] == pytest.approx(0.41 * PERIOD, abs=1)


def test_a_task_that_slows_down_by_and_by_loses_nothing():
    """Each interval 6 % longer than the one before at most, as when a load sets in: all late."""
    intervals = np.concatenate([np.full(300, 1.0), np.linspace(1.0, 1.06, 30), np.full(200, 1.06)])
    stamps = np.cumsum(intervals) * PERIOD
    activations, lateness = late(stamps, "round_robin_irq", releases=530)
    assert list(activations.index) == list(range(1, 531))
    assert lateness[-1] > 10 * PERIOD


def test_a_stall_of_a_naive_task_makes_every_later_activation_late():
    stamps = grid(100)
    stamps[50:] += 3 * PERIOD
    activations, lateness = late(stamps, "asyncio_sleep", releases=103)
    assert (lateness[50:] == 3 * PERIOD).all()
    assert overruns(lateness) == 50
    assert activations.missed == 3  # the last three releases of the window
    again, on_grid = late(stamps, "timer_hard", releases=103)
    assert again.missed == 3
    assert not on_grid.any()


def test_drift_of_many_periods_is_followed_without_missing_any():
    stamps = (np.arange(4000) * (PERIOD * 1.02)).astype(np.int64)
    activations, lateness = late(stamps, "timer_soft", releases=4000)
    assert activations.rule == "matched"
    assert lateness[-1] == pytest.approx(80 * PERIOD, rel=0.01)
    assert activations.missed == 0


def test_a_fast_timer_is_early_and_misses_nothing():
    stamps = (np.arange(3000) * (PERIOD * 0.99)).astype(np.int64)
    activations, lateness = late(stamps)
    assert activations.missed == 0
    assert lateness[-1] == pytest.approx(-30 * PERIOD, rel=0.01)


def test_the_agents_own_numbers_win():
    activations, lateness = late([0, 50_000], given=np.array([0, 5]), releases=6)
    assert activations.rule == "given"
    assert activations.missed == 4
    assert not lateness.any()


def test_stamps_lost_by_the_wire_are_neither_missed_nor_an_interval():
    stamps = np.delete(grid(100) + 7, np.arange(30, 40))
    activations, lateness = late(stamps, releases=100, gaps=(Gap(30, 10),))
    assert activations.missed == 0
    assert activations.lost == 10
    assert not activations.joined[29]
    assert (lateness == 7).all()


def test_stamps_lost_by_the_wire_keep_a_naive_task_in_step():
    stamps = np.delete(grid(100) + 7, np.arange(30, 40))
    activations, lateness = late(stamps, "thread", releases=100, gaps=(Gap(30, 10),))
    assert activations.missed == 0
    assert (lateness == 7).all()


def test_dropped_stamps_shorten_the_window():
    activations, _ = late(grid(60), releases=100, dropped=40)
    assert activations.missed == 0
    assert activations.window_us == 59 * PERIOD


def test_releases_that_were_never_answered_at_the_end_are_missed():
    activations, _ = late(grid(60), releases=100)
    assert activations.missed == 40


def test_no_activation_at_all_misses_every_release():
    activations, _ = late([], releases=10)
    assert activations.missed == 10
