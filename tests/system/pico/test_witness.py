"""A second emulated Pico as the witness of a first one: HIL_PICO_UF2 names the firmware of both."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from hil.analysis.edge_alignment import align
from hil.boards.backends.registry import parse_board
from hil.experiments.plan import Case, capture_job
from hil.experiments.session import Session
from hil.model.captures import CapturePlan, TaskPlan
from hil.model.edge_sources import parse_edge_sources
from hil.recording.capture_reader import read_capture

sys.path.insert(0, str(Path(__file__).parent))
from joined_picos import JoinedPicos

FIRMWARE = os.environ.get("HIL_PICO_UF2", "")
pytestmark = pytest.mark.skipif(
    not FIRMWARE, reason="set HIL_PICO_UF2=FILE to the firmware of a Raspberry Pi Pico"
)
WITNESS_PPM = 200
CYCLE_NS = 32
"""Of an emulated witness: a quarter of the chip's clock."""
EMULATOR_PPM = 3
"""The emulator's state machines lose parts of a cycle where one of its steps ends."""


def test_the_witness_sees_every_edge_within_three_cycles(tmp_path):
    plan = CapturePlan(
        "timer_soft",
        "idle",
        (TaskPlan(0, 2000), TaskPlan(1, 3000, 1000)),
        60_000,
        options={"sync": 8, "sync_seed": 5},
    )
    lines = "gp2=task0&gp3=task1&gp8=sync"
    edges = parse_edge_sources([f"board:pico:{FIRMWARE}?{lines}&ppm={WITNESS_PPM}"])
    path = tmp_path / "a.hilcap"
    with Session(parse_board(f"pico:{FIRMWARE}"), edges=edges) as session:
        (witness,) = session._instruments
        first, second = session.wiring.outputs[:2]
        joined = JoinedPicos(session, witness, {first: 2, second: 3, session.wiring.sync: 8})
        session.capture(capture_job(Case(plan), session.board), path)
    capture = read_capture(path)
    (recording,) = capture.edges
    assert recording.instrument == "witness"
    assert recording.issues == ()
    assert recording.lost == ()
    assert recording.resolution_ns == 2 * CYCLE_NS
    assert recording.own_ns.size == recording.host_ns.size == 16
    truth, seen, levels = [], [], []
    for pin, line in zip(joined.truth, recording.lines, strict=True):
        times, states = np.array(joined.truth[pin], np.int64).T
        assert line.times_ns.size == times.size >= 16
        assert line.levels.tolist() == states.tolist()
        truth.append(times.astype(float))
        seen.append(line.times_ns.astype(float))
        levels.append(states)
    true_ns, seen_ns = np.concatenate(truth), np.concatenate(seen)
    slope, offset = np.polyfit(true_ns - true_ns[0], seen_ns, 1)
    assert (slope - 1) * 1e6 == pytest.approx(WITNESS_PPM, abs=EMULATOR_PPM)
    left = seen_ns - (offset + slope * (true_ns - true_ns[0]))
    assert np.abs(left).max() <= 3 * CYCLE_NS
    alignment = align(recording, capture)
    assert alignment.verdict == "aligned", alignment.reason
    assert alignment.ppm_lo <= WITNESS_PPM + EMULATOR_PPM
    assert alignment.ppm_hi >= WITNESS_PPM - EMULATOR_PPM
    assert alignment.unmatched == 0
    assert alignment.matched > 40
