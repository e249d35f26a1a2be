"""Run folders with known stamps, for the commands that read them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hil.budgets import default_budgets
from hil.records import BoardIdentity, CapturePlan, RunInfo, TaskPlan
from hil.report.remake import results_of
from hil.report.results_json import write_results
from hil.run_folder import RunFolder
from hil.run_log import RunLog
from hil.store import CaptureWriter, capture_path
from hil.stored_run import read_run
from hil.wire.encode import StreamEncoder

PERIOD, TICKS, N = 10_000, 1 << 30, 400
MakeRun = Callable[..., Path]


def write_capture(
    folder: Path, number: int, technique: str, load: str, late: np.ndarray, board: BoardIdentity
) -> None:
    """A capture of one task whose activations come ``late`` (whole microseconds)."""
    n = len(late)
    plan = CapturePlan(technique, load, (TaskPlan(0, PERIOD),), n * PERIOD)
    encoder = StreamEncoder()
    encoder.text("H", v=1, tp=TICKS, tasks=1)
    encoder.text("C", i=0, name="task0", kind="ticks")
    encoder.text("G", task=0, origin=1_000, offset=0, period=PERIOD)
    encoder.stamps(0, 1_000 + np.arange(n) * PERIOD + late)
    encoder.text("T", i=0, n=n, dropped=0)
    length = n * PERIOD + 5_000
    encoder.text("E", us0=1_000, us1=1_000 + length, ms0=0, ms1=length // 1000, status="ok")
    with CaptureWriter(capture_path(folder, number, technique, load), board, plan) as writer:
        writer.rx(encoder.data, 1)
        writer.finish("ok")


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Writes a run's folder with its ``results.json``: ``make_run("a", timer_soft=100)``.

    Each technique's lateness is exponential about the number of microseconds given.
    """

    def make(
        name: str,
        *,
        loads: Sequence[str] = ("idle",),
        board: str = "sim",
        boards: Sequence[str] = (),
        firmware: str = "1.29.0",
        started: str = "2026-11-20T11:25:53Z",
        **scale_us: float,
    ) -> Path:
        folder = RunFolder(tmp_path / name)
        folder.captures.mkdir(parents=True)
        number = 0
        for called in boards or [board]:
            identity = BoardIdentity(
                *(called, "/dev/pts/7", "sim", "linux", "machine", firmware, TICKS),
                tick_resolution_us=1.0,
            )
            for load in loads:
                for technique, scale in scale_us.items():
                    number += 1
                    chance = np.random.default_rng([number, sum(name.encode())])
                    late = 50 + np.minimum(chance.exponential(scale, N), 4_000).astype(np.int64)
                    write_capture(folder.captures, number, technique, load, late, identity)
        info = RunInfo(name, started, 12.5, "quick", "0.1.0", "Linux", "sim")
        RunLog(folder.captures, info).finish(12.5)
        results = results_of(read_run(folder.path), default_budgets())
        info = replace(results.run, hashes=folder.hashes())
        write_results(folder.results, replace(results, run=info))
        return folder.path

    return make
