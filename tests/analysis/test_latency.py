"""Interrupt latencies of known events: every figure, its place, and what is missing."""

import numpy as np
import pytest
from captures import by_name, capture, grid, track

from hil.experiments.evaluation import summarise_capture
from hil.model.captures import EventSet


def summary(latency, lost=0, stage="isr", **more):
    stimulus = 5_000 + 1000 * np.arange(len(latency), dtype=np.int64)
    events = EventSet(stage, "loopback/hard", stimulus, stimulus + latency, lost, **more)
    return summarise_capture(capture(track(grid(20)), events=(events,)))


def test_every_figure_of_some_events():
    latency = np.arange(1000, dtype=np.int64) % 100
    latency[700] = 250
    told = by_name(summary(latency, lost=24).measurements, None)
    assert told["isr_latency_min_us"].value == 0.0
    assert told["isr_latency_p50_us"].value == pytest.approx(49.5, abs=0.5)
    assert told["isr_latency_p99_us"].value == pytest.approx(98.5, abs=1.0)
    assert told["isr_latency_max_us"].value == 250.0
    assert told["isr_latency_max_us"].where_us == 700_000.0 + 250.0
    assert told["isr_jitter_pp_us"].value == 250.0
    assert (told["missed"].value, told["missed"].lo, told["missed"].hi) == (24.0, 24.0, 24.0)
    assert told["missed"].n == 1024
    for metric, figure in told.items():
        if metric.startswith("isr_"):
            assert (figure.n, figure.method) == (1000, "loopback/hard")
            assert figure.note.startswith("24 of 1024 events had no answer")


def test_without_losses_there_is_no_note():
    told = by_name(summary(np.full(200, 7)).measurements, None)
    assert told["isr_latency_p50_us"].note is None
    assert told["missed"].note == "isr events without an answer; counted, exact for this window"


@pytest.mark.parametrize(("stage", "prefix"), [("isr", "isr"), ("defer", "defer")])
def test_where_nothing_was_answered_each_figure_says_so(stage, prefix):
    nothing_answered = summary([], lost=3, stage=stage)
    refused = {
        (reason.metric, reason.reason, reason.method)
        for reason in nothing_answered.reasons
        if reason.method is not None
    }
    assert refused == {
        (f"{prefix}_latency_{part}_us", "no event was answered", "loopback/hard")
        for part in ("min", "p50", "p99", "p999", "max")
    }
    assert by_name(nothing_answered.measurements, None)["missed"].value == 3.0


def test_one_event_has_no_jitter():
    assert "isr_jitter_pp_us" not in by_name(summary([5]).measurements, None)
    told = by_name(summary([5, 9]).measurements, None)
    assert told["isr_jitter_pp_us"].value == 4.0
