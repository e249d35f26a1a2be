"""Synthetic stamps with known properties, sent through the whole way: one row for every metric.

Nothing but the board is replaced: the stamps are encoded as a board would, decoded, assembled and
analysed. Stamps are whole microseconds of a 30-bit clock that wraps inside the capture.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from truth_rows import Row, figure_row

from hil.analysis.summary import summarise
from hil.records import BoardIdentity, Capture, CapturePlan, Measurement, TaskPlan
from hil.wire.assemble import assemble
from hil.wire.decoder import decode
from hil.wire.encode import StreamEncoder
from hil.wire.pings import HostPing

FloatArray = NDArray[np.float64]
T_US = 10_000
N = 6000
TICKS = 1 << 30
START = TICKS - 20_000_000  # wraps after 20 s of 60
SIGMA = 50.0
Z = {"p99": 2.3263478740408408, "p999": 3.090232306167813}


@dataclass
class Board:
    """What a synthetic board sends: activation times (us from the window's start) and the rest."""

    tasks: list[FloatArray]
    technique: str = "timer_hard"
    dropped: int = 0
    events: Mapping[str, FloatArray] = field(default_factory=dict)
    values: Mapping[str, FloatArray] = field(default_factory=dict)
    counters: Mapping[str, int] = field(default_factory=dict)
    skew_ppm: float = 0.0
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(11))

    def figures(self) -> list[Measurement]:
        """Send everything and analyse what arrives."""
        window = N * T_US
        plan = CapturePlan(
            self.technique, "idle", tuple(TaskPlan(k, T_US) for k in range(len(self.tasks))), window
        )
        identity = BoardIdentity(
            "synthetic", "-", "sim", "none", "none", "0", TICKS, tick_resolution_us=1.0
        )
        sent = StreamEncoder()
        sent.text("H", v=1, technique=self.technique, load="idle", tp=TICKS, tasks=len(self.tasks))
        host = self._pings(sent)
        names = [f"task{k}" for k in range(len(self.tasks))]
        ticks = [*self.tasks, *self.events.values()]
        for index, name in enumerate([*names, *self.events]):
            kind = "ticks" if index < len(names) else "slots"
            sent.text("C", i=index, name=name, kind=kind)
        for index, name in enumerate(self.values, len(ticks)):
            sent.text("C", i=index, name=name, kind="value")
        for k in range(len(self.tasks)):
            sent.text("G", task=k, origin=START, offset=0, period=T_US)
        for index, times in enumerate(ticks):
            sent.stamps(index, self._ticks(times))
            lost = self.dropped if index == 0 and self.tasks else 0
            sent.text("T", i=index, n=len(times), dropped=lost)
        for index, values in enumerate(self.values.values(), len(ticks)):
            sent.stamps(index, np.round(values).astype(np.int64), order=0)
            sent.text("T", i=index, n=len(values), dropped=0)
        sent.text(
            "E",
            us0=START,
            us1=(START + window) % TICKS,
            ms0=5,
            ms1=5 + window // 1000,
            status="ok",
            **self.counters,
        )
        decoded = decode(sent.data)
        arrivals = {
            frame.line_end: ping.rx_ns
            for frame, ping in zip((f for f in decoded.texts if f.kind == "P"), host, strict=True)
        }
        capture: Capture = assemble(decoded, identity, plan, host, lambda at: arrivals[at])
        assert not capture.faults, capture.faults
        return list(summarise(capture).measurements)

    def _ticks(self, times: FloatArray) -> NDArray[np.int64]:
        return (np.round(times).astype(np.int64) + START) % TICKS

    def _pings(self, sent: StreamEncoder) -> list[HostPing]:
        """600 exchanges over the window, delays exponential and one-sided (100 us beyond 40)."""
        pings = []
        for number, at_us in enumerate(np.linspace(0, 50_000_000, 600)):
            out, back = 40 + self.rng.exponential(100, 2)
            board = at_us * (1 + self.skew_ppm * 1e-6)
            rx = int(np.round(board + START)) % TICKS
            sent.text("P", n=number, rx=rx, tx=rx)
            tx_ns, rx_ns = (at_us - out) * 1000, (at_us + back) * 1000
            pings.append(HostPing(10**12 + round(tx_ns), 10**12 + round(rx_ns)))
        return pings


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
    got = Board([_grid() + late], rng=rng).figures()
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
    got = Board([stamps], technique="round_robin", skew_ppm=37.0, rng=rng).figures()
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
    got = Board([_grid() + late], rng=rng).figures()
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
    got = Board([stamps], technique="timer_soft", rng=rng).figures()
    room = Board([(_grid() + late)[:-250]], technique="timer_soft", dropped=250, rng=rng).figures()
    return [
        figure_row("4 releases lost", 4, _find(got, "missed")),
        figure_row("3 stalls of 3 periods", 9, _find(got, "overruns")),
        figure_row("no room for 250", 250, _find(room, "dropped")),
    ]


def _events(rng: np.random.Generator) -> list[Row]:
    """Latencies from an exponential distribution beyond 20 us; deferral likewise, 50 lost."""
    count = 10_000
    at = np.cumsum(rng.uniform(1_000, 5_000, count))
    isr = np.round(at) + np.round(20 + rng.exponential(10, count))
    defer = isr + np.round(40 + rng.exponential(30, count))
    lost = rng.choice(count, 50, replace=False)
    events = {
        "stim.loopback/hard": np.round(at),
        "isr.loopback/hard": isr,
        "defer.loopback/hard": defer,
    }
    got = _Lossy([_grid()], "event_irq", events=events, rng=rng, lost=lost).figures()
    rows = []
    for stage, floor, scale in (("isr", 20, 10), ("defer", 40, 30)):
        for part, tail in (("p50", 0.5), ("p99", 0.01), ("p999", 0.001)):
            truth = floor + scale * math.log(1 / tail)
            found = _find(got, f"{stage}_latency_{part}_us", "loopback/hard")
            rows.append(figure_row(f"exponential {scale} us", truth, found, step=0.5))
        found = _find(got, f"{stage}_latency_min_us", "loopback/hard")
        rows.append(figure_row(f"exponential {scale} us", floor, found, step=1.0))
        kept = isr - np.round(at) if stage == "isr" else np.delete(defer - isr, lost)
        for name, truth in (
            (f"{stage}_latency_max_us", kept.max()),
            (f"{stage}_jitter_pp_us", np.ptp(kept)),
        ):
            rows.append(
                figure_row("its largest", truth, _find(got, name, "loopback/hard"), step=0.5)
            )
    missing = [
        m for m in got if m.metric == "missed" and m.method and (m.note or "").startswith("defer")
    ]
    rows.append(figure_row("50 deferrals lost", 50, missing[0] if missing else None))
    return rows


@dataclass
class _Lossy(Board):
    """A board on which some deferred calls never ran: their slots hold -1."""

    lost: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    def _ticks(self, times: FloatArray) -> NDArray[np.int64]:
        ticks = super()._ticks(times)
        if times is self.events["defer.loopback/hard"]:
            ticks[self.lost] = -1
        return ticks


def _lights(rng: np.random.Generator) -> list[Row]:
    grid = _grid()
    still = Board([grid + rng.normal(50, 30, N), grid + rng.normal(50, 40, N)], rng=rng).figures()
    apart = Board([grid, grid * (1 + 20e-6) + rng.normal(0, 20, N)], rng=rng).figures()
    soon = Board([grid, grid * (1 + 100e-6)], rng=rng).figures()
    return [
        figure_row("noise 30 and 40 us", 50, _find(still, "phase_error_rms_us")),
        figure_row("20 ppm apart", 0.25 * T_US / 20, _find(apart, "desync_s")),
        figure_row("100 ppm apart", 0.25 * T_US / 100, _find(soon, "desync_s"), step=0.02),
    ]


def _instrument(rng: np.random.Generator) -> list[Row]:
    values = {
        "cal.read": rng.normal(160, 8, 200),
        "cal.stamp": rng.normal(480, 12, 200),
        "cal.step": np.ones(200),
        "cal.task": rng.normal(900, 20, 200),
        "cal.empty": rng.normal(500, 20, 200),
    }
    batch = {"read_batch": 320, "stamp_batch": 320, "task_batch": 320}
    got = Board([_grid()], values=values, counters=batch, rng=rng).figures()
    return [
        figure_row("480 us for 320 stamps", 1.5, _find(got, "stamp_cost_us")),
        figure_row("900 and 500 us for 320", 1.25, _find(got, "observer_effect_us")),
    ]
