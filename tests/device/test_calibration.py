"""Calibration on boards in virtual time, whose costs and clocks are known."""

import re

import pytest

from hil.analysis.clock import steps_back
from hil.analysis.clock_step import clock_step_us
from hil.analysis.stamp_costs import stamp_costs
from hil.protocol.events import read_calibration


def calibrate(connect_board, knobs, **config):
    with connect_board(knobs) as runner:
        options = {"set_pin": 1, **config}
        decoded = runner.run("calibrate", periods=(), phases=(), pins=(), duration=1000, **options)
        counters = {
            key: int(v) for key, v in runner.end(decoded).items() if v.lstrip("-").isdigit()
        }
    return read_calibration(decoded.channels, counters)


@pytest.mark.parametrize(
    ("knobs", "read", "write"),
    [
        ("read_us=4.25,pin_us=3.5,turn_us=4", 4.25, 3.5),
        ("read_us=0.3,pin_us=0.7,turn_us=9", 0.3, 0.7),
        ("read_us=5,pin_us=2,tick_us=30.5,phase_us=7.25", 5.0, 2.0),
    ],
)
def test_each_part_of_a_stamp_is_found(connect_board, knobs, read, write):
    calibration = calibrate(connect_board, knobs)
    step = clock_step_us(calibration.readings_us)
    costs = stamp_costs(calibration, step)
    for cost, truth in ((costs.read, read), (costs.set_pin, write), (costs.keep, read)):
        assert cost.lo <= truth <= cost.hi
        assert cost.hi - cost.lo < 0.2 * step


@pytest.mark.parametrize("step", [1, 4, 30.5])
def test_the_clocks_step_is_found_by_a_loop_that_costs_several(connect_board, step):
    calibration = calibrate(connect_board, f"read_us=4,turn_us=4,tick_us={step}")
    assert len(calibration.readings_us) >= 1000
    assert clock_step_us(calibration.readings_us) == pytest.approx(step, rel=1e-3)


@pytest.mark.parametrize("config", [{"loop": None}, {"set_pin": 0}])
def test_without_a_loopback_or_events_no_pin_is_written(connect_board, config):
    calibration = calibrate(connect_board, "read_us=2", **config)
    assert not calibration.set_us.size
    assert stamp_costs(calibration, 1.0).set_pin is None
    assert stamp_costs(calibration, 1.0).read.us == pytest.approx(2.0, abs=0.05)


def test_steps_back_are_counted_and_named(connect_board):
    calibration = calibrate(connect_board, "step_us=-500,step_every_ms=2")
    assert calibration.steps_back == pytest.approx(25, abs=1)
    assert 480 <= calibration.back_most_us <= 500
    assert "ticks_us stepped back" in steps_back(calibration)
    assert calibration.watched_us == pytest.approx(100_000, abs=1_000)  # steps back, too
    assert re.search(r"times in 0\.(1|099) s", steps_back(calibration))


def test_a_steady_clock_has_nothing_to_tell(connect_board):
    calibration = calibrate(connect_board, "ppm=200")
    assert calibration.watched_us > 90_000
    assert steps_back(calibration) is None
    assert steps_back(None) is None
