"""Verdicts by guard bands: what bounds, a limit and the sense of a metric say together."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.model.budgets import Budget, Budgets, judge_measurement
from hil.model.metrics import METRICS, find_metric
from hil.model.results import ErrorRecord, Measurement, Results, RunInfo, worst_verdict
from hil.model.verdicts import (
    NO_NUMBER,
    NONE_SEEN,
    SEEN,
    UNBOUNDED,
    decide,
    refuses,
    run_verdict,
    verdict_message,
)

P99, DRIFT, SHARE, WORST = "lateness_p99_us", "schedule_drift_ppm", "background_share", None
MAX, LOST, MISSED = "lateness_max_us", "jobs_lost", "missed"


def measured(metric=P99, value=100.0, lo=None, hi=None, n=500, **more):
    known = find_metric(metric)
    unit = known.unit if known else "us"
    fields = {"board": "sim", "technique": "timer_hard", "load": "idle", "task": 0, **more}
    return Measurement(metric=metric, unit=unit, value=value, lo=lo, hi=hi, n=n, **fields)


@pytest.mark.parametrize(
    ("metric", "value", "lo", "hi", "limit", "verdict"),
    [
        # lower is better: the whole interval within, across, wholly beyond
        (P99, 90, 80, 99, 100, "pass"),
        (P99, 90, 80, 100, 100, "pass"),
        (P99, 90, 80, 101, 100, "undecided"),
        (P99, 110, 90, 120, 100, "undecided"),
        (P99, 110, 100, 120, 100, "undecided"),
        (P99, 110, 101, 120, 100, "fail"),
        (P99, -500, -600, -400, 100, "pass"),
        # a value outside its own bounds widens them
        (P99, 130, 80, 90, 100, "undecided"),
        (P99, 90, 110, 120, 100, "undecided"),
        # higher is better
        (SHARE, 0.6, 0.55, 0.65, 0.5, "pass"),
        (SHARE, 0.6, 0.5, 0.65, 0.5, "pass"),
        (SHARE, 0.6, 0.45, 0.65, 0.5, "undecided"),
        (SHARE, 0.4, 0.35, 0.55, 0.5, "undecided"),
        (SHARE, 0.4, 0.35, 0.45, 0.5, "fail"),
        # nearer to zero is better, either sign
        (DRIFT, -50, -60, -40, 100, "pass"),
        (DRIFT, 1, -30, 30, 20, "undecided"),
        (DRIFT, 1, -10, 10, 20, "pass"),
        (DRIFT, -50, -60, -40, 20, "fail"),
        (DRIFT, 50, 40, 60, 20, "fail"),
        (DRIFT, -25, -30, -15, 20, "undecided"),
        # an exact count decides itself; two ways to count are two ends
        (MISSED, 5, 5, 5, 5, "pass"),
        (MISSED, 6, 6, 6, 5, "fail"),
        (MISSED, 0, 0, 0, 0, "pass"),
        (MISSED, 0, 0, 3, 0, "undecided"),
        (MISSED, 3, 0, 3, 0, "undecided"),
        (MISSED, 3, 2, 3, 0, "fail"),
        (MISSED, 5, None, None, 5, "pass"),
        (MISSED, 6, None, None, 5, "fail"),
    ],
)
def test_two_bounds_are_a_guard_band_on_either_side(metric, value, lo, hi, limit, verdict) -> None:
    assert decide(measured(metric, value, lo, hi), limit) == (verdict, None)


@pytest.mark.parametrize(
    ("metric", "value", "lo", "hi", "limit", "expected"),
    [
        # the end that is there decides on its own side
        (P99, 200, 150, None, 100, ("fail", None)),
        (P99, 80, None, 90, 100, ("pass", None)),
        (SHARE, 0.6, 0.55, None, 0.5, ("pass", None)),
        (SHARE, 0.4, None, 0.45, 0.5, ("fail", None)),
        (DRIFT, 200, 150, None, 100, ("fail", None)),
        (DRIFT, -200, None, -150, 100, ("fail", None)),
        # and refutes what the value alone would say
        (P99, 120, 90, None, 100, ("undecided", None)),
        (P99, 90, None, 120, 100, ("undecided", None)),
        # without the end that would decide: far from the limit by the value, else undecided
        (P99, 50, 40, None, 100, ("pass", UNBOUNDED)),
        (P99, 51, 40, None, 100, ("undecided", None)),
        (P99, 50, None, None, 100, ("pass", UNBOUNDED)),
        (P99, 51, None, None, 100, ("undecided", None)),
        (P99, 149, None, None, 100, ("undecided", None)),
        (P99, 150, None, None, 100, ("fail", UNBOUNDED)),
        (P99, -5, None, None, 100, ("pass", UNBOUNDED)),
        (SHARE, 0.75, None, None, 0.5, ("pass", UNBOUNDED)),
        (SHARE, 0.7, None, None, 0.5, ("undecided", None)),
        (SHARE, 0.25, None, None, 0.5, ("fail", UNBOUNDED)),
        (DRIFT, -40, None, None, 100, ("pass", UNBOUNDED)),
        (DRIFT, -160, None, None, 100, ("fail", UNBOUNDED)),
        (P99, 3, None, None, 0, ("fail", UNBOUNDED)),
        # an extreme is judged by what was seen
        (MAX, 101, None, None, 100, ("fail", SEEN)),
        (MAX, 99, None, None, 100, ("pass", SEEN)),
        (MAX, 99, 99, None, 100, ("pass", SEEN)),
        (MAX, 101, 101, None, 100, ("fail", None)),
        (MAX, 99, 98, 101, 100, ("undecided", None)),
        # a share of which none was seen can have no upper bound of 0
        (LOST, 0, 0, 4, 0, ("pass", NONE_SEEN)),
        (LOST, 1, 0.02, 5, 0, ("fail", None)),
        (LOST, 1, 0.02, 5, 2, ("undecided", None)),
        (P99, math.nan, None, None, 100, ("undecided", NO_NUMBER)),
        (P99, math.inf, None, None, 100, ("fail", UNBOUNDED)),
        (P99, 90, -math.inf, math.inf, 100, ("undecided", None)),
    ],
)  # fmt: skip
def test_one_bound_or_none(metric, value, lo, hi, limit, expected) -> None:
    assert decide(measured(metric, value, lo, hi), limit) == expected


FINITE = st.floats(-1e6, 1e6)


@given(
    st.sampled_from([name for name, metric in METRICS.items() if metric.budget]),
    *(FINITE, st.none() | FINITE, st.none() | FINITE, st.floats(0, 1e6), st.floats(0, 1e6)),
)
def test_a_looser_limit_is_never_judged_worse(name, value, lo, hi, limit, more) -> None:
    """From fail over undecided to pass as the limit gives way, for every metric."""
    order = ["pass", "undecided", "fail"]
    loose = limit + more
    if METRICS[name].sense == "higher":
        limit, loose = loose, limit
    figure = measured(name, value, lo, hi)
    tight_verdict, loose_verdict = (decide(figure, each)[0] for each in (limit, loose))
    assert order.index(loose_verdict) <= order.index(tight_verdict)


@given(FINITE, FINITE, FINITE, st.floats(0, 1e6))
def test_wider_bounds_only_take_certainty(value, lo, hi, limit) -> None:
    lo, hi = min(lo, hi, value), max(lo, hi, value)
    narrow, _ = decide(measured(value=value, lo=value, hi=value), limit)
    wide, _ = decide(measured(value=value, lo=lo, hi=hi), limit)
    assert wide in (narrow, "undecided")


def test_a_figure_keeps_its_note_beside_that_of_its_verdict() -> None:
    rules = Budgets((Budget(MAX, "absolute", 100.0),))
    assert judge_measurement(measured(MAX, 99, note="old"), rules).note == f"old; {SEEN}"
    assert judge_measurement(measured(MAX, 99, 98, 99, note="old"), rules).note == "old"
    assert judge_measurement(measured(MISSED, 0, 0, 0), rules).verdict == "none"


def results(*figures, errors=()):
    info = RunInfo("r", "", 0.0, "quick", "0", "h", "sim")
    return Results(info, (), figures, (), tuple(errors))


ERROR = ErrorRecord("sim", "thread", "idle", "lost")


@pytest.mark.parametrize(
    ("verdicts", "errors", "word"),
    [
        ([], [], "none"),
        (["none"], [], "none"),
        (["none", "pass"], [], "pass"),
        (["pass", "undecided"], [], "undecided"),
        (["pass", "undecided", "fail"], [], "fail"),
        (["pass", "undecided"], [ERROR], "error"),
        (["fail"], [ERROR], "fail"),
        ([], [ERROR], "error"),
    ],
)
def test_one_word_on_a_run(verdicts, errors, word) -> None:
    figures = [replace(measured(), verdict=verdict) for verdict in verdicts]
    assert run_verdict(results(*figures, errors=errors)) == word


def test_stamps_that_were_not_lost_and_variants_are_no_pass_of_a_technique() -> None:
    whole = replace(measured("dropped", 0, 0, 0), verdict="pass")
    variant = replace(measured(LOST, 0, 0, 1, method="survival/kill"), verdict="pass")
    assert worst_verdict([whole, variant, measured()]) == "none"
    assert worst_verdict([whole, replace(measured(), verdict="pass")]) == "pass"
    assert worst_verdict([replace(whole, verdict="fail")]) == "fail"
    assert worst_verdict([replace(variant, verdict="fail")]) == "fail"


@pytest.mark.parametrize(
    ("verdict", "undecided_fails", "refused"),
    [
        ("fail", False, True),
        ("fail", True, True),
        ("undecided", False, False),
        ("undecided", True, True),
        ("pass", True, False),
        ("none", True, False),
    ],
)
def test_what_fails_a_run(verdict, undecided_fails, refused) -> None:
    assert refuses(verdict, undecided_fails=undecided_fails) is refused


def test_the_message_says_it_all() -> None:
    figure = measured(value=2310, lo=2100, hi=2550, where_us=1_234_567.0)
    failed = replace(figure, budget=2000.0, verdict="fail")
    assert verdict_message(failed) == (
        "timer_hard, idle, task 0, board sim: lateness_p99_us = 2310 us [2100 .. 2550 at 95%] "
        "is over its budget of 2000 us; the worst activation is 1.234567 s into the window; n = 500"
    )
    undecided = replace(figure, budget=2200.0, verdict="undecided", where_us=None)
    assert verdict_message(undecided).endswith(
        "2310 us [2100 .. 2550 at 95%] has bounds on both sides of its budget of 2200 us; n = 500"
    )


@pytest.mark.parametrize(
    ("metric", "value", "verdict", "words"),
    [
        ("desync_s", 3.0, "fail", "is below its smallest allowed 5 s"),
        ("desync_s", 4.0, "undecided", "has no bound that tells it from its smallest allowed 5 s"),
        (P99, 7.0, "fail", "is over its budget of 5 us"),
        (P99, 4.0, "undecided", "has no bound that tells it from its budget of 5 us"),
        (P99, 4.0, "pass", "is within its budget of 5 us"),
        (DRIFT, -7.0, "fail", "is over its budget of +-5 ppm"),
        ("of_a_newer_version_us", 7.0, "fail", "is over its budget of 5 us"),
        ("of_a_newer_version_us", math.inf, "fail", "= inf us is over its budget of 5 us"),
    ],
)
def test_the_message_says_on_which_side_of_its_limit_a_figure_is(metric, value, verdict, words):
    assert words in verdict_message(measured(metric, value, budget=5.0, verdict=verdict))


def test_one_bound_is_shown_with_what_is_not_known() -> None:
    figure = measured(value=7.0, lo=6.0, budget=5.0, verdict="fail")
    assert "[6 .. ? at 95%]" in verdict_message(figure)
