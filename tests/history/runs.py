"""Synthetic runs: captures with known lateness, analysed as real ones are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from hil.experiments.evaluation import summarise_capture
from hil.history.stored_records import HistoryRun, make_history_run
from hil.model.board import BoardIdentity
from hil.model.captures import Capture, EventSet
from hil.model.results import ErrorRecord, Results, RunInfo, Skip
from hil.recording.capture_file import capture_path
from hil.recording.run_folder import RunLog
from tools import synthetic_captures

PERIOD = 10_000


def board(name: str = "/dev/ttyUSB0", **more: object) -> BoardIdentity:
    facts: dict[str, object] = {
        "name": name,
        "port": name,
        "source": "hardware",
        "platform": "rp2",
        "machine": "Raspberry Pi Pico with RP2040",
        "micropython": "v1.24.1",
        "tick_period": 1 << 30,
        "unique_id": "e660583883",
        "tick_resolution_us": 1.0,
        "stamp_cost_us": 0.31,
        "capabilities": ("timer", "timer_hard"),
    }
    return BoardIdentity(**{**facts, **more})  # type: ignore[arg-type]


def capture(
    rng: np.random.Generator,
    technique: str = "timer_soft",
    load: str = "idle",
    *,
    of: BoardIdentity | None = None,
    n: int = 600,
    level: float = 200.0,
    events: int = 0,
    period: int = PERIOD,
    early: float = 0.0,
) -> Capture:
    """Two tasks with exponential lateness of ``level`` us, and ``events`` interrupt latencies.

    All activations come ``early`` us before that.
    """
    late = [rng.exponential(level, n) + level / 4 - early for _ in range(2)]
    sets: tuple[EventSet, ...] = ()
    if events:
        stimulus = np.arange(events, dtype=np.int64) * 2000
        answer = stimulus + 40 + rng.exponential(level / 10, events).astype(np.int64)
        sets = (EventSet("isr", "loopback/hard", stimulus, answer),)
    return synthetic_captures.capture(
        late,
        of=of or board(),
        technique=technique,
        load=load,
        period_us=period,
        origin_us=1000,
        events=sets,
    )


def results(
    captures: list[Capture],
    number: int = 0,
    *,
    profile: str = "quick",
    errors: tuple[ErrorRecord, ...] = (),
) -> Results:
    info = RunInfo(
        id=f"20261101T{number // 60:02d}{number % 60:02d}00Z_pico",
        started_utc=f"2026-11-01T{number // 60:02d}:{number % 60:02d}:00Z",
        duration_s=12.5,
        profile=profile,
        harness_version="0.1.0",
        host="Linux x86_64, Python 3.11.7",
        source=captures[0].board.source,
    )
    return Results(
        run=info,
        boards=tuple({capture.board.name: capture.board for capture in captures}.values()),
        measurements=tuple(
            m for capture in captures for m in summarise_capture(capture).measurements
        ),
        skipped=(Skip(captures[0].board.name, "thread", "idle", "the board has no threads"),),
        errors=errors,
    )


_NIGHTS: dict[str, HistoryRun] = {}


def night(
    seed: int,
    levels: Mapping[str, float] | None = None,
    *,
    number: int | None = None,
    profile: str = "quick",
    **more: object,
) -> HistoryRun:
    """One run of some techniques; ``levels`` gives each its typical lateness.

    The same run for the same arguments: the analysis of many would take a while.
    """
    name = repr((seed, levels, number, profile, more))
    if name not in _NIGHTS:
        rng = np.random.default_rng(seed)
        taken = [
            capture(rng, technique, level=level, **more)  # type: ignore[arg-type]
            for technique, level in (levels or {"timer_soft": 200.0, "timer_hard": 60.0}).items()
        ]
        made = results(taken, seed if number is None else number, profile=profile)
        _NIGHTS[name] = make_history_run(made, taken)
    return _NIGHTS[name]


def renamed(run: HistoryRun, run_id: str) -> HistoryRun:
    return replace(run, info=replace(run.info, id=run_id))


def write_folder(folder: Path, capture: Capture) -> Path:
    """A run's folder with one capture in it, as a board would have sent it."""
    captures = folder / "capture"
    captures.mkdir(parents=True)
    path = capture_path(captures, 1, capture.plan.technique, capture.plan.load)
    synthetic_captures.store(path, capture)
    info = results([capture]).run
    log = RunLog(captures, replace(info, id=folder.name))
    log.finish(1.0)
    return folder
