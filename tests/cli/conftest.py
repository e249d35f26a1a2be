"""Run folders with known stamps, for the commands that read them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hil.experiments.budget_files import default_budgets
from hil.experiments.evaluation import evaluate_run
from hil.model.board import BoardIdentity
from hil.model.results import RunInfo
from hil.recording.capture_file import capture_path
from hil.recording.run_folder import RunFolder, RunLog, write_results
from hil.recording.stored_run import read_run
from tools import synthetic_captures

TICKS, N = 1 << 30, 400
MakeRun = Callable[..., Path]


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
                    taken = synthetic_captures.capture(
                        [late], of=identity, technique=technique, load=load, origin_us=1_000
                    )
                    path = capture_path(folder.captures, number, technique, load)
                    synthetic_captures.store(path, taken)
        info = RunInfo(name, started, 12.5, "quick", "0.1.0", "Linux", "sim")
        RunLog(folder.captures, info).finish(12.5)
        results = evaluate_run(read_run(folder.path), default_budgets())
        info = replace(results.run, hashes=folder.hashes())
        write_results(folder.results, replace(results, run=info))
        return folder.path

    return make
