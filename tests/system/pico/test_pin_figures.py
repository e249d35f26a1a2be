"""Real RP2 firmware on the emulated Pico: what its stamps say is what its pins do.

For each technique, and for interrupts hard and soft. The edges are those of the emulator, exact to
a cycle, so that they are the truth here.
"""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest

from hil.analysis.clock import instrument
from hil.analysis.edge_tracks import align_windows, edge_tracks
from hil.boards.backends.registry import parse_board
from hil.experiments.evaluation import evaluate
from hil.experiments.plan import Case, calibration_plan, capture_job
from hil.experiments.session import Session
from hil.experiments.workloads.sync_pattern import with_sync
from hil.model.captures import CapturePlan, TaskPlan
from hil.model.edge_sources import parse_edge_sources
from hil.model.errors import CapabilityMissing
from hil.model.techniques import TECHNIQUES
from hil.recording.capture_reader import read_capture

UF2 = os.environ.get("HIL_PICO_UF2")
pytestmark = pytest.mark.skipif(not UF2, reason="set HIL_PICO_UF2=FILE to RP2 firmware (a UF2)")
EVENTS = 200


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A function that measures a case on one Pico, calibrated, with its edges."""
    folder = tmp_path_factory.mktemp("pico")
    edges = parse_edge_sources(["pico"])
    with Session(parse_board(f"pico:{UF2}?wires=4-5"), edges=edges) as session:
        path = folder / "calibration.hilcap"
        session.capture(capture_job(Case(calibration_plan(loopback=True)), session.board), path)
        calibrated = read_capture(path)
        tools = instrument(calibrated)
        session.identity = replace(
            session.identity,
            tick_resolution_us=tools.tick_us,
            stamp_cost_us=tools.stamp_cost_us,
        )

        def measure(technique, tasks=2, duration_us=1_500_000, **options):
            plan = CapturePlan(
                *(technique, "idle"),
                tuple(TaskPlan(task, 10_000) for task in range(tasks)),
                duration_us,
                options=options,
            )
            (case,) = with_sync([Case(plan)])
            path = folder / f"{len(list(folder.iterdir()))}_{technique}.hilcap"
            session.capture(capture_job(case, session.board), path)
            return replace(read_capture(path), calibration=calibrated.calibration)

        yield measure


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_mean_and_spread_of_the_period_agree(measured, technique):
    try:
        capture = measured(technique)
    except CapabilityMissing as why:  # what this firmware's version can't do
        pytest.skip(str(why))
    case = evaluate(capture, None)
    (windows,) = align_windows(capture).values()
    assert [each.alignment.verdict for each in windows] == ["aligned"]
    for edges, board in zip(edge_tracks(capture, windows), capture.tracks, strict=True):
        assert edges.track.stamps_us.size == board.stamps_us.size
        by_stamps, by_edges = (np.diff(track.stamps_us) for track in (board, edges.track))
        assert abs(by_stamps.mean() - by_edges.mean()) < 1.0
        assert abs(by_stamps.std() - by_edges.std()) < 1.0
    (comparison,) = case.edges
    apart = [each for each in comparison.agreements if each.verdict == "disagree"]
    assert not apart
    assert "period_mean_us" in {each.metric for each in comparison.agreements}
    delays = [f.value for f in case.measurements if f.metric == "pin_delay_us"]
    assert all(5.0 < delay < 50.0 for delay in delays)


@pytest.fixture(scope="module")
def latencies(measured):
    """The figures of interrupts, hard and soft."""
    return {
        (figure.metric, figure.method, figure.source): figure
        for figure in evaluate(measured("event_irq", isr_events=EVENTS), None).measurements
    }


@pytest.mark.parametrize("kind", ["hard", "soft"])
def test_interrupt_latency_is_that_of_the_edges(latencies, kind):
    figures = latencies
    board, pin = (
        figures["isr_latency_p50_us", f"loopback/{kind}", source] for source in ("board", "pico")
    )
    answer = figures["isr_latency_p50_us", f"loopback/{kind}/response", "pico"]
    assert board.n == pin.n == answer.n == EVENTS
    assert abs(board.value - pin.value) < 0.5
    assert pin.lo <= board.value <= pin.hi
    assert board.lo <= pin.value <= board.hi
    # what the handler does up to its answer: a stamp, an access, a write
    assert 5.0 < answer.value - pin.value < 15.0
    assert answer.hi - answer.lo < 0.2
