"""Synthetic stamps with known properties, sent through the whole way: one row for every metric.

Nothing but the board is replaced: the stamps are encoded as a board would, decoded, assembled and
analysed. Stamps are whole microseconds of a 30-bit clock that wraps inside the capture.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hil.experiments.evaluation import summarise_capture
from hil.model.captures import Between, Calibration, Capture, EventSet, Pings
from hil.model.results import Measurement
from tools import synthetic_captures
from tools.truth.rows import Row, figure_row

FloatArray = NDArray[np.float64]
T_US = synthetic_captures.PERIOD_US
N = 6000
START = synthetic_captures.TICK_PERIOD - 20_000_000  # wraps after 20 s of 60
SIGMA = 50.0
Z = {"p99": 2.3263478740408408, "p999": 3.090232306167813}


def figures(
    tasks: Sequence[FloatArray],
    *,
    technique: str = "timer_hard",
    dropped: int = 0,
    events: tuple[EventSet, ...] = (),
    calibration: Calibration | None = None,
    skew_ppm: float = 0.0,
    rng: np.random.Generator,
) -> list[Measurement]:
    """All figures of a capture that was sent; activations in us from the start of the window."""
    made = synthetic_captures.capture(
        [np.zeros(N)] * len(tasks), technique=technique, origin_us=START
    )
    tracks = [
        replace(track, stamps_us=START + np.rint(times).astype(np.int64))
        for track, times in zip(made.tracks, tasks, strict=True)
    ]
    tracks[0] = replace(tracks[0], dropped=dropped)
    sent = replace(
        made,
        tracks=tuple(tracks),
        events=events,
        calibration=calibration,
        pings=_exchanges(skew_ppm, rng),
    )
    received: Capture = synthetic_captures.receive(sent)
    assert not received.faults, received.faults
    return list(summarise_capture(received).measurements)


def _exchanges(skew_ppm: float, rng: np.random.Generator) -> Pings:
    """600 exchanges over the window, delays exponential and one-sided (100 us beyond 40)."""
    times_us = np.linspace(0, 50_000_000, 600)
    out_us, back_us = 40 + rng.exponential(100, (2, times_us.size))
    return synthetic_captures.clock_exchanges(
        times_us, out_us, back_us, skew_ppm=skew_ppm, board_us=START
    )


def metric_rows() -> list[Row]:
    """Every metric against its truth."""
    rows: list[Row] = []
    for part in (_white, _drifting, _interference, _counted, _events, _lights, _instrument):
        rows += part(np.random.default_rng(20261))
    return rows


def _grid() -> FloatArray:
    return np.arange(N, dtype=np.float64) * T_US


def _find(figures: list[Measurement], metric: str, method: str | None = None) -> Measurement | None:
    return next((m for m in figures if m.metric == metric and m.method == method), None)


def _white(rng: np.random.Generator) -> list[Row]:
    late = 300 + rng.normal(0, SIGMA, N)
    got = figures([_grid() + late], rng=rng)
    what = "white noise 50 us"
    truths = {
        "period_mean_us": T_US,
        "period_jitter_rms_us": SIGMA * math.sqrt(2),
        "c2c_jitter_rms_us": SIGMA * math.sqrt(6),
        "tie_rms_us": SIGMA,
        "lateness_p50_us": 300,
        "lateness_p99_us": 300 + Z["p99"] * SIGMA,
        "lateness_p999_us": 300 + Z["p999"] * SIGMA,
        "schedule_drift_ppm": 0,
        "adev_100ms": math.sqrt(3) * SIGMA * 1e-6 / 0.1,
        "tdev_100ms_us": SIGMA / math.sqrt(10),
    }
    return [figure_row(what, truth, _find(got, name)) for name, truth in truths.items()]


def _drifting(rng: np.random.Generator) -> list[Row]:
    stamps = _grid() * (1 + 100e-6) + rng.normal(0, SIGMA, N)
    got = figures([stamps], technique="round_robin", skew_ppm=37.0, rng=rng)
    return [
        figure_row("slope 100 ppm", 100, _find(got, "schedule_drift_ppm")),
        figure_row("slope 100 ppm", T_US * (1 + 100e-6), _find(got, "period_mean_us")),
        figure_row("clock 37 ppm", 37, _find(got, "clock_skew_ppm"), error=0.2),
    ]


def _interference(rng: np.random.Generator) -> list[Row]:
    """A cosine of 200 us over 40 periods: extremes that are known, no slope to fit away."""
    amplitude, beat = 200.0, 40
    angle = 2 * math.pi * np.arange(N) / beat
    late = 500 + amplitude * np.cos(angle)
    got = figures([_grid() + late], rng=rng)
    step = 2 * amplitude * math.sin(math.pi / beat)
    what = "cosine 200 us"
    truths = {
        "period_jitter_pp_us": 2 * step,
        "c2c_jitter_max_us": 4 * amplitude * math.sin(math.pi / beat) ** 2,
        "tie_pp_us": 2 * amplitude,
        "lateness_max_us": 500 + amplitude,
        "mtie_1s_us": 2 * amplitude,
        "mtie_100ms_us": 2 * amplitude * math.sin(math.pi * 10 / beat),
    }
    return [figure_row(what, truth, _find(got, name), step=2.0) for name, truth in truths.items()]


def _counted(rng: np.random.Generator) -> list[Row]:
    """Releases lost, stalls of three periods, stamps without room: counts are exact."""
    late = rng.uniform(20, 60, N)
    for start in (1000, 3000, 5000):
        late[start : start + 4] += T_US * np.array([3.5, 2.51, 1.52, 0.6])
    stamps = np.delete(_grid() + late, [500, 1500, 1501, 2500])
    got = figures([stamps], technique="timer_soft", rng=rng)
    room = figures([(_grid() + late)[:-250]], technique="timer_soft", dropped=250, rng=rng)
    return [
        figure_row("4 releases lost", 4, _find(got, "missed")),
        figure_row("3 stalls of 3 periods", 9, _find(got, "overruns")),
        figure_row("no room for 250", 250, _find(room, "dropped")),
    ]


def _events(rng: np.random.Generator) -> list[Row]:
    """Latencies from an exponential distribution beyond 20 us; deferral likewise, 50 lost."""
    count = 10_000
    at = np.round(np.cumsum(rng.uniform(1_000, 5_000, count)))
    isr = at + np.round(20 + rng.exponential(10, count))
    defer = isr + np.round(40 + rng.exponential(30, count))
    lost = rng.choice(count, 50, replace=False)
    ran = np.delete(np.arange(count), lost)
    events = (
        _event_set("isr", at, isr),
        _event_set("defer", isr[ran], defer[ran], lost=len(lost)),
    )
    got = figures([_grid()], technique="event_irq", events=events, rng=rng)
    rows = []
    for stage, floor, scale in (("isr", 20, 10), ("defer", 40, 30)):
        for part, tail in (("p50", 0.5), ("p99", 0.01), ("p999", 0.001)):
            truth = floor + scale * math.log(1 / tail)
            figure = _find(got, f"{stage}_latency_{part}_us", "loopback/hard")
            rows.append(figure_row(f"exponential {scale} us", truth, figure, step=0.5))
        figure = _find(got, f"{stage}_latency_min_us", "loopback/hard")
        rows.append(figure_row(f"exponential {scale} us", floor, figure, step=1.0))
        latency = isr - at if stage == "isr" else (defer - isr)[ran]
        for name, truth in (
            (f"{stage}_latency_max_us", latency.max()),
            (f"{stage}_jitter_pp_us", np.ptp(latency)),
        ):
            rows.append(
                figure_row("its largest", truth, _find(got, name, "loopback/hard"), step=0.5)
            )
    missing = [
        m for m in got if m.metric == "missed" and m.method and (m.note or "").startswith("defer")
    ]
    rows.append(figure_row("50 deferrals lost", 50, missing[0] if missing else None))
    return rows


def _event_set(
    stage: Literal["isr", "defer"], stimulus_us: FloatArray, answer_us: FloatArray, lost: int = 0
) -> EventSet:
    stimulus, answer = (START + times.astype(np.int64) for times in (stimulus_us, answer_us))
    between: Between = "pin" if stage == "isr" else "schedule"
    return EventSet(stage, "loopback/hard", stimulus, answer, lost, between)


def _lights(rng: np.random.Generator) -> list[Row]:
    grid = _grid()
    still = figures([grid + rng.normal(50, 30, N), grid + rng.normal(50, 40, N)], rng=rng)
    apart = figures([grid, grid * (1 + 20e-6) + rng.normal(0, 20, N)], rng=rng)
    soon = figures([grid, grid * (1 + 100e-6)], rng=rng)
    return [
        figure_row("noise 30 and 40 us", 50, _find(still, "phase_error_rms_us")),
        figure_row("20 ppm apart", 0.25 * T_US / 20, _find(apart, "desync_s")),
        figure_row("100 ppm apart", 0.25 * T_US / 100, _find(soon, "desync_s"), step=0.02),
    ]


def _instrument(rng: np.random.Generator) -> list[Row]:
    read, stamp, full, minimal = (
        np.rint(rng.normal(mean, sigma, 200)).astype(np.int64)
        for mean, sigma in ((160, 8), (480, 12), (900, 20), (500, 20))
    )
    steps = np.ones(200, np.int64)
    calibration = Calibration(read, 320, stamp, 320, steps, full, minimal, 320)
    got = figures([_grid()], calibration=calibration, rng=rng)
    return [
        figure_row("480 us for 320 stamps", 1.5, _find(got, "stamp_cost_us")),
        figure_row("900 and 500 us for 320", 1.25, _find(got, "observer_effect_us")),
    ]
