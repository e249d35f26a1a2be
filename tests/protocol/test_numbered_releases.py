"""What the grid of a task says of its activations: numbered by the agent, in order, or neither."""

from dataclasses import replace

import numpy as np
import pytest
from board_streams import PERIOD_US, Board

from hil.analysis.activations import activations_of, assign, lateness_us
from tools import synthetic_captures as synthetic

GRIDS = [
    ({}, False, False),
    ({"answers": "numbered"}, True, False),
    ({"answers": "order"}, False, True),
]


def track(fields, stamps):
    device = Board()
    device.grid(0, device.start, **fields)
    device.channel("task0", device.start + stamps)
    device.end()
    return device.capture().tracks[0]


@pytest.mark.parametrize(("fields", "numbered", "in_order"), GRIDS)
def test_the_grid_tells(fields, numbered, in_order):
    received = track(fields, np.arange(50) * PERIOD_US)
    assert (received.numbered, received.in_order) == (numbered, in_order)


@pytest.mark.parametrize(
    ("fields", "rule", "late"),
    [
        ({}, "matched", 0),
        ({"answers": "numbered"}, "given", 3),
        ({"answers": "order"}, "sequence", 3),
    ],
)
def test_a_stall_that_never_ends_is_lateness_where_the_agent_counts(fields, rule, late):
    stamps = np.arange(50) * PERIOD_US
    stamps[20:] += 3 * PERIOD_US
    task = assign(track(fields, stamps), "timer_oneshot", 2.0)
    assert task.rule == rule
    assert lateness_us(task)[-1] == late * PERIOD_US


@pytest.mark.parametrize("flag", ["numbered", "in_order"])
def test_it_is_sent_with_the_stamps(flag):
    made = synthetic.capture([np.zeros(20)])
    (task,) = made.tracks
    made = replace(made, tracks=(replace(task, **{flag: True}),))
    assert getattr(synthetic.receive(made).tracks[0], flag)


def test_ticks_that_are_counted_by_the_clock_number_the_releases():
    made = synthetic.capture([30 + 3 * synthetic.PERIOD_US * (np.arange(50) >= 20)])
    (task,) = made.tracks
    assert activations_of(made, task).rule == "matched"
    assert activations_of(replace(made, counters={"polled_tick": 1}), task).rule == "given"
