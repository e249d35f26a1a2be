"""Variants of callbacks, side by side: what they cost, what fails, and what is left behind."""

import numpy as np
import pytest

from hil.agents import bundle
from hil.model.board import BoardIdentity
from hil.model.captures import CapturePlan, TaskPlan
from hil.protocol.reassembly import assemble

STATES = ("global", "closure", "bound_method")
N = 100


@pytest.fixture(scope="module", params=["timer_hard", "timer_soft"])
def taken(request, shared):
    """(technique, end frame, capture, log) of one capture with variants."""
    technique, runner = request.param, shared.ready()
    decoded = runner.run(technique, callbacks=N)
    board = BoardIdentity("b", "p", "sim", "linux", "m", "1", 2**30)
    plan = CapturePlan(technique, "idle", (TaskPlan(0, 10_000), TaskPlan(1, 10_000)), 300_000)
    capture = assemble(decoded, board, plan)
    return technique, runner.end(decoded), capture, "\n".join(decoded.log)


def series(capture):
    return {(series.method, series.track.index): series.track for series in capture.series}


def test_every_variant_has_its_series_and_the_capture_is_whole(taken):
    _, said, capture, _ = taken
    assert said["status"] == "ok"
    assert (capture.faults, capture.errors) == ((), ())
    assert [len(track.stamps_us) for track in capture.tracks] == [30, 30]
    want = {(f"callback/{name}", 0) for name in (*STATES, "allocating", "swapped")}
    want |= {("callback/bound_method", 1), ("callback/swapped", 1)}
    want |= {(f"timer/{name}", 0) for name in ("virtual", "numbered", "one_shot")}
    want |= {(f"critical/{us}us", 0) for us in (10, 100, 1000)}
    assert set(series(capture)) == want


def test_two_objects_of_one_class_keep_their_own_rates(taken):
    _, _, capture, _ = taken
    tracks = series(capture)
    fast, slow = (tracks["callback/bound_method", k] for k in range(2))
    assert (fast.period_us, slow.period_us) == (2_000, 4_000)
    assert (len(fast.stamps_us), len(slow.stamps_us)) == (N, N // 2)
    assert np.all(np.diff(fast.stamps_us) == 2_000)
    assert np.all(np.diff(slow.stamps_us) == 4_000)


def test_state_costs_no_heap_and_that_is_proven(taken):
    _, said, _, _ = taken
    for name in STATES:
        assert said[f"taken.callback/{name}"] == "0"
        assert said[f"locked.callback/{name}"] == "1"


def test_what_allocates_is_found_out_and_the_run_goes_on(taken):
    technique, said, capture, log = taken
    assert int(said["taken.callback/allocating"]) >= 64 * int(said["calls.callback/allocating"])
    assert said["locked.callback/allocating"] == "0"
    calls = len(series(capture)["callback/allocating", 0].stamps_us)
    assert calls == int(said["errors_of.callback/allocating"]) == N
    if technique == "timer_hard":
        assert said["errors.callback/allocating"] == str(calls)
        assert f"caught {calls} times in {calls} calls, the run goes on" in log
        assert "caught: Traceback" in log
        assert "caught: MemoryError" in log
    else:
        assert said["errors.callback/allocating"] == "0"
        assert "MemoryError" not in log


def test_a_replaced_callback_is_silent(taken):
    _, said, capture, _ = taken
    before, after = (series(capture)["callback/swapped", k] for k in range(2))
    assert before.stamps_us[-1] < after.stamps_us[0]
    assert int(said["after.callback/swapped"]) == 0


def test_critical_sections_hold_callbacks_off(taken):
    """None waits longer than a section, and a long one makes about half of them wait."""
    _, _, capture, _ = taken
    tracks = series(capture)
    own_us = 50  # of the callback and of what encloses the section
    longest, share = {}, {}
    for us in (10, 100, 1000):
        track = tracks[f"critical/{us}us", 0]
        since = (track.stamps_us - track.origin_us) % track.period_us
        assert len(since) == N
        longest[us] = int(np.max(since - np.min(since)))
        share[us] = float(np.mean(since - np.min(since) > 10))
        assert longest[us] <= us + own_us
    assert longest[10] < longest[100] < longest[1000]
    assert share[10] < share[100] < share[1000]
    assert longest[1000] > 500


def test_nothing_is_left_running(taken, runner):
    _, said, _, _ = taken
    assert said["strays"] == "0"
    shown = runner.exec("import sim_controller\nprint([s for s in sim_controller.slots if s])")
    assert shown.strip() == "[]"


AFTER = ("workloads/callback_variants.py",)


def test_variants_are_sent_only_where_asked_for():
    plain = [name for name, _ in bundle.sources("timer_hard")]
    more = [name for name, _ in bundle.sources("timer_hard", after=AFTER)]
    assert "workloads/callback_variants.py" in set(more) - set(plain)
    start = bundle.start_code({"technique": "timer_hard", "callbacks": 5}, AFTER)
    assert start.endswith(",(hil_workloads_callback_variants,))")
    assert "callback" not in bundle.start_code({"technique": "timer_hard"})
