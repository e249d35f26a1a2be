"""A run with --hil-edges=sim: a program of the user's own, stamped, and seen at its pin."""

import json
from pathlib import Path

import numpy as np
import pytest

import hil

SUITE = """
def test_lateness(figures):
    figures.check("period_jitter_rms_us")
"""
PROGRAM = """\
# hil: period_ms=20
from machine import Pin, Timer
from hil_agent import stamp

led = Pin({pin}, Pin.OUT)


def tick(timer):
    stamp()
    led.toggle()


timer = Timer(-1)
timer.init(period=20, callback=tick, hard=True)
"""
KNOBS = "sim:clock=virtual,store_us=2,pin_us=3,ppm=60"


@pytest.mark.parametrize(("pin", "edges"), [(0, "sim"), (20, "sim?20=task0")])
def test_a_program_is_seen_at_the_pin_that_it_toggles(pytester, run_here, pin, edges):
    pytester.makepyfile(SUITE)
    program = pytester.path / "blink.py"
    program.write_text(PROGRAM.format(pin=pin))
    result = run_here(
        *(f"--board={KNOBS}", f"--hil-edges={edges}", f"--hil-agent={program}"),
        *("--hil-duration-s=0.5", "--hil-windows=1", "--hil-out=out"),
    )
    assert result.parseoutcomes() == {"passed": 1}, result.outlines
    results = json.loads(Path("out/latest/results.json").read_text())
    (seen,) = results["edges"]
    assert (seen["instrument"], seen["verdict"], seen["unmatched"]) == ("sim", "aligned", 0)
    assert seen["matched"] >= 24
    assert seen["windows"][0]["ppm_lo"] <= -60 <= seen["windows"][0]["ppm_hi"]
    delay = next(m for m in results["measurements"] if m["metric"] == "pin_delay_us")
    # storing the stamp and writing the pin; the reading is up to a microsecond behind
    assert delay["source"] == "sim"
    assert delay["lo"] <= 5.0 <= delay["hi"] + 1.0
    run = hil.load("out/latest")
    case = run["blink"]
    stamps, edges = case.stamps(), case.stamps(source="sim")
    assert edges.stamp_us.dtype == np.float64
    assert len(edges) == seen["matched"] + seen["unmatched"]
    near = edges.stamp_us - stamps.stamp_us[-len(edges) :]
    assert 0 < np.median(near) < 10  # the pin is written after the stamp
    assert case.edges == run.edges
    assert case.edges[0].verdict == "aligned"
    (recording,) = case.recordings
    assert recording.line("task0").times_ns.size >= len(edges)
