from dataclasses import replace

import pytest

from hil.experiments import plan
from hil.experiments.plan import (
    PROFILES,
    calibration_plan,
    chosen_names,
    find_profile,
    make_cases,
    uses_loopback,
)
from hil.model.errors import ConfigurationError

QUICK = PROFILES["quick"]


def test_every_technique_meets_every_load():
    cases = make_cases(QUICK, ["a", "b"], ["idle", "gc"])
    assert [c.id for c in cases] == ["a-idle", "b-idle", "a-gc", "b-gc"]


def test_the_default_is_the_railroad_lights():
    (case,) = make_cases(QUICK, ["a"], ["idle"])
    assert [t.period_us for t in case.plan.tasks] == [10_000, 10_000]


def test_long_windows_stream_and_short_ones_do_not():
    (short,) = make_cases(QUICK, ["a"], ["idle"])
    (long,) = make_cases(PROFILES["soak"], ["a"], ["idle"])
    assert (short.plan.streaming, long.plan.streaming) == (False, True)


@pytest.mark.parametrize("period_ms", [0, -1, 0.5, 1e9])
def test_an_impossible_period_is_refused(period_ms):
    with pytest.raises(ConfigurationError, match="--hil-period-ms"):
        make_cases(QUICK, ["a"], ["idle"], period_ms=period_ms)


def test_a_window_too_short_is_refused():
    with pytest.raises(ConfigurationError, match="--hil-duration-s"):
        make_cases(QUICK, ["a"], ["idle"], duration_s=0.02)


def test_unknown_names_list_the_known_ones():
    with pytest.raises(ConfigurationError, match="-load: unknown load 'zebra'; known are a, b"):
        chosen_names("--hil-load", "a,zebra", ["a", "b"])
    with pytest.raises(ConfigurationError, match="quick, nightly, soak"):
        find_profile("fast")
    with pytest.raises(ConfigurationError, match="at least one"):
        chosen_names("--hil-load", ",", ["a"])


def test_names_are_kept_in_order_without_repeats():
    assert chosen_names("x", "b,a,b", ["a", "b"]) == ("b", "a")
    assert chosen_names("x", None, ["a", "b"]) == ("a", "b")


def test_only_the_technique_of_events_writes_the_loopback_in_calibration():
    cases = make_cases(find_profile("quick"), ("event_irq", "timer_hard"), ("idle",))
    assert [uses_loopback(case) for case in cases] == [True, False]
    own = replace(cases[0], plan=replace(cases[0].plan, technique="two_rates"))
    assert not uses_loopback(own)
    assert calibration_plan().options == {}
    assert calibration_plan(loopback=True).options == {"set_pin": 1}


def test_stamps_get_the_time_that_their_line_needs():
    (case,) = plan.make_cases(plan.PROFILES["nightly"], ["timer_soft"], ["idle"], windows=1)
    usual, slow = (plan._transfer_s(case.plan, baudrate) for baudrate in (115_200, 9_600))
    assert slow == pytest.approx(12 * usual)
    stamps = 2 * 6_000
    assert slow > stamps * 4 * 10 / 9_600


def test_more_stamps_than_a_capture_may_have_are_refused_before_they_are_measured():
    month = 30 * 24 * 3600
    with pytest.raises(ConfigurationError, match=r"172,800,000 stamps in a window .*--hil-windows"):
        make_cases(QUICK, ["a"], ["idle"], duration_s=month)
    assert make_cases(QUICK, ["a"], ["idle"], duration_s=month, windows=10)
