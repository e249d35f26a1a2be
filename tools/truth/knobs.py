"""The knobs of the embedded board, each injected on the real virtual machine and found again."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from hil.analysis.clock import instrument
from hil.boards.backends.registry import parse_board
from hil.experiments.evaluation import summarise_capture
from hil.experiments.plan import Case, calibration_plan, capture_job
from hil.experiments.session import Session
from hil.model.board import BoardIdentity
from hil.model.captures import Capture, CapturePlan, TaskPlan
from hil.model.results import Measurement
from hil.recording.capture_reader import read_capture
from tools.truth.rows import Row, difference_row, figure_row, plain_row

PPM = (-200, -20, 0, 5, 50)
BOARDS_AT_ONCE = 2


def capture(
    knobs: str, technique: str, duration_s: float, period_ms: int = 10, **options: int | str
) -> Capture:
    """One capture on a fresh embedded board."""
    tasks = tuple(TaskPlan(k, period_ms * 1000) for k in range(2))
    plan = CapturePlan(technique, "idle", tasks, round(duration_s * 1e6), options=options)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "capture.hilcap")
        with Session(parse_board(f"sim:{knobs}" if knobs else "sim")) as session:
            session.capture(capture_job(Case(plan), session.board), path)
        return read_capture(path)


def identify(knobs: str) -> BoardIdentity:
    """What a board with these knobs says of itself."""
    with Session(parse_board(f"sim:{knobs}")) as session:
        return session.identity


def find_figure(
    taken: Capture, metric: str, method: str | None = None, task: int | None = None
) -> Measurement:
    """One figure of a capture."""
    return next(
        m
        for m in summarise_capture(taken).measurements
        if m.metric == metric and m.method == method and (task is None or m.task == task)
    )


def knob_rows(clock_s: float) -> list[Row]:
    """Every knob; the clock comparison takes ``clock_s`` seconds a value."""
    rows: list[Row] = []
    with ProcessPoolExecutor(BOARDS_AT_ONCE) as pool:
        rows += pool.map(_skew, PPM, [clock_s] * len(PPM))
    parts: tuple[Callable[[], list[Row]], ...] = (
        _wrap,
        _resolution,
        _jitter,
        _latency,
        _pauses,
        _facts,
    )
    for part in parts:
        rows += part()
    return rows


def _skew(ppm: float, duration_s: float) -> Row:
    taken = capture(f"ppm={ppm}", "timer_hard", duration_s, 100, pings=200)
    figure = find_figure(taken, "clock_skew_ppm")
    limit = 0.2 * max(1.0, 60.0 / duration_s)
    return figure_row(f"ppm={ppm}, {duration_s:g} s", ppm, figure, error=limit)


def _wrap() -> list[Row]:
    rows = []
    for bits in (16, 20):
        taken = capture(f"tick_bits={bits}", "timer_hard", 5)
        wraps = 5e6 / 2**bits
        told = f"{wraps:.0f} wraps"
        for metric, truth in (("period_mean_us", 10_000), ("schedule_drift_ppm", 0)):
            figure = find_figure(taken, metric, task=0)
            rows.append(figure_row(f"tick_bits={bits}", truth, figure, injected=told))
        rows.append(
            plain_row(
                f"tick_bits={bits}",
                2**bits,
                "tick_period",
                taken.board.tick_period,
                ok=taken.board.tick_period == 2**bits,
            )
        )
    return rows


def _resolution() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder, Session(parse_board("sim:tick_us=30")) as session:
        path = Path(folder, "c.hilcap")
        session.capture(capture_job(Case(calibration_plan()), session.board), path)
        tick = instrument(read_capture(path)).tick_us
    return [plain_row("tick_us=30", 30, "tick_resolution_us", f"{tick:g}", ok=tick == 30)]


def _jitter() -> list[Row]:
    sigma = 1000.0
    base, noisy = (
        find_figure(capture(knobs, "timer_hard", 10), "period_jitter_rms_us", task=0)
        for knobs in ("", f"jitter_us={sigma:g}")
    )
    own = math.sqrt(max(0.0, noisy.value**2 - base.value**2)) / math.sqrt(2)
    half = (noisy.hi - noisy.lo) / 2 / math.sqrt(2) if noisy.lo and noisy.hi else 0.1 * sigma
    return [
        difference_row(f"jitter_us={sigma:g}", sigma, "period_jitter_rms_us / sqrt 2", own, half)
    ]


def _latency() -> list[Row]:
    rows = []
    added = 500.0
    plain, late = (
        capture(knobs, "event_irq", 1, isr_events=500) for knobs in ("", f"latency_us={added:g}")
    )
    for method in ("loopback/hard", "loopback/soft"):
        a, b = (find_figure(taken, "isr_latency_p50_us", method) for taken in (plain, late))
        half = sum((m.hi - m.lo) / 2 for m in (a, b) if m.lo is not None and m.hi is not None)
        name = f"isr_latency_p50_us {method}"
        rows.append(difference_row("latency_us=500", added, name, b.value - a.value, half + 2.0))
    return rows


def _pauses() -> list[Row]:
    """A pause of P every E: of all delays, the share beyond x is (P - x) / E."""
    pause_ms, every_ms = 20.0, 203.0
    taken = capture(f"gc_ms={pause_ms:g},gc_every_ms={every_ms:g}", "timer_soft", 20)
    figure = find_figure(taken, "lateness_p99_us", task=0)
    truth = 1000 * (pause_ms - 0.01 * every_ms)
    return [
        figure_row("gc_ms=20,gc_every_ms=203", truth, figure, injected=f"p99 {truth:g}", step=500)
    ]


def _facts() -> list[Row]:
    rows = []
    for knob, capability in (
        ("timer=0", "timer"),
        ("thread=0", "thread"),
        ("asyncio=0", "asyncio"),
        ("irq_hard=0", "timer_hard"),
    ):
        there = capability in identify(knob).capabilities
        rows.append(
            plain_row(knob, "absent", capability, "present" if there else "absent", ok=not there)
        )
    uid = identify("seed=7").unique_id or ""
    rows.append(plain_row("seed=7", 7, "unique_id", uid, ok=uid.endswith("07")))
    free = identify("heap=256").free_bytes or 0
    rows.append(plain_row("heap=256", "256 KB", "free", f"{free} B", ok=100_000 < free <= 262_144))
    return rows
