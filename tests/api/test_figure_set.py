"""Sets of figures: all must keep a limit, none is no pass, one has its attributes."""

import pytest

from hil.api.figure_set import FigureSet
from hil.api.metric_names import attribute
from hil.model.errors import ConfigurationError
from hil.model.results import Measurement
from hil.units import ppm, us


def figure(value, task=0, metric="lateness_p99_us", unit="us", lo=None, hi=None, **more):
    lo, hi = (value - 5, value + 5) if lo is None else (lo, hi)
    return Measurement("sim", "timer_soft", "idle", task, metric, unit, value, lo, hi, 500, **more)


TWO = FigureSet([figure(100.0), figure(300.0, task=1)])


def count(value, **more):
    return FigureSet([figure(value, metric="missed", unit="count", lo=value, hi=value, **more)])


def test_all_must_hold_and_the_failing_one_is_named():
    outcome = 200 * us > TWO
    assert not outcome
    assert [f.task for f in outcome.failed] == [1]
    assert "fails for 1 of 2" in repr(outcome)
    assert "task 1 = 300 us [295, 305]" in repr(outcome)
    assert "task 0" not in repr(outcome)
    assert 400 * us > TWO
    assert TWO.where(task=0) < 200 * us


def test_an_undecided_figure_fails_only_where_that_was_asked_for():
    near = [figure(199.0)]
    assert (FigureSet(near) < 200 * us).verdict == "undecided"
    assert FigureSet(near) < 200 * us
    assert not (FigureSet(near, undecided_fails=True) < 200 * us)


def test_without_a_figure_nothing_holds():
    none = FigureSet([], missing="lateness_p99_us: needs 299 samples, has 66")
    with pytest.raises(ConfigurationError, match="needs 299 samples"):
        none < 200 * us  # noqa: B015
    with pytest.raises(ConfigurationError, match="needs 299 samples"):
        none.value  # noqa: B018
    assert "needs 299 samples" in repr(none)
    assert "needs 299 samples" in none._repr_html_()


def test_counts_are_held_against_plain_numbers():
    assert count(0.0) == 0
    assert not count(2.0).within("==", 0)
    assert count(2.0) < 3
    assert not (count(3.0) < 3)
    assert count(3.0) <= 3
    assert count(3.0) > 2
    assert not (count(2.0) > 2)


def test_abs_takes_the_sign_away():
    drift = FigureSet(
        [figure(-132.0, metric="schedule_drift_ppm", unit="ppm", lo=-150.0, hi=-120.0)]
    )
    assert drift < 20 * ppm
    assert not (abs(drift) < 20 * ppm)
    assert abs(drift) < 151 * ppm
    assert abs(drift) > 119 * ppm


def test_one_figure_has_its_attributes_and_several_have_none():
    single = TWO.where(task=0)
    assert (single.value, single.lo, single.hi, single.n) == (100.0, 95.0, 105.0, 500)
    assert (single.unit, single.confidence, single.verdict) == ("us", 0.95, "none")
    with pytest.raises(ConfigurationError, match=r"2 figures, not one: choose with \[0\]"):
        TWO.value  # noqa: B018
    with pytest.raises(ConfigurationError, match="figures have no tsk; known are board"):
        TWO.where(tsk=0)


def test_variants_are_not_held_against_a_limit():
    mixed = FigureSet([figure(100.0), figure(900.0, method="callback/closure")])
    assert not (mixed < 200 * us)
    assert mixed.judged() < 200 * us


def test_html_is_escaped_and_small():
    hostile = [
        Measurement("<b>", "<script>x</script>", "l" * 5000, i, "missed", "count", 1, 1, 1, 1)
        for i in range(200)
    ]
    html = FigureSet(hostile)._repr_html_()
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "and 170 more" in html
    assert len(html) < 30_000


def test_metrics_by_attribute():
    assert attribute("lateness_p99_us", str.upper) == "LATENESS_P99_US"
    assert attribute("lateness", str.upper).p99 == "LATENESS_P99_US"
    assert attribute("isr", str.upper).latency.p50 == "ISR_LATENCY_P50_US"
    assert attribute("schedule", str.upper).drift == "SCHEDULE_DRIFT_PPM"
    assert dir(attribute("lateness", str)) == ["max", "p50", "p99", "p999"]
    with pytest.raises(AttributeError, match="did you mean p99 or p50"):
        attribute("lateness", str).p95  # noqa: B018
    with pytest.raises(AttributeError, match="did you mean lateness_p99_us"):
        attribute("latenes_p99_us", str)
