"""A stored run with hostile names, tick wraps, lost and dropped stamps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hil.model.board import BoardIdentity
from hil.model.captures import Gap
from hil.model.results import ErrorRecord, Measurement, Results, RunInfo, Skip
from hil.recording.capture_file import capture_path
from hil.recording.run_folder import RunFolder, RunLog, write_results
from tools import synthetic_captures

HOSTILE = 'a "b"\\nc\n<d>&; $end {x="1"}\t=\u2028\x1b[31m é'
PERIOD = 10_000
TICK_PERIOD = 1 << 20  # wraps about every second
ORIGIN = TICK_PERIOD - 5_000
N = 300


def identity(name: str = "sim") -> BoardIdentity:
    return BoardIdentity(
        name, "/dev/pts/7", "sim", "linux", f"machine {name}", "1.29.0", TICK_PERIOD,
        tick_resolution_us=1.0, stamp_cost_us=0.3, capabilities=("timer",),
    )  # fmt: skip


def lateness(seed: int, n: int = N) -> np.ndarray:
    """Whole microseconds; never as much as a period."""
    return np.random.default_rng(seed).integers(3, 4_000, n)


def write_capture(
    folder: Path,
    number: int,
    technique: str,
    load: str,
    *,
    board: str = "sim",
    lost: tuple[int, int] = (0, 0),
    dropped: int = 0,
    status: str = "ok",
) -> list[np.ndarray]:
    """One stored capture of two tasks; the unwrapped stamps of each that are in it.

    ``lost`` stamps [from, to) of task 0 are missing on the wire; ``dropped`` of task 1 at the end.
    """
    made = synthetic_captures.capture(
        [lateness(number * 2 + task) for task in (0, 1)],
        of=identity(board),
        technique=technique,
        load=load,
        period_us=PERIOD,
        origin_us=ORIGIN,
    )
    first, last = lost
    tracks = []
    for task, track in enumerate(made.tracks):
        end = N - (dropped if task == 1 else 0)
        inside = np.arange(N) < end
        if task == 0:
            inside[first:last] = False
        tracks.append(
            replace(
                track,
                origin_us=ORIGIN + task * 5_000,
                end_us=ORIGIN + (N + 1) * PERIOD,
                stamps_us=track.stamps_us[inside] + task * 5_000,
                gaps=(Gap(first, last - first),) if task == 0 and last > first else (),
                dropped=N - end,
            )
        )
    sent = replace(made, tracks=tuple(tracks))
    path = capture_path(folder, number, technique, load)
    synthetic_captures.store(path, sent, piece=500, status=status)
    return [track.stamps_us for track in tracks]


def figure(metric: str, unit: str, value: float, **more) -> Measurement:
    usual = {
        "board": "sim", "technique": "timer_soft", "load": "idle", "task": 0,
        "lo": value * 0.9, "hi": value * 1.1, "n": N,
    }  # fmt: skip
    return Measurement(metric=metric, unit=unit, value=value, **{**usual, **more})


def make_results(name: str = HOSTILE) -> Results:
    """Every unit, every kind of outcome, and ``name`` wherever a board or a user can put one."""
    figures = (
        figure("lateness_p99_us", "us", 312.1234567890123, budget=1000.0, verdict="pass"),
        figure("lateness_p99_us", "us", 0.1 + 0.2, task=1, lo=None),
        figure("lateness_p99_us", "us", 7e-5, method="callback/closure"),
        figure("lateness_max_us", "us", 5e9, budget=4e9, verdict="fail", hi=None),
        figure("schedule_drift_ppm", "ppm", -4.776372327785241, task=None, load="gc"),
        figure("missed", "count", 3.0, budget=0.0, verdict="fail", lo=3.0, hi=3.0),
        figure("background_share", "1", 0.97, technique=name, board=name, load=name),
        figure("request_rate_hz", "hz", 212.5, load="web", note=f"noted {name}"),
        figure("callback_bytes", "bytes", 32.0, method=name),
        figure("desync_s", "s", 830.8115444408048, task=None, lo=830.8115444408048, hi=None),
        figure("adev_10ms", "1", 1.25e-07, load="cpu"),
    )
    run = RunInfo(
        "20261120T112553Z_sim", "2026-11-20T11:25:53Z", 71.25, "quick", "0.1.0", "Linux", "sim"
    )
    return Results(
        run,
        (identity(), identity(name)),
        figures,
        (
            Skip("sim", "thread", "idle", f"this board has no threads {name}"),
            Skip("sim", "timer_soft", "idle", "lateness_p999_us: too few samples"),
        ),
        (
            ErrorRecord("sim", "cooperative", "idle", f"no answer {name}", f"Traceback:\n  {name}"),
            ErrorRecord("-", "-", "-", "the run did not come to its end", ""),
        ),
    )


@pytest.fixture
def results() -> Results:
    return make_results()


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """A run's folder with ``results.json`` and two sound captures, one of them with losses."""
    folder = RunFolder(tmp_path / "run")
    folder.captures.mkdir(parents=True)
    write_capture(folder.captures, 1, "timer_soft", "idle", lost=(100, 105), dropped=7)
    write_capture(folder.captures, 2, HOSTILE, HOSTILE, board=HOSTILE)
    results = make_results()
    log = RunLog(folder.captures, results.run)
    log.finish(71.25)
    write_results(folder.results, results)
    return folder.path


def truth(number: int, task: int) -> tuple[np.ndarray, np.ndarray]:
    """Stamps and lateness of a task of the capture ``number``, before anything was lost."""
    late = lateness(number * 2 + task)
    return ORIGIN + task * 5_000 + np.arange(N) * PERIOD + late, late
