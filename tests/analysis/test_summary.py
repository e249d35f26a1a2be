import math

import numpy as np
import pytest
from captures import PERIOD, by_name, capture, grid, track

from hil.experiments.evaluation import summarise_capture
from hil.model.captures import Calibration, EventSet, Gap
from hil.model.metrics import find_metric

RNG = np.random.default_rng(20)
WHITE = RNG.normal(0.0, 50.0, 20_000)
WALK = np.cumsum(RNG.normal(0.0, 20.0, 20_000))


def figures(deviation, technique="timer_hard", **more):
    stamps = np.rint(grid(len(deviation)) + np.asarray(deviation)).astype(np.int64)
    return by_name(
        summarise_capture(capture(track(stamps, **more), technique=technique)).measurements
    )


def test_constant_intervals_have_no_jitter_and_bounds_of_the_clock_step():
    by_metric = figures(np.zeros(500))
    assert by_metric["period_mean_us"].value == PERIOD
    for metric in ("period_jitter_rms_us", "c2c_jitter_rms_us", "tie_rms_us"):
        assert by_metric[metric].value == pytest.approx(0.0, abs=1e-6)
        assert by_metric[metric].lo == 0.0
        assert by_metric[metric].hi == pytest.approx(math.sqrt(0.5), rel=0.8)
    assert by_metric["schedule_drift_ppm"].value == pytest.approx(0.0, abs=1e-9)


def test_a_ramp_is_drift_and_nothing_else():
    by_metric = figures(np.arange(2000) * 3.0)
    assert by_metric["schedule_drift_ppm"].value == pytest.approx(300.0)
    assert by_metric["period_mean_us"].value == pytest.approx(PERIOD + 3.0)
    assert by_metric["tie_rms_us"].value == pytest.approx(0.0, abs=1e-6)
    assert by_metric["lateness_max_us"].value == 3.0 * 1999
    assert "drifts" in (by_metric["lateness_max_us"].no_bounds or "")


def test_white_deviation_gives_the_known_ratios():
    by_metric = figures(WHITE)
    assert by_metric["tie_rms_us"].value == pytest.approx(50.0, rel=0.02)
    assert by_metric["period_jitter_rms_us"].value == pytest.approx(50.0 * math.sqrt(2), rel=0.02)
    ratio = by_metric["c2c_jitter_rms_us"].value / by_metric["period_jitter_rms_us"].value
    assert ratio == pytest.approx(math.sqrt(3), rel=0.02)
    assert by_metric["lateness_p50_us"].value == pytest.approx(0.0, abs=2.0)
    assert by_metric["lateness_p99_us"].value == pytest.approx(2.326 * 50.0, rel=0.03)
    assert by_metric["lateness_p999_us"].value == pytest.approx(3.09 * 50.0, rel=0.06)


def test_white_bounds_hold_and_are_as_narrow_as_theory():
    by_metric = figures(WHITE)
    drift = by_metric["schedule_drift_ppm"]
    assert drift.lo < 0.0 < drift.hi
    theory = 2 * 1.96 * 50.0 * math.sqrt(12.0 / WHITE.size**3) / PERIOD * 1e6
    assert theory <= (drift.hi - drift.lo) * 1.3
    # wider than for noise known to be white: a slow correlation can't be excluded
    assert drift.hi - drift.lo < 5.0 * theory
    tie = by_metric["tie_rms_us"]
    assert tie.hi - tie.lo == pytest.approx(2 * 1.96 * 50.0 / math.sqrt(2 * WHITE.size), rel=0.3)


def test_a_random_walk_is_told_apart_and_its_slope_bounds_are_wide():
    by_metric = figures(WALK + 30.0 * np.arange(WALK.size), "thread")
    drift = by_metric["schedule_drift_ppm"]
    assert drift.lo < 3000.0 < drift.hi
    theory = 2 * 1.96 * 20.0 / math.sqrt(WALK.size) / PERIOD * 1e6
    assert drift.hi - drift.lo == pytest.approx(theory, rel=0.4)
    assert by_metric["tie_rms_us"].lo < by_metric["tie_rms_us"].value < by_metric["tie_rms_us"].hi
    assert "grows with the window" in by_metric["tie_rms_us"].note
    for metric in ("lateness_p99_us", "lateness_max_us"):
        assert by_metric[metric].lo is None
        assert "random walk" in (by_metric[metric].no_bounds or "")
    assert by_metric["period_jitter_rms_us"].value == pytest.approx(20.0, rel=0.02)


def test_worst_activation_is_named_with_its_place():
    deviation = np.zeros(400)
    deviation[123] = 777.0
    by_metric = figures(deviation)
    for metric in ("lateness_max_us", "tie_pp_us"):
        assert by_metric[metric].where_us == 123 * PERIOD + 777
    assert by_metric["c2c_jitter_max_us"].value == 2 * 777


def test_too_few_samples_get_a_reason_instead_of_a_number():
    summary = summarise_capture(capture(track(grid(298))))
    assert "lateness_p99_us" not in by_name(list(summary.measurements))
    reasons = {reason.metric: reason.reason for reason in summary.reasons}
    assert "299" in reasons["lateness_p99_us"]
    assert "2995" in reasons["lateness_p999_us"]
    assert "lateness_p99_us" in figures(np.zeros(299))


@pytest.mark.parametrize("count", range(9))
def test_hardly_any_stamps_are_no_error(count):
    stamps = grid(count) + 5
    summary = summarise_capture(capture(track(stamps, releases=10)))
    by_metric = by_name(list(summary.measurements))
    assert by_metric["missed"].value == 10 - count
    assert all(math.isfinite(measurement.value) for measurement in summary.measurements)
    named = set(by_metric) | {reason.metric for reason in summary.reasons}
    assert {"period_mean_us", "tie_rms_us", "schedule_drift_ppm", "lateness_max_us"} <= named


def test_equal_stamps_and_huge_values_stay_finite():
    base = 2**62
    for stamps in (np.full(50, base), base + grid(50)):
        measurements = summarise_capture(capture(track(stamps, origin=base))).measurements
        assert all(math.isfinite(measurement.value) for measurement in measurements)
        assert all(
            measurement.lo is None or measurement.lo <= measurement.value
            for measurement in measurements
        )
        assert all(
            measurement.hi is None or measurement.value <= measurement.hi
            for measurement in measurements
        )


def test_an_interval_over_lost_stamps_is_not_used():
    stamps = np.delete(grid(1000), np.arange(400, 500))
    by_metric = by_name(
        summarise_capture(capture(track(stamps, releases=1000, gaps=(Gap(400, 100),)))).measurements
    )
    assert by_metric["period_jitter_pp_us"].value == 0.0
    assert by_metric["period_mean_us"].n == 898
    assert by_metric["dropped"].value == 100
    assert by_metric["c2c_jitter_max_us"].n == 896


def test_every_figure_has_bounds_or_says_why_not():
    for deviation in (WHITE[:4000], WALK[:4000], np.zeros(4000)):
        for figure in figures(deviation).values():
            assert (figure.lo is None or figure.hi is None) <= bool(figure.remarks), figure
            assert (
                figure.lo is None or figure.hi is None or figure.lo <= figure.value <= figure.hi
            ), figure


def test_coarse_clock_widens_the_bounds():
    step = 30.517578125
    true = grid(4000) + WHITE[:4000] + 1000.3
    stamps = np.floor(np.floor(true / step) * step).astype(np.int64)
    coarse = by_name(
        summarise_capture(capture(track(stamps, releases=4000), step_us=step)).measurements
    )
    jitter = coarse["period_jitter_rms_us"]
    assert jitter.lo < 50.0 * math.sqrt(2) < jitter.hi
    assert coarse["lateness_p50_us"].hi - coarse["lateness_p50_us"].lo > step / 2


def test_isr_latency_is_less_than_the_difference_by_some_of_a_stamp_and_named_by_method():
    """Without calibrated parts from nothing to a whole stamp lies between: half is taken off."""
    stimulus = grid(3000)
    handled = stimulus + 25 + (np.arange(3000) % 7)
    events = (
        EventSet("isr", "loopback/hard", stimulus, handled, lost=3),
        EventSet("defer", "loopback/hard", handled, handled + 100),
    )
    cost = Calibration(np.full(20, 100), 100, np.full(20, 500), 100, np.full(5, 1))
    summary = summarise_capture(capture(events=events, calibration=cost))
    by_metric = {
        (measurement.metric, measurement.method): measurement
        for measurement in summary.measurements
    }
    assert by_metric["isr_latency_min_us", "loopback/hard"].value == 22.5
    assert by_metric["isr_latency_max_us", "loopback/hard"].value == 28.5
    assert by_metric["isr_jitter_pp_us", "loopback/hard"].value == 6.0
    p50 = by_metric["isr_latency_p50_us", "loopback/hard"]
    assert p50.value == pytest.approx(25.5, abs=0.01)
    assert p50.lo < 28.0 - 5.0
    assert p50.hi > 28.0
    assert by_metric["defer_latency_p50_us", "loopback/hard"].value == pytest.approx(97.5)
    assert by_metric["stamp_cost_us", None].value == pytest.approx(5.0, abs=0.01)
    assert by_metric["missed", "loopback/hard"].value in (0, 3)


def test_every_metric_has_a_fixed_name_and_its_unit():
    by_metric = figures(WHITE)
    assert all(find_metric(name) for name in by_metric)
    assert {measurement.unit for measurement in by_metric.values()} == {"us", "ppm", "count", "1"}
    assert by_metric["tdev_100ms_us"].unit == "us"
