"""What never came counts as long as it was waited for: no coordinated omission."""

import numpy as np
from captures import PERIOD, by_name, capture, grid, track

from hil.analysis.activations import assign
from hil.analysis.missed_releases import missed_releases_of
from hil.experiments.evaluation import summarise_capture
from hil.model.captures import Gap, LaterWindow


def missed(stamps, technique="timer_soft", **more):
    return missed_releases_of(assign(track(stamps, **more), technique, 2.0))


def test_a_missed_release_waits_for_the_next_activation():
    waits = missed(np.delete(grid(100) + 30, [40, 41, 42]), releases=100)
    assert waits.places.tolist() == [40, 40, 40]
    assert waits.due_us.tolist() == [40 * PERIOD, 41 * PERIOD, 42 * PERIOD]
    assert waits.waited_us.tolist() == [3 * PERIOD + 30, 2 * PERIOD + 30, PERIOD + 30]


def test_at_the_end_of_a_window_it_waits_until_that_and_at_least_a_period():
    waits = missed(grid(97) + 30, end=100 * PERIOD + 500)
    assert waits.places.tolist() == [97, 97, 97]
    assert waits.waited_us.tolist() == [3 * PERIOD + 500, 2 * PERIOD + 500, PERIOD + 500]


def test_an_extra_activation_ends_the_wait_but_not_before_a_period():
    served = np.arange(0, 300, 2) * PERIOD
    waits = missed(np.repeat(served, 2) + np.tile([0, 60], served.size), releases=300)
    assert waits.n == 150
    assert (waits.waited_us == PERIOD).all()


def test_none_waits_into_the_next_window():
    joined = track(
        np.concatenate([grid(98), np.delete(grid(100), 0) + 500 * PERIOD]),
        end=600 * PERIOD,
        later_windows=(LaterWindow(98, 500),),
        window_ends_us=(100 * PERIOD, 600 * PERIOD),
    )
    waits = missed_releases_of(assign(joined, "timer_soft", 2.0))
    assert waits.places.tolist() == [98, 98, 98]
    assert (waits.due_us / PERIOD).tolist() == [98, 99, 500]
    assert waits.waited_us.tolist() == [2 * PERIOD, PERIOD, PERIOD]


def test_what_the_wire_lost_was_not_missed():
    waits = missed(np.delete(grid(100), [*range(40, 50), 50]), releases=100, gaps=(Gap(40, 10),))
    assert waits.n == 1
    assert missed(grid(90), releases=100, gaps=(Gap(90, 10),)).n == 0


def test_percentiles_get_worse_with_each_activation_that_is_lost():
    rng = np.random.default_rng(6)
    lost = np.sort(rng.choice(np.arange(1, 1000), 30, replace=False))
    figures = by_name(
        summarise_capture(
            capture(track(np.delete(grid(1000) + 30, lost), releases=1000), technique="timer_soft")
        ).measurements
    )
    assert figures["missed"].value == 30
    assert figures["lateness_p50_us"].value == 30
    assert figures["lateness_p99_us"].value >= PERIOD
    assert figures["lateness_max_us"].value >= PERIOD
    assert figures["lateness_p99_us"].n == figures["lateness_max_us"].n == 1000
    assert figures["period_mean_us"].n == 969
    run = max(np.split(lost, np.flatnonzero(np.diff(lost) > 1) + 1), key=len)
    assert figures["lateness_max_us"].value == len(run) * PERIOD + 30
    assert figures["lateness_max_us"].where_us == run[0] * PERIOD
