"""Figures held against limits with a unit: the rule of the budgets, and no wrong unit."""

import pytest

from hil.model.errors import ConfigurationError
from hil.model.results import Measurement
from hil.units import Hz, ms, ns, percent, ppm, s, us


def figure(value, lo=None, hi=None, *, metric="lateness_p99_us", unit="us", n=500, **more):
    return Measurement("sim", "timer_soft", "idle", 0, metric, unit, value, lo, hi, n, **more)


P99 = figure(132.0, 120.0, 150.0)


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (lambda: 200 * us > P99, "pass"),
        (lambda: 150.5 * us > P99, "pass"),
        (lambda: 149 * us > P99, "undecided"),
        (lambda: 121 * us > P99, "undecided"),
        (lambda: 119 * us > P99, "fail"),
        (lambda: 119 * us < P99, "pass"),
        (lambda: 121 * us < P99, "undecided"),
        (lambda: 151 * us < P99, "fail"),
        (lambda: 100 * us >= P99, "fail"),
        (lambda: 0.2 * ms > P99, "pass"),
        (lambda: 0.0001 * s >= P99, "fail"),
        (lambda: 200_000 * ns >= P99, "pass"),
    ],
)
def test_a_comparison_has_the_verdict_of_a_budget(outcome, verdict):
    assert outcome().verdict == verdict
    assert bool(outcome()) == (verdict != "fail")


def test_the_sign_counts_unless_it_is_taken_away():
    drift = figure(-132.0, -150.0, -120.0, metric="schedule_drift_ppm", unit="ppm")
    assert (drift < 20 * ppm).verdict == "pass"
    assert (drift > -1 * percent).verdict == "pass"
    assert (drift > -20 * ppm).verdict == "fail"


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        (200 * ppm, "lateness_p99_us is in us, 200 ppm is not: write for example 200 * us"),
        (200, "lateness_p99_us is in us, 200 has no unit: write for example 200 * us"),
        (3 * Hz, "lateness_p99_us is in us, 3 Hz is not"),
    ],
)
def test_a_limit_in_another_unit_is_refused_in_one_line(limit, said):
    from hil.api.figure_set import FigureSet

    with pytest.raises(ConfigurationError) as caught:
        FigureSet([P99]) < limit  # noqa: B015
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_quantities_of_one_kind_are_reckoned_with():
    assert 2 * ms + 500 * us == 2.5 * ms
    assert (2 * ms - 500 * us) / 3 == 500 * us
    assert 1 * ms > 999 * us
    assert -(1 * ms) < 0 * us
    assert repr(0.2 * ms) == "0.2 ms"
    assert len({1 * ms, 1000 * us}) == 1
    with pytest.raises(ConfigurationError, match="1 ms and 3: a plain number has no unit"):
        1 * ms < 3  # noqa: B015
    with pytest.raises(ConfigurationError, match="one is a time"):
        1 * ms + 1 * ppm


def test_a_figure_is_told_whole_on_one_line():
    assert repr(P99) == "lateness_p99_us timer_soft/idle task 0 = 132 us [120, 150] (95 %, n=500)"
    assert "(no bounds, n=500)" in repr(figure(132.0))
    assert "missed timer_soft/idle task 0 = 3 (n=500)" in repr(
        figure(3.0, 3.0, 3.0, metric="missed", unit="count")
    )
    hostile = Measurement("b\n", "t\x1b[2J", "l", None, "missed", "count", 1.0, None, None, 1)
    assert repr(hostile).isprintable()
