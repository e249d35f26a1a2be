"""Which release an activation answers where nothing numbers them: known truths, then chance."""

import numpy as np
import pytest
from captures import PERIOD, grid, track

from hil.analysis import release_matching
from hil.analysis.activations import assign, lateness_us
from hil.model.captures import Gap, LaterWindow

EARLY_US = 2.0


def matched(stamps, early_us=EARLY_US, **more):
    return assign(track(stamps, **more), "timer_soft", early_us)


def wrong(stamps, truth, **more):
    """How many stamps got another release than the true one (-1: none)."""
    task = matched(np.floor(stamps), **more)
    return int(np.count_nonzero(task.releases_of_stamps(0, len(stamps)) != truth))


def test_a_constant_delay_of_nearly_a_period_is_late():
    task = matched(grid(300) + 9_500)
    assert (lateness_us(task) == 9_500).all()
    assert (task.missed, task.extra.size, task.otherwise) == (0, 0, None)


def test_a_delay_of_nearly_a_period_that_sets_in_is_late_from_there_on():
    task = matched(grid(300) + 9_500 * (np.arange(300) >= 100))
    late = lateness_us(task)
    assert not late[:100].any()
    assert (late[100:] == 9_500).all()
    assert (task.missed, task.extra.size) == (0, 0)


@pytest.mark.parametrize("first", [0, 1])
def test_every_second_release_answered_twice_is_half_missed_and_half_extra(first):
    served = np.arange(first, 300, 2) * PERIOD
    task = matched(np.repeat(served, 2) + np.tile([0, 60], served.size), releases=300)
    assert task.missed == 150
    assert task.extra.tolist() == list(range(1, 300, 2))
    assert not lateness_us(task).any()
    assert task.index.tolist() == list(range(first, 300, 2))
    assert task.every.n == 300


def test_what_a_stall_holds_back_comes_in_a_burst_and_is_late():
    """Stalls that end anywhere between two releases: the same pattern, but by chance."""
    rng = np.random.default_rng(1)
    stamps, at = [], 0
    while at < 300:
        end = at + rng.uniform(1.0, 3.0)
        held = np.arange(at, int(end) + 1)
        stamps += [end * PERIOD + 60 * j for j in range(held.size)]
        at += held.size + 2
        stamps += [(at - 2) * PERIOD, (at - 1) * PERIOD]
    stamps = np.sort(np.array(stamps))
    task = matched(stamps, releases=len(stamps))
    assert (task.missed, task.extra.size) == (0, 0)


def test_a_loss_and_a_double_later_do_not_cancel():
    stamps = np.sort(np.append(np.delete(grid(300) + 20, 50), 200 * PERIOD + 80))
    task = matched(stamps, releases=300)
    assert (task.missed, task.extra.tolist()) == (1, [200])
    assert (lateness_us(task) == 20).all()


def test_an_activation_before_anything_is_due_is_extra():
    task = matched(np.concatenate([[-6_000], grid(100) + 5]), releases=100)
    assert (task.missed, task.extra.tolist()) == (0, [0])
    assert (lateness_us(task) == 5).all()


def test_up_to_the_earliness_an_activation_is_early():
    task = matched(grid(100) - 900, early_us=1_000.0)
    assert (lateness_us(task) == -900).all()
    assert (task.missed, task.extra.size, task.otherwise) == (0, 0, None)


def test_few_that_are_earlier_than_allowed_are_early():
    """Neither is the activation extra nor the release behind it missed."""
    late = np.full(300, 30)
    late[[0, 50, 51, 200]] = -200
    stamps = np.delete(grid(300) + late, 100)
    task = matched(stamps, releases=300)
    assert (task.missed, task.extra.size) == (1, 0)
    assert np.flatnonzero(lateness_us(task) < 0).tolist() == [0, 50, 51, 199]


def test_late_by_more_than_a_period_from_the_start_may_as_well_be_a_loss():
    task = matched(grid(300) + 15_000, releases=301)
    assert (lateness_us(task) == 5_000).all()
    assert task.missed == 1
    assert task.otherwise is not None
    assert (lateness_us(task.otherwise) == 15_000).all()
    assert task.otherwise.missed == 1  # the last release of the window


def test_on_a_coarse_timer_late_by_nearly_a_period_may_as_well_be_early():
    task = matched(grid(300) + 9_500, early_us=1_001.0)
    assert (lateness_us(task) == -500).all()
    assert task.otherwise is not None
    assert (lateness_us(task.otherwise) == 9_500).all()
    assert (task.missed, task.otherwise.missed) == (1, 0)


def test_a_loss_at_which_the_phase_changes_may_as_well_be_a_delay():
    task = matched(grid(300) + 11_000 * (np.arange(300) >= 100), releases=301)
    assert task.missed == 1
    assert task.otherwise is not None
    assert lateness_us(task.otherwise)[100] == 11_000
    plain = matched(grid(300) + 10_000 * (np.arange(300) >= 100), releases=301)
    assert (plain.missed, plain.otherwise) == (1, None)


@pytest.mark.parametrize("ppm", [100, -100, 5_000, -5_000])
@pytest.mark.parametrize("lost", [0.0, 0.001])
def test_a_timer_off_another_clock_stays_with_its_releases(ppm, lost):
    rng = np.random.default_rng(2)
    k = np.arange(100_000)
    k = k[rng.random(k.size) >= lost]
    stamps = k * PERIOD * (1 + ppm * 1e-6) + 50 + rng.exponential(30.0, k.size)
    assert wrong(stamps, k, releases=100_000) == 0


@pytest.mark.parametrize("noise_us", [10.0, 100.0, 500.0])
@pytest.mark.parametrize("share", [0.001, 0.01])
def test_losses_and_doubles_by_chance(noise_us, share):
    rng = np.random.default_rng(3)
    n = 20_000
    late = 20 + np.abs(rng.normal(0.0, noise_us, n))
    k = np.arange(n)
    there, twice = rng.random(n) >= share, rng.random(n) < share
    twice &= there
    stamps = np.concatenate([(k * PERIOD + late)[there], (k * PERIOD + late)[twice] + 300])
    truth = np.concatenate([k[there], np.full(np.count_nonzero(twice), -1)])
    order = np.argsort(stamps, kind="stable")
    assert wrong(stamps[order], truth[order], releases=n) <= 0.001 * n


def test_stamps_that_the_wire_lost_are_no_loss_of_the_boards():
    stamps = np.delete(grid(300) + 20, [*range(40, 50), 120])
    task = matched(stamps, releases=300, gaps=(Gap(40, 10),))
    assert (task.missed, task.lost) == (1, 10)
    assert (lateness_us(task) == 20).all()
    assert task.breaks.tolist() == [40]


def test_each_window_is_matched_by_itself():
    """The second window begins with a loss, the first ends with one; nothing is between them."""
    first, second = grid(99) + 20, np.delete(grid(100) + 20, [0, 1])
    joined = track(
        np.concatenate([first, second + 500 * PERIOD]),
        end=600 * PERIOD,
        later_windows=(LaterWindow(99, 500),),
        window_ends_us=(100 * PERIOD, 600 * PERIOD),
    )
    task = assign(joined, "timer_soft", EARLY_US)
    assert task.missed == 1 + 2
    assert task.index.tolist() == [*range(99), *range(502, 600)]
    assert task.window_starts.tolist() == [0, 99]
    assert task.breaks.tolist() == [99]
    assert not task.joined[98]
    assert (task.judged, task.window_us) == (200, 200 * PERIOD)
    assert [(w.first, w.judged, w.missed) for w in task.windows] == [(0, 100, 1), (500, 100, 2)]


def test_what_the_wire_lost_at_the_end_of_a_window_belongs_to_it():
    joined = track(
        np.concatenate([grid(97), np.delete(grid(100), 0) + 500 * PERIOD]),
        end=600 * PERIOD,
        gaps=(Gap(97, 4),),
        later_windows=(LaterWindow(97, 500, 3),),
        window_ends_us=(100 * PERIOD, 600 * PERIOD),
    )
    task = assign(joined, "timer_soft", EARLY_US)
    assert task.missed == 0
    assert task.index.tolist() == [*range(97), *range(501, 600)]


def test_pieces_make_no_difference(monkeypatch):
    rng = np.random.default_rng(4)
    k = np.arange(3000)
    k = k[rng.random(k.size) >= 0.02]
    stamps = np.sort(np.concatenate([k * PERIOD + 20, k[::7] * PERIOD + 200]))
    stamps[1000:1010] = stamps[1010]
    whole = matched(stamps, releases=3000)
    monkeypatch.setattr(release_matching, "PIECE", 101)
    pieced = matched(stamps, releases=3000)
    assert pieced.extra.tolist() == whole.extra.tolist()
    assert pieced.index.tolist() == whole.index.tolist()
    assert pieced.missed == whole.missed > 20


def test_pieces_around_extra_activations():
    served = np.arange(0, 300, 2) * PERIOD
    task = matched(np.repeat(served, 2) + np.tile([0, 60], served.size), releases=300)
    for start, end in ((0, 1), (0, 150), (7, 9), (149, 150), (150, 170), (3, 3)):
        assert task.times(start, end).tolist() == served[start:end].tolist()
    assert task.some(np.array([3, 149]))[0].tolist() == served[[3, 149]].tolist()
    assert task.releases_of_stamps(4, 7).tolist() == [4, -1, 6]
