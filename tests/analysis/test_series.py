import numpy as np
import pytest
from captures import PERIOD, capture, grid, track

from hil.analysis.activations import assign
from hil.experiments.evaluation import summarise_capture
from hil.model.budgets import Budget, Budgets, judge_measurement
from hil.model.captures import Series
from hil.model.techniques import is_variant


def variant_figures(*tracks, technique="timer_soft", **more):
    series = tuple(Series("callback/closure", track) for track in tracks)
    taken = capture(track(grid(400)), technique=technique, series=series, **more)
    return {(m.metric, m.task): m for m in summarise_capture(taken).measurements if m.method}


def test_a_series_has_figures_under_its_method():
    rows = variant_figures(track(grid(400) + 70), track(grid(400) + 10, index=1))
    assert rows["lateness_p50_us", 0].value == 70
    assert rows["lateness_p50_us", 1].value == 10
    assert rows["lateness_p99_us", 0].hi is not None
    assert rows["missed", 0].value == 0
    assert {m.method for m in rows.values()} == {"callback/closure"}
    assert "adev_10ms" not in {metric for metric, _ in rows}


def test_a_burst_that_catches_up_is_late_and_loses_nothing():
    stamps = grid(300)
    stamps[100:104] = 103 * PERIOD + np.arange(4) * 20
    assert assign(track(stamps)).index.tolist() == list(range(300))
    rows = variant_figures(track(stamps))
    assert rows["lateness_max_us", 0].value == 3 * PERIOD
    assert rows["missed", 0].value == 0


def test_lost_activations_are_missed_and_the_others_stay_in_time():
    rng = np.random.default_rng(3)
    chosen = np.sort(rng.choice(300, 240, replace=False))
    chosen[-1] = 299
    rows = variant_figures(track(grid(300)[chosen] + 50, releases=300))
    assert rows["lateness_p50_us", 0].value == 50
    longest = np.diff(np.unique(chosen), prepend=-1).max() - 1
    assert rows["lateness_max_us", 0].value == longest * PERIOD + 50
    assert rows["missed", 0].value == 300 - np.unique(chosen).size


def test_early_is_not_the_release_before():
    stamps = grid(50) - 100
    assert assign(track(stamps)).index.tolist() == list(range(50))


def test_a_naive_technique_keeps_its_sequence():
    stamps = (np.arange(400) * PERIOD * 1.05).astype(np.int64)
    rows = variant_figures(track(stamps), technique="asyncio_sleep")
    assert rows["schedule_drift_ppm", 0].value == pytest.approx(50_000, rel=1e-3)


def test_callbacks_figures_come_from_the_counters():
    counters = {
        "taken.callback/a": 3072,
        "calls.callback/a": 32,
        "locked.callback/a": 0,
        "errors.callback/a": 7,
        "errors_of.callback/a": 9,
        "after.callback/swapped": 2,
        "refused.timer/numbered": 1,
    }
    summary = summarise_capture(capture(track(grid(20)), counters=counters))
    rows = {(m.metric, m.method): m for m in summary.measurements}
    assert rows["callback_bytes", "callback/a"].value == 96
    assert "fails with the heap locked" in rows["callback_bytes", "callback/a"].note
    assert (
        rows["callback_errors", "callback/a"].value,
        rows["callback_errors", "callback/a"].n,
    ) == (
        7,
        9,
    )
    assert rows["callbacks_after_stop", "callback/swapped"].value == 2
    assert "timer/numbered" in {r.method for r in summary.reasons}


def test_variants_have_no_budget_but_must_end():
    counters = {"after.callback/swapped": 2}
    taken = capture(
        track(grid(20)), series=(Series("timer/one_shot", track(grid(20))),), counters=counters
    )
    budgets = Budgets(
        tuple(Budget(metric, "absolute", -1.0) for metric in ("missed", "callbacks_after_stop"))
    )
    verdicts = {
        (m.metric, m.method): judge_measurement(m, budgets, period_us=1e4).verdict
        for m in summarise_capture(taken).measurements
    }
    assert verdicts["missed", None] == "fail"
    assert verdicts["missed", "timer/one_shot"] == "none"
    assert verdicts["callbacks_after_stop", "callback/swapped"] == "fail"
    assert not is_variant("loopback/hard")
