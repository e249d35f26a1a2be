"""Knobs of the embedded board in virtual time, found again in what its pins did."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hil.analysis.clock import instrument
from hil.boards.backends.registry import parse_board
from hil.experiments.evaluation import evaluate
from hil.experiments.plan import Case, calibration_plan, capture_job
from hil.experiments.session import Session
from hil.experiments.workloads.sync_pattern import with_sync
from hil.model.captures import CapturePlan, TaskPlan
from hil.model.edge_sources import parse_edge_sources
from hil.recording.capture_reader import read_capture

COSTS = {"read_us": 1.7, "pin_us": 3.1, "store_us": 2.3, "entry_us": 4.9, "latency_us": 20}
KNOBS = ",".join(f"{name}={value}" for name, value in COSTS.items())


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    """All figures of a case by metric, task, method and source."""
    folder = tmp_path_factory.mktemp("sim")
    edges = parse_edge_sources(["sim"])
    with Session(parse_board(f"sim:clock=virtual,{KNOBS}"), edges=edges) as session:
        path = folder / "calibration.hilcap"
        session.capture(capture_job(Case(calibration_plan(loopback=True)), session.board), path)
        calibrated = read_capture(path)
        session.identity = replace(
            session.identity, tick_resolution_us=instrument(calibrated).tick_us
        )
        tasks = tuple(TaskPlan(task, 10_000) for task in range(2))
        options = {"isr_events": 100}
        plan = CapturePlan("event_irq", "idle", tasks, 1_000_000, options=options)
        (case,) = with_sync([Case(plan)])
        path = folder / "case.hilcap"
        session.capture(capture_job(case, session.board), path)
        capture = replace(read_capture(path), calibration=calibrated.calibration)
    measured = evaluate(capture, None)
    (comparison,) = measured.edges
    assert comparison.verdict == "aligned"
    assert [each for each in comparison.agreements if each.verdict == "disagree"] == []
    return {(f.metric, f.task, f.method, f.source): f for f in measured.measurements}


def test_the_delay_of_the_pin_is_what_storing_and_writing_cost(figures):
    truth = COSTS["store_us"] + COSTS["pin_us"]
    for task in range(2):
        figure = figures["pin_delay_us", task, None, "sim"]
        assert figure.value == pytest.approx(truth, abs=0.6)
        assert figure.lo <= truth <= figure.hi
        assert figure.hi - figure.lo < 4.0
    assert figures["missed", 0, None, "sim"].value == figures["extra", 0, None, "sim"].value == 0


def test_the_latency_is_that_of_the_knobs_by_stamps_and_by_edges(figures):
    truth = COSTS["latency_us"] + COSTS["entry_us"]
    for source in ("board", "sim"):
        figure = figures["isr_latency_p50_us", None, "loopback/hard", source]
        assert figure.lo <= truth <= figure.hi, source
        assert figure.value == pytest.approx(truth, abs=1.2), source
    answer = figures["isr_latency_p50_us", None, "loopback/hard/response", "sim"]
    # the handler reads the clock and writes the pin
    assert answer.value == pytest.approx(truth + COSTS["read_us"] + COSTS["pin_us"], abs=0.1)
