import math

import numpy as np
import pytest
from captures import PERIOD, capture, grid, track

from hil.analysis import plot_data, stability
from hil.analysis.activations import assign
from hil.analysis.uncertainty.distributions import quantile_ranks
from hil.model.captures import Calibration, Pings

RNG = np.random.default_rng(5)


def test_histogram_counts_everything_even_what_it_does_not_show():
    values = np.concatenate((RNG.normal(200, 50, 5000), [1e6, 2e6, -1e6]))
    drawn = plot_data.histogram(values)
    assert drawn.counts.sum() + drawn.under + drawn.over == drawn.n == 5003
    assert drawn.over >= 2
    assert drawn.under >= 1
    assert (drawn.lo <= drawn.counts).all()
    assert (drawn.counts <= drawn.hi).all()


def test_histogram_bins_are_whole_clock_steps():
    drawn = plot_data.histogram(np.floor(RNG.normal(0, 20, 1000) / 30.5) * 30.5, step_us=30.5)
    width = np.diff(drawn.edges_us)
    assert width == pytest.approx(np.full(width.size, width[0]))
    assert width[0] / 30.5 == pytest.approx(round(width[0] / 30.5))
    assert plot_data.histogram(np.full(10, 7.0)).counts.sum() == 10
    assert plot_data.histogram(np.zeros(0)) is None


def test_a_histogram_by_hand():
    """Of 0..10000 the middle is 10..9990; a twentieth and a step on either side, 10 bins."""
    drawn = plot_data.histogram(np.arange(10_001.0), 1.0, bins=10)
    assert drawn.edges_us.tolist() == [-490.5 + 1098.0 * k for k in range(12)]
    assert drawn.counts.tolist() == [608, *[1098] * 8, 609, 0]
    assert drawn.counts.dtype == np.int64
    assert (drawn.under, drawn.over, drawn.n) == (0, 0, 10_001)


def test_what_is_shown_of_a_histogram_is_a_twentieth_more_than_its_middle():
    values = np.concatenate([np.arange(10_001.0), np.full(5, -600.0), np.full(5, 1e5)])
    drawn = plot_data.histogram(values, 1.0, bins=10)
    assert (drawn.under, drawn.over) == (5, 5)


@pytest.mark.parametrize(
    ("count", "low", "high"), [(5, 1.623, 11.67), (10, 4.795, 18.39), (100, 81.36, 121.6)]
)
def test_the_bounds_of_a_bar_are_those_of_a_poisson_count(count, low, high):
    """Exact limits of Garwood (1936); Wilson and Hilferty's are good to 1 % from five on."""
    drawn = plot_data.histogram(np.full(count, 7.0))
    bar = int(drawn.counts.argmax())
    assert drawn.counts[bar] == count
    assert drawn.lo[bar] == pytest.approx(low, rel=0.01)
    assert drawn.hi[bar] == pytest.approx(high, rel=0.01)


def test_a_bar_of_none_reaches_up_to_3_7():
    drawn = plot_data.histogram(np.array([0.0] * 50 + [100.0] * 50))
    bar = int(drawn.counts.argmin())
    assert (drawn.counts[bar], drawn.lo[bar]) == (0, 0.0)
    assert drawn.hi[bar] == pytest.approx(3.689, rel=0.02)


@pytest.mark.parametrize("n", [0, 1, 1999, 2001, 123_457])
def test_decimation_is_bounded_and_keeps_the_extremes(n):
    value = RNG.normal(0, 1, n)
    if n > 10:
        value[n // 3], value[n - 1] = 99.0, -98.0
    series = plot_data.decimate(np.arange(n) / 100.0, value)
    assert series.value_us.size <= plot_data.POINTS + 2
    assert series.n == n
    assert (np.diff(series.time_s) > 0).all()
    if n > 10:
        assert series.value_us.max() == 99.0
        assert series.value_us.min() == -98.0
        assert series.value_us[series.worst] == 99.0


def test_percentile_curve_rises_and_lies_in_its_band():
    curve = plot_data.percentile_curve(RNG.normal(0, 1, 3000))
    assert (np.diff(curve.value_us) >= 0).all()
    known = ~np.isnan(curve.lo_us) & ~np.isnan(curve.hi_us)
    assert known.sum() > 20
    assert (curve.lo_us[known] <= curve.value_us[known]).all()
    assert (curve.value_us[known] <= curve.hi_us[known]).all()
    assert np.isnan(curve.hi_us[-1])


def test_the_band_is_of_the_ranks_that_bound_each_share():
    """Of 0..n-1 each value is its own rank: the lower whole one below, the upper one above."""
    n = 3000
    curve = plot_data.percentile_curve(np.arange(float(n))[::-1])
    assert curve.n == n
    assert curve.share[0] == 0.5 / n
    assert curve.share[-1] == pytest.approx(1.0 - 1.0 / n)
    assert (curve.value_us == np.ceil(curve.share * n) - 1.0).all()
    for share, lo, hi in zip(curve.share, curve.lo_us, curve.hi_us, strict=True):
        low, high = quantile_ranks(float(share), float(n), 0.95)
        assert lo == min(n, math.floor(low)) - 1 if low >= 1 else math.isnan(lo)
        assert hi == math.ceil(high) - 1 if high <= n else math.isnan(hi)
    assert plot_data.percentile_curve(np.zeros(1)) is None
    assert plot_data.percentile_curve(np.zeros(2)).n == 2


def test_clock_offsets_are_from_the_first_one_on():
    """The board's clock runs 100 ppm fast, each way takes 150 us."""
    sent = np.arange(20, dtype=np.int64) * 10**8
    board = (sent / 1000 * (1 + 100e-6)).astype(np.int64) + 150
    made = plot_data.skew_plot(capture(pings=Pings(sent, board, board + 10, sent + 310_000)))
    assert made.time_s == pytest.approx(np.arange(20) * 0.1, abs=1e-3)
    assert made.offset_us == pytest.approx(np.arange(20) * 10.0, abs=1.0)
    assert made.fast_offset_us == pytest.approx(made.fast_time_s * 100.0, abs=1.0)
    exchange = Pings(sent[:1], board[:1], board[:1] + 10, sent[:1] + 310_000)
    assert plot_data.skew_plot(capture(pings=exchange)) is None


@pytest.mark.parametrize("n", [0, 1, 2, 3, 10, 5000])
def test_the_phase_of_captures_of_any_size(n):
    stamps = grid(n) + RNG.integers(0, 200, n)
    releases = max(n, 5)
    made = capture(track(stamps, releases=releases), track(stamps + 3, index=1, releases=releases))
    drawn = plot_data.phase_plot(made)
    assert (drawn is None) == (n == 0)
    if drawn is not None:
        assert drawn.limit_us == PERIOD / 4
        assert (drawn.series.value_us == 3).all()
        assert drawn.series.value_us.size <= plot_data.POINTS + 2
    assert plot_data.skew_plot(made) is None


def test_the_lateness_of_all_tasks_has_the_cost_of_the_clock_taken_off():
    none = np.empty(0, np.int64)
    cost = Calibration(np.array([30, 30]), 10, none, 10, none)
    tasks = (track(grid(3) + 8), track(grid(2) + 5, index=1), track([], index=2))
    late = plot_data.lateness_of_tasks(capture(*tasks, calibration=cost))
    assert late.tolist() == [5.0, 5.0, 5.0, 2.0, 2.0]
    assert plot_data.lateness_of_tasks(capture()).tolist() == []


def test_every_value_on_an_axis_is_counted_once():
    edges = np.array([0.0, 1.0, 2.0, 4.0])
    values = np.array([-0.1, 0.0, 0.5, 1.0, 2.0, 4.0, 4.1])
    counts = plot_data.counts_between(values, edges)
    assert counts.tolist() == [2, 1, 2]
    assert counts.dtype == np.int64


def test_curves_of_stability_are_those_of_the_definitions():
    stamps = grid(600) + RNG.integers(0, 90, 600)
    activations = assign(track(stamps))
    x = stamps - grid(600).astype(np.float64)
    adev, tdev, mtie = plot_data.stability_curves(activations, 1.0)
    factors = stability.octaves(600)
    assert [(c.name, c.unit) for c in (adev, tdev, mtie)] == [
        *(("adev", "1"), ("tdev", "us"), ("mtie", "us"))
    ]
    assert adev.tau_s == pytest.approx([m * PERIOD / 1e6 for m in factors])
    assert adev.value == pytest.approx([stability.adev(x, PERIOD, m) for m in factors])
    assert tdev.value == pytest.approx([stability.tdev(x, m) for m in factors])
    assert mtie.value == pytest.approx(stability.mtie(stability.error_of(x), factors))
    assert np.isnan(mtie.lo).all()
    assert (adev.lo[:3] < adev.value[:3]).all()
    assert (adev.value[:3] < adev.hi[:3]).all()
    assert np.isnan(adev.hi[-1])


@pytest.mark.parametrize("extreme", [99.0, -99.0])
@pytest.mark.parametrize("back", [1, 2, 5])
def test_decimation_keeps_what_is_in_the_last_stretch(back, extreme):
    n = 100 * plot_data.POINTS + 7
    value = np.zeros(n)
    value[n - back] = extreme
    series = plot_data.decimate(np.arange(float(n)), value)
    assert series.time_s[series.worst] == n - back
    assert series.value_us[series.worst] == extreme
