"""Drift, time interval error and mean period over the windows of a case: one grid for all three."""

from __future__ import annotations

import math

import numpy as np
import pytest
from captures import PERIOD, by_name, capture, grid, track
from scipy import stats

from hil.analysis.activations import assign
from hil.analysis.grid_errors import tie_us, walk_rms_bounds
from hil.analysis.grid_slope import grid_of
from hil.analysis.uncertainty import slope
from hil.experiments.evaluation import summarise_capture
from hil.model.captures import LaterWindow

N = 150


def windows(lateness, rate_ppm=0.0):
    """Three windows of 150 activations, each begun anew at 3 ms after its grid."""
    inside = np.tile(np.arange(N), 3)
    stamps = grid(3 * N) + 3000 + lateness + inside * PERIOD * rate_ppm * 1e-6
    return track(
        np.floor(stamps),
        later_windows=(LaterWindow(N, N), LaterWindow(2 * N, 2 * N)),
        window_ends_us=tuple(N * PERIOD * k for k in (1, 2, 3)),
    )


def figures(lateness, technique="timer_hard", **more):
    taken = capture(windows(lateness, **more), technique=technique)
    return by_name(summarise_capture(taken).measurements)


NOISE = np.random.default_rng(12).normal(0.0, 30.0, 3 * N)
LEVELS = np.repeat([0.0, 400.0, -300.0], N)


def test_drift_tie_and_period_are_of_one_grid():
    by_metric = figures(NOISE + LEVELS, rate_ppm=200.0)
    drift, period = by_metric["schedule_drift_ppm"], by_metric["period_mean_us"]
    assert drift.value == pytest.approx(200.0, abs=5.0)
    assert drift.lo < 200.0 < drift.hi
    assert period.value == pytest.approx(PERIOD * (1 + 200e-6), abs=1.0)
    assert period.lo < PERIOD * (1 + 200e-6) < period.hi
    assert by_metric["tie_rms_us"].value == pytest.approx(NOISE.std(), rel=0.05)
    task = assign(windows(NOISE + LEVELS, rate_ppm=200.0), "timer_hard")
    error = tie_us(task)
    rms = math.sqrt(np.mean(error**2))
    assert by_metric["tie_rms_us"].value == pytest.approx(rms)
    line = grid_of(task)
    assert drift.value == pytest.approx(line.slope.value * 1e6 / PERIOD)
    for start, level in zip((0, N, 2 * N), line.levels, strict=True):
        late = windows(NOISE + LEVELS, rate_ppm=200.0).stamps_us - grid(3 * N)
        at = slice(start, start + N)
        expected = late[at] - level - line.slope.value * np.arange(start, start + N)
        assert error[at] == pytest.approx(expected)


def test_a_long_capture_in_cells_has_the_same_grid(monkeypatch):
    task = assign(windows(NOISE + LEVELS), "timer_hard")
    whole = grid_of(task)
    monkeypatch.setattr(slope, "CALMED_BELOW", 10)
    cells = grid_of(task)
    assert cells.slope.value == pytest.approx(whole.slope.value, abs=1e-3)
    assert cells.levels == pytest.approx(whole.levels, abs=0.5)
    assert cells.edges == whole.edges == (0, N, 2 * N, 3 * N)


def test_every_part_of_the_budget_is_stored():
    by_metric = figures(NOISE)
    for metric in ("schedule_drift_ppm", "period_mean_us", "tie_rms_us"):
        parts = by_metric[metric].uncertainty
        assert parts[0].type == "A"
        assert by_metric[metric].lo is not None
    what = [part.what for part in by_metric["period_mean_us"].uncertainty]
    assert what == [
        "first and last activation of each window",
        "clock's step",
        "rates of the windows",
    ]
    drift = by_metric["schedule_drift_ppm"]
    (part,) = drift.uncertainty
    half = (drift.hi - drift.lo) / 2
    assert half == pytest.approx(stats.t.ppf(0.975, part.dof) * part.ppm, rel=0.01)


def test_without_noise_the_clocks_step_can_tilt_the_line():
    parts = figures(np.zeros(3 * N))["schedule_drift_ppm"].uncertainty
    assert [part.what for part in parts][1:] == ["clock's step"]


def test_a_timer_is_never_called_a_random_walk():
    """Bimodal, slow and bursty lateness of a timer: its releases are matched on its grid."""
    rng = np.random.default_rng(4)
    slow = 400.0 * (np.cumsum(rng.random(3 * N) < 0.02) % 2)
    bimodal = 400.0 * (rng.random(3 * N) < 0.3)
    for lateness in (slow, bimodal, np.cumsum(rng.normal(0.0, 5.0, 3 * N))):
        taken = capture(windows(lateness + NOISE))
        for figure in summarise_capture(taken).measurements:
            assert "random walk" not in (figure.no_bounds or "")
            assert figure.metric != "schedule_drift_ppm" or figure.hi is not None


def test_a_naive_task_is_bounded_by_its_windows():
    rng = np.random.default_rng(6)
    walk = np.concatenate([np.cumsum(rng.normal(30.0, 20.0, N)) for _ in range(3)])
    by_metric = figures(walk, technique="thread")
    drift, period, tie = (
        by_metric[name] for name in ("schedule_drift_ppm", "period_mean_us", "tie_rms_us")
    )
    assert drift.lo < 3000.0 < drift.hi
    assert period.lo < PERIOD + 30.0 < period.hi
    assert tie.lo < tie.value < tie.hi
    assert "grows with the window" in tie.note


def test_a_rate_that_changes_is_said():
    inside = np.tile(np.arange(N) - N / 2, 3)
    figure = figures(NOISE / 3 + 0.05 * inside**2)["schedule_drift_ppm"]
    # 2 * 0.05 us a release and release, over 149 of them, in periods of 10 ms
    words = "the rate itself changed by ", " ppm in each window; this is its mean"
    assert figure.note.startswith(words[0])
    assert figure.note.endswith(words[1])
    changed = float(figure.note.removeprefix(words[0]).removesuffix(words[1]))
    assert changed == pytest.approx(1490.0, rel=0.03)


@pytest.mark.parametrize("count", [1, 3])
def test_the_rms_of_walks_is_bounded_in_at_least_92_of_100(count):
    """About one common slope, as it is reported; binomial test, refuted at one in a thousand."""
    rng = np.random.default_rng(8)
    x = np.arange(100.0) - 49.5

    def mean_square():
        walks = np.cumsum(rng.normal(0.0, 1.0, (count, 100)), axis=1)
        walks -= walks.mean(axis=1, keepdims=True)
        walks -= x * (walks @ x).mean() / (x @ x)
        return float(np.mean(walks**2))

    true = math.sqrt(np.mean([mean_square() for _ in range(4000)]))
    bounds = [walk_rms_bounds(math.sqrt(mean_square()), count) for _ in range(300)]
    held = sum(b.lo <= true <= b.hi for b in bounds)
    assert stats.binom.cdf(held, 300, 0.92) > 1e-3
