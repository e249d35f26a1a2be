from dataclasses import replace

import numpy as np
import pytest
from captures import by_name, capture, grid, track

from hil.analysis.latency import NEGATIVE
from hil.experiments.evaluation import summarise_capture
from hil.model.captures import Calibration, EventSet

rng = np.random.default_rng(5)


def calibrated(full, minimal, batch=100):
    calibration = Calibration(
        read_us=np.full(50, 10),
        read_batch=100,
        stamp_us=np.full(50, 40),
        stamp_batch=100,
        step_us=np.ones(50, np.int64),
        full_us=np.asarray(full, np.int64),
        minimal_us=np.asarray(minimal, np.int64),
        loop_batch=batch,
    )
    return summarise_capture(capture(track(grid(50)), calibration=calibration))


def test_the_observer_effect_is_the_difference_of_the_two_loops():
    slow = np.arange(100) % 7 * 1000  # spells that meet both loops of a pair alike
    figure = by_name(calibrated(slow + 500, slow + 450).measurements, None)["observer_effect_us"]
    assert figure.value == pytest.approx(0.5)
    assert figure.lo <= 0.5 <= figure.hi
    assert figure.hi - figure.lo < 0.05


def test_its_interval_holds_the_truth_under_noise():
    held = 0
    for _ in range(200):
        minimal = 300 + rng.exponential(40, 60)
        full = 300 + rng.exponential(40, 60) + 25
        figure = by_name(calibrated(full, minimal).measurements, None)["observer_effect_us"]
        held += figure.lo <= 0.25 <= figure.hi
    assert held >= 180


def test_too_few_pairs_give_no_number():
    summary = calibrated([5, 6], [4, 4])
    assert "observer_effect_us" not in by_name(summary.measurements, None)
    assert any(reason.metric == "observer_effect_us" for reason in summary.reasons)


def test_a_latency_below_what_is_taken_off_is_negative_and_its_bounds_reach_zero():
    stimulus = np.arange(1000, dtype=np.int64) * 1000
    events = EventSet("isr", "loopback/hard", stimulus, stimulus + (np.arange(1000) % 10 == 0))
    whole = capture(track(grid(50)), events=(events,))
    whole = replace(whole, board=replace(whole.board, stamp_cost_us=5.0))
    by_metric = by_name(summarise_capture(whole).measurements, None)
    p50 = by_metric["isr_latency_p50_us"]
    assert by_metric["isr_latency_min_us"].value == -2.5
    # of 900 equal values, spread over one step of the clock, the median is the 500th
    assert p50.value == pytest.approx(-2.5 + 500 / 900 - 0.5)
    assert (p50.lo, p50.hi) == pytest.approx((-6.0, 1.0), abs=1e-3)
    assert NEGATIVE in p50.note
    assert by_metric["isr_latency_p99_us"].value == -1.5


def test_a_difference_that_cant_be_has_an_upper_end_of_zero():
    stimulus = np.arange(100, dtype=np.int64) * 1000
    whole = capture(track(grid(50)), events=(EventSet("isr", "loopback/hard", stimulus, stimulus),))
    cost = Calibration(
        *(np.full(20, 160), 16, np.full(20, 160), 16, np.full(20, 1)),
        set_us=np.full(20, 160),
        rounds_us=np.full(20, 0),
        rounds=1,
    )
    p50 = by_name(summarise_capture(replace(whole, calibration=cost)).measurements, None)[
        "isr_latency_p50_us"
    ]
    assert p50.value == pytest.approx(-15.0, abs=0.2)  # the read, and half of the write
    assert p50.hi == 0.0
    assert NEGATIVE in p50.note
