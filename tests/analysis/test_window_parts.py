"""A figure in each window of a run, and the bounds that follow where it has no others."""

import math

import numpy as np
import pytest

from hil.analysis.comparison_scale import COUNT, Evidence, TaskStamps, on_scale, widened
from hil.analysis.window_parts import (
    bounded_by_parts,
    cut_window,
    percentile_parts,
    percentile_values,
    task_parts,
    with_parts,
)

PERIOD = 10_000.0


def stamps(late, later=(), index=None):
    late = np.asarray(late, float)
    index = np.arange(late.size) if index is None else index
    joined = np.ones(late.size - 1, bool)
    joined[[at - 1 for at in later]] = False
    return TaskStamps(PERIOD, index * PERIOD + late, index, joined, 0.0, tuple(later))


@pytest.mark.parametrize(
    ("n", "later", "sizes"),
    [(9, (), [3, 3, 3]), (10, (), [3, 3, 4]), (10, (2, 9), [2, 7, 1]), (10, (4,), [4, 6])],
)
def test_windows_are_the_measured_ones_or_thirds(n, later, sizes):
    spans = cut_window(n, later)
    assert [span.stop - span.start for span in spans] == sizes
    assert (spans[0].start, spans[-1].stop) == (0, n)


def test_each_window_has_its_own_percentiles_jitter_and_drift():
    late, drifts = [], (0.0, 50.0, -20.0)
    for level, drift in zip((100.0, 200.0, 300.0), drifts, strict=True):
        k = np.arange(300)
        late.append(level + 10.0 * (-1.0) ** k + drift * 1e-6 * PERIOD * k)
    parts = task_parts(stamps(np.concatenate(late), (300, 600)))
    assert parts["schedule_drift_ppm"] == pytest.approx(drifts, abs=0.3)
    assert parts["lateness_p50_us"][0] == pytest.approx(90.0)
    assert parts["lateness_p99_us"][2] == pytest.approx(310.0, abs=2.0)
    # between neighbours 20 us up and down in turn; no interval reaches across a window
    assert parts["period_jitter_rms_us"] == pytest.approx([20.0] * 3, rel=0.01)
    assert parts["c2c_jitter_rms_us"] == pytest.approx([40.0] * 3, rel=0.01)
    assert parts["tie_rms_us"] == pytest.approx([10.0] * 3, rel=0.01)
    assert parts["missed"] == parts["overruns"] == [0.0] * 3


def test_bursts_are_counted_in_the_window_that_they_came_in():
    late = np.zeros(90)
    late[[3, 4, 5, 40, 70, 72]] = 1.5 * PERIOD
    index = np.arange(90) + 2 * (np.arange(90) >= 50) + (np.arange(90) >= 60)
    parts = task_parts(stamps(late, (30, 60), index))
    assert parts["overruns"] == [1.0, 1.0, 2.0]
    assert parts["missed"] == [0.0, 1.0, 0.0]  # what lies between two windows is none


@pytest.mark.parametrize(("n", "metrics"), [(15, 0), (99, 1), (100, 2), (999, 2), (1000, 3)])
def test_a_percentile_of_a_window_has_a_value_beyond_it(n, metrics):
    assert len(percentile_values("lateness", np.arange(float(n)))) == metrics
    both = percentile_parts("lateness", [np.arange(float(n)), np.arange(2000.0)])
    assert len(both) == metrics


def evidence(parts, error=math.inf, c=1.0):
    value = sum(parts) / len(parts)
    told = Evidence(value, on_scale(value, c), error, error, c)
    return with_parts(told, parts)


def test_on_a_linear_scale_the_scatter_of_all_runs_is_the_error():
    """About each run's mean: 2 / 2 and 8 / 2, together 10 / 4; of a mean of three 10 / 12."""
    runs = [evidence([10.0, 20.0, 30.0], c=-10.0), evidence([10.0, 30.0, 50.0], c=-10.0)]
    for told in bounded_by_parts(runs):
        assert told.low == told.high == pytest.approx(math.sqrt(10.0 / 12.0))
        assert (told.dof, told.from_parts) == (4.0, False)


def test_on_a_logarithmic_scale_the_spread_is_learned_and_the_clock_s_step_is_left():
    (told,) = bounded_by_parts([evidence([100.0, 200.0, 300.0])])
    assert told.low == told.high == pytest.approx(0.29 / 200.0, rel=1e-3)
    assert told.from_parts


def test_what_windows_have_in_common_stays_in_the_error():
    (told,) = bounded_by_parts([widened(evidence([500.0, 510.0, 490.0]), 290.0)])
    assert told.high > 0.4 > 0.29
    assert told.low > told.high


def test_a_bound_that_is_there_stays():
    one_sided = Evidence(100.0, on_scale(100.0, 1.0), math.inf, 0.2, 1.0)
    (told,) = bounded_by_parts([with_parts(one_sided, [90.0, 100.0, 110.0])])
    assert told.high == 0.2
    assert math.isfinite(told.low)
    whole = evidence([1.0, 2.0, 3.0], 0.1)
    assert bounded_by_parts([whole]) == [whole]


def test_nothing_follows_from_one_pair_or_none():
    pair, alone = evidence([1.0, 2.0]), Evidence(5.0, 2.0, math.inf, math.inf, 1.0)
    assert bounded_by_parts([pair]) == [pair]
    assert bounded_by_parts([alone, alone]) == [alone, alone]
    assert bounded_by_parts([pair, pair, alone])[2] == alone
    assert all(math.isfinite(told.error) for told in bounded_by_parts([pair, pair]))


def test_counts_have_their_scale():
    count = Evidence(9.0, on_scale(3.0, COUNT), 1.0, 1.0, COUNT, 1e6, 3.0)
    assert with_parts(count, [1.0, 2.0, 0.0]).parts == tuple(
        on_scale(bursts, COUNT) for bursts in (1.0, 2.0, 0.0)
    )
