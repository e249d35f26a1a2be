import numpy as np
import pytest
from captures import PERIOD, capture, grid, track

from hil.analysis import figures

RNG = np.random.default_rng(5)


def test_histogram_counts_everything_even_what_it_does_not_show():
    values = np.concatenate((RNG.normal(200, 50, 5000), [1e6, 2e6, -1e6]))
    drawn = figures.histogram(values)
    assert drawn.counts.sum() + drawn.under + drawn.over == drawn.n == 5003
    assert drawn.over >= 2
    assert drawn.under >= 1
    assert (drawn.lo <= drawn.counts).all()
    assert (drawn.counts <= drawn.hi).all()


def test_histogram_bins_are_whole_clock_steps():
    drawn = figures.histogram(np.floor(RNG.normal(0, 20, 1000) / 30.5) * 30.5, step_us=30.5)
    width = np.diff(drawn.edges_us)
    assert width == pytest.approx(np.full(width.size, width[0]))
    assert width[0] / 30.5 == pytest.approx(round(width[0] / 30.5))
    assert figures.histogram(np.full(10, 7.0)).counts.sum() == 10
    assert figures.histogram(np.zeros(0)) is None


@pytest.mark.parametrize("n", [0, 1, 1999, 2001, 123_457])
def test_decimation_is_bounded_and_keeps_the_extremes(n):
    value = RNG.normal(0, 1, n)
    if n > 10:
        value[n // 3], value[n - 1] = 99.0, -98.0
    series = figures.decimate(np.arange(n) / 100.0, value)
    assert series.value_us.size <= figures.POINTS + 2
    assert series.n == n
    assert (np.diff(series.time_s) > 0).all()
    if n > 10:
        assert series.value_us.max() == 99.0
        assert series.value_us.min() == -98.0
        assert series.value_us[series.worst] == 99.0


def test_percentile_curve_rises_and_lies_in_its_band():
    curve = figures.percentile_curve(RNG.normal(0, 1, 3000))
    assert (np.diff(curve.value_us) >= 0).all()
    known = ~np.isnan(curve.lo_us) & ~np.isnan(curve.hi_us)
    assert known.sum() > 20
    assert (curve.lo_us[known] <= curve.value_us[known]).all()
    assert (curve.value_us[known] <= curve.hi_us[known]).all()
    assert np.isnan(curve.hi_us[-1])


@pytest.mark.parametrize("n", [0, 1, 2, 3, 10, 5000])
def test_the_phase_of_captures_of_any_size(n):
    stamps = grid(n) + RNG.integers(0, 200, n)
    releases = max(n, 5)
    made = capture(track(stamps, releases=releases), track(stamps + 3, index=1, releases=releases))
    drawn = figures.phase_plot(made)
    assert (drawn is None) == (n == 0)
    if drawn is not None:
        assert drawn.limit_us == PERIOD / 4
        assert (drawn.series.value_us == 3).all()
        assert drawn.series.value_us.size <= figures.POINTS + 2
    assert figures.skew_plot(made) is None
