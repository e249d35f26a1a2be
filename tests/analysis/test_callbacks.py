import numpy as np
import pytest
from captures import capture, grid, track

from hil.experiments.evaluation import summarise_capture


def measured_rows(**more):
    summary = summarise_capture(capture(track(grid(20)), technique="periodic_operator", **more))
    rows = {(m.metric, m.method): m for m in summary.measurements if m.task is None}
    return rows, {r.metric for r in summary.reasons}


def test_callbacks_after_the_end_are_counted_and_their_absence_is_a_zero():
    for late_callbacks in (0, 3):
        rows, _ = measured_rows(counters={"strays": late_callbacks})
        after_stop = rows["callbacks_after_stop", None]
        assert (after_stop.value, after_stop.lo, after_stop.hi) == (
            late_callbacks,
            late_callbacks,
            late_callbacks,
        )
        assert "21 ms" in after_stop.note
    rows, _ = measured_rows()
    assert ("callbacks_after_stop", None) not in rows


def test_callbacks_after_the_end_are_counted_without_a_task_too():
    summary = summarise_capture(capture(technique="web", counters={"strays": 2}))
    (figure,) = (m for m in summary.measurements if m.metric == "callbacks_after_stop")
    assert (figure.value, figure.n) == (2, 1)
    assert "watched for 1 ms" in figure.note


def test_stops_give_latency_phase_and_counts():
    stops = np.zeros(40, np.int64)
    stops[7] = 123
    phases = np.arange(40) + 100
    rows, _ = measured_rows(
        counters={"op_stops": 40, "op_after": 2, "op_timer": 4, "op_flag": 12, "op_flag_stops": 6},
        values={"op.stop": stops, "op.phase": phases},
    )
    assert rows["callbacks_after_stop", "stop()"].value == 2
    assert rows["callbacks_after_stop", "stop()"].n == 40
    assert rows["timer_after_stop", "stop()"].value == pytest.approx(0.1)
    assert rows["timer_after_stop", "flag_only"].value == 2
    assert rows["stop_latency_us", None].value == 123
    phase = rows["restart_phase_us", None]
    assert phase.lo <= phase.value <= phase.hi
    assert phase.value == pytest.approx(119.5, abs=1)
    assert "139" in phase.note


def test_too_few_starts_are_refused():
    rows, unmeasured = measured_rows(
        counters={"op_stops": 2}, values={"op.phase": np.array([1, 2])}
    )
    assert ("restart_phase_us", None) not in rows
    assert "restart_phase_us" in unmeasured
