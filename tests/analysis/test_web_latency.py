"""Lateness at each request rate, and what the requests took, from marks and values by hand."""

import numpy as np
import pytest
from captures import PERIOD, capture, grid, track

from hil.analysis.request_latency import (
    FASTEST,
    RequestStretch,
    request_method_name,
    request_stretches,
)
from hil.experiments.evaluation import summarise_capture
from hil.experiments.workloads.web_traffic import SERVERS, WEB_MARKS
from hil.model.captures import Gap

N = 400


def marks(*rows):
    return {"web.marks": np.array(rows, np.int64).reshape(-1)}


def marked(*rows, late=None, **more):
    late = np.full(N, 100) if late is None else late
    return capture(track(grid(N) + late, origin=0, end=N * PERIOD, **more), values=marks(*rows))


def stretches_of(taken):
    numbers = taken.numbers(WEB_MARKS)
    return [] if numbers is None else request_stretches(taken, WEB_MARKS.rows(numbers), SERVERS)


def told(taken, method):
    return {
        m.metric: (m.value, m.n, m.where_us, m.remarks)
        for m in summarise_capture(taken).measurements
        if m.method == method
    }


def test_methods_have_names():
    assert request_method_name("loop", 10) == "web/loop/10"
    assert request_method_name("asyncio", FASTEST) == "web/asyncio/max"


def test_a_stretch_goes_to_the_next_mark_and_the_last_to_the_end():
    assert stretches_of(marked((0, 0, 0), (1, 10, 1500), (1, 9999, 2500))) == [
        RequestStretch("web/loop/0", 0.0, 1_500_000.0),
        RequestStretch("web/asyncio/10", 1_500_000.0, 2_500_000.0),
        RequestStretch("web/asyncio/max", 2_500_000.0, N * PERIOD),
    ]


def test_marks_that_can_not_be_are_left_out():
    """A server or a rate that nobody has, no time at all, and a row that is cut off."""
    assert stretches_of(marked((2, 5, 0), (0, 9000, 500), (0, 8999, 1000), (-1, 5, 2000))) == [
        RequestStretch("web/loop/8999", 1_000_000.0, 2_000_000.0)
    ]
    assert stretches_of(marked((0, -1, 0), (0, 5, 1000), (0, 6, 1000))) == [
        RequestStretch("web/loop/6", 1_000_000.0, N * PERIOD)
    ]
    incomplete = capture(track(grid(N)), values={"web.marks": np.array([0, 5, 1000, 1, 6])})
    assert stretches_of(incomplete) == [RequestStretch("web/loop/5", 1_000_000.0, N * PERIOD)]
    assert stretches_of(capture(track(grid(5)))) == []
    assert stretches_of(capture(values=marks((0, 5, 0)))) == []


def test_each_stretch_has_the_figures_of_its_activations():
    late = np.full(N, 100)
    late[150:250] = 300
    late[200] = 5_000
    taken = marked((0, 0, 0), (0, 10, 1500), (0, 20, 2500), late=late)
    first, second = told(taken, "web/loop/0"), told(taken, "web/loop/10")
    assert first["lateness_max_us"][:3] == (100.0, 150, 100.0)
    assert second["lateness_max_us"][:3] == (5_000.0, 100, 200 * PERIOD + 5_000.0)
    assert first["lateness_p50_us"][:2] == (100.0, 150)
    assert second["lateness_p50_us"][:2] == (300.0, 100)
    assert first["missed"] == (0.0, 150, None, "counted, exact for this window")
    # one interval of PERIOD + 4700 and one of PERIOD - 4700 among 99
    assert second["period_jitter_rms_us"][0] == pytest.approx(np.sqrt(2 * 4700**2 / 99))
    assert second["period_jitter_rms_us"][1] == 99
    assert first["period_jitter_rms_us"][0] == 0.0


def test_what_is_missed_in_a_stretch_is_what_was_due_in_it():
    there = np.delete(np.arange(N), [160, 161, 162, 300])
    made = capture(
        track(there * PERIOD + 100, given=there, end=N * PERIOD, origin=0),
        values=marks((0, 10, 1500), (0, 20, 2500)),
    )
    assert told(made, "web/loop/10")["missed"][:2] == (3.0, 97)
    assert told(made, "web/loop/20")["missed"][:2] == (1.0, 149)
    lost = capture(
        track(there * PERIOD + 100, given=there, end=N * PERIOD, origin=0, gaps=(Gap(160, 2),)),
        values=marks((0, 10, 1500), (0, 20, 2500)),
    )
    assert told(lost, "web/loop/10")["missed"][0] == 1.0


def test_a_stretch_without_activations_says_so():
    made = capture(track(grid(100) + 100, releases=N), values=marks((0, 10, 0), (0, 20, 2000)))
    why = {(r.metric, r.method): r.reason for r in summarise_capture(made).reasons}
    assert why["lateness_max_us", "web/loop/20"] == "no activation was recorded"
    assert told(made, "web/loop/20")["missed"][:2] == (200.0, 0)
    short = capture(track(grid(N)), values=marks((0, 10, 0), (0, 20, 20)))
    why = {(r.metric, r.method): r.reason for r in summarise_capture(short).reasons}
    assert why["period_jitter_rms_us", "web/loop/10"] == "needs three activations in a row"


def asked(totals, took=(), name="loop.10"):
    values = {f"web.totals.{name}": np.array(totals, np.int64)}
    if len(took):
        values[f"web.latency.{name}"] = np.array(took, np.int64)
    summary = summarise_capture(capture(track(grid(20)), values=values))
    rows = {
        m.metric: (m.value, m.lo, m.hi, m.n) for m in summary.measurements if m.method is not None
    }
    notes = {m.metric: m.remarks for m in summary.measurements if m.method is not None}
    return rows, notes, {r.metric: r.reason for r in summary.reasons if r.method is not None}


def test_requests_have_a_rate_errors_and_latencies():
    took = np.random.default_rng(1).permutation(np.arange(1, 401))
    rows, notes, _ = asked((3, 2_000_000), took)
    assert rows["request_errors"] == (3.0, 3.0, 3.0, 403)
    assert notes["request_errors"] == "counted, exact for this window"
    assert rows["request_rate_hz"] == (200.0, None, None, 400)
    text = "no bounds: what the client asked for, or the server could"
    assert notes["request_rate_hz"] == text
    assert rows["request_latency_max_us"] == (400.0, 399.0, None, 400)
    assert "an extreme grows with the window" in notes["request_latency_max_us"]
    value, lo, hi, n = rows["request_latency_p50_us"]
    assert (value, n) == (pytest.approx(200.5, abs=1.0), 400)
    assert lo < value < hi


def test_requests_that_were_never_answered_have_no_latency():
    for totals in ((5, 2_000_000), (5, 0)):
        rows, _, why = asked(totals, took=() if totals[1] else (7,))
        assert rows["request_errors"][0] == 5.0
        assert why["request_latency_p50_us"] == "no request was answered"
        assert "request_rate_hz" not in rows


@pytest.mark.parametrize("name", ["loop.0", "moon.10", "loop.x", "loop", "loop.-5"])
def test_totals_of_what_nobody_asked_are_left_out(name):
    rows, _, why = asked((3, 2_000_000), (1, 2, 3), name)
    assert (rows, why) == ({}, {})
    rows, _, _ = asked((3, 2, 1))
    assert rows == {}
