"""A board that has little gives a complete report: figures for what runs, a reason for the rest."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hil.agents.bundle import technique_names
from hil.boards.backends.qemu import missing_parts

ROOT = Path(__file__).resolve().parents[3]
MICROBIT = pytest.param(
    "qemu-microbit",
    "emulator",
    set(),
    marks=pytest.mark.skipif(bool(missing_parts()), reason=missing_parts() or "nothing is missing"),
)


@pytest.mark.parametrize(
    ("board", "source", "more"),
    [MICROBIT, ("sim:timer=0,thread=0,asyncio=0", "sim", {"pwm_irq"})],
)
def test_every_technique_has_figures_or_a_reason(tmp_path, board, source, more):
    command = [sys.executable, "-m", "pytest", "-q", f"--board={board}", f"--hil-out={tmp_path}"]
    subprocess.run([*command, "--hil-duration-s=1"], cwd=ROOT, capture_output=True, check=False)

    results = json.loads((tmp_path / "latest" / "results.json").read_text())
    assert (tmp_path / "latest" / "report.html").stat().st_size > 10_000
    assert results["run"]["source"] == source
    # an emulator that the host has no time for has a clock that jumps: its captures are invalid
    errors = {error["technique"]: error["error"] for error in results["errors"]}
    assert all("clock" in error for error in errors.values()), errors
    assert source == "emulator" or not errors
    skipped = {skip["technique"]: skip["reason"] for skip in results["skipped"]}
    measured = {figure["technique"] for figure in results["measurements"]}
    assert measured | set(errors) == {"round_robin", "cooperative"} | more
    assert set(skipped) | measured | set(errors) >= set(technique_names())
    assert "no machine.Timer" in skipped["timer_soft"]
    assert "no _thread" in skipped["thread"]
    assert "no asyncio" in skipped["asyncio_sleep"]
