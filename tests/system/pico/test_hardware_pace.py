"""The pace that hardware sets, on real firmware: by the board's stamps and by the exact edges."""

import numpy as np
import pytest

from hil.analysis.pwm_reference import REFERENCE_METRICS
from hil.experiments.evaluation import summarise_capture
from hil.model.techniques import PWM_REFERENCE


def figures_of(capture):
    return {
        (f.source, f.task, f.metric): f
        for f in summarise_capture(capture).measurements
        if f.method in (None, PWM_REFERENCE)
    }


@pytest.mark.parametrize("technique", ["pio_irq", "pwm_irq"])
def test_stamps_and_edges_agree_and_nothing_goes_on(measure, technique):
    capture, _ = measure(technique)

    assert capture.errors == ()
    assert capture.counters["strays"] == 0
    by_pin = figures_of(capture)
    for task in (0, 1):
        board, pin = (by_pin[s, task, "period_mean_us"] for s in ("board", "pico"))
        assert abs(board.value - pin.value) < 0.1
        assert max(board.lo, pin.lo) <= min(board.hi, pin.hi)
        assert by_pin["pico", task, "period_jitter_rms_us"].value < 5.0
        assert by_pin["board", task, "missed"].value == 0
    first, second = (track.stamps_us for track in capture.tracks)
    both = min(first.size, second.size)
    assert np.all(np.abs(second[:both] - first[:both] - 5_000) < 100)


def test_a_state_machine_keeps_its_period_exactly(measure):
    capture, _ = measure("pio_irq")

    assert "pio_ppb" not in capture.counters
    for task in (0, 1):
        drift = figures_of(capture)["pico", task, "schedule_drift_ppm"]
        assert drift.lo < 0.0 < drift.hi
        assert abs(drift.value) < 1.0


def test_the_pwms_own_edges_are_the_reference(measure):
    capture, _ = measure("pwm_irq")

    assert capture.counters["pwm_hz"] == 200
    assert capture.counters["hard"] == 1
    reference = {metric: f for (_, task, metric), f in figures_of(capture).items() if task is None}
    assert reference.keys() >= REFERENCE_METRICS
    mean = reference["period_mean_us"]
    # the firmware's divider: 125 MHz / 9.5625 / 65359
    assert mean.lo <= 4999.9635 <= mean.hi
    assert mean.hi - mean.lo < 0.1
    assert reference["period_jitter_rms_us"].value < 1e-3
