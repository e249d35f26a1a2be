"""How often the stated 95 % bounds hold the truth, over seeded synthetic captures.

    python -m tools.coverage [captures per kind] [--write docs/explanation/coverage.md]

Each capture goes through the same door as a real one (``hil.analysis.summarise``): stamps are
rounded down to the clock's step, the grid's origin too. *Truth* is the population value of the
generating process, computed from the formula or from 4 million draws:

* percentiles: of the distribution of the lateness over the window, drift included;
* root mean squares: of the process, without the clock's step; TIE without the drift;
* ``period_mean_us``, ``schedule_drift_ppm``, ``clock_skew_ppm``: the parameter put in;
* ``desync_s``: the time put in, for a constant difference of the two periods;
* extremes have no finite population value under unbounded noise. They come without bounds and with
  a tolerance statement (*with 95 % confidence it covers s of the population*), which is tested.

A random walk has no distribution of lateness or TIE: there the figures come without bounds. Column
``given`` says in how many captures bounds were given, ``held`` how often they held the truth then.
"""

from __future__ import annotations

import argparse
import math
import re
from collections import defaultdict
from collections.abc import Callable
from functools import lru_cache, partial
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hil.experiments.evaluation import summarise_capture
from hil.model.captures import Calibration, Capture, CapturePlan, EventSet
from hil.model.results import Measurement
from tools import synthetic_captures
from tools.estimators import skew
from tools.synthetic_captures import board, quantise

FloatArray = NDArray[np.float64]
PERIOD = 10_000
STAMP_COST = 5.3
N = 4_000
GOAL = (93.0, 97.0)
HEAD = """# Coverage of the stated bounds

Printed by `python -m tools.coverage`, which also says what the truth of each metric is.
Rows marked *wide* hold more often than they need to: a drift under interference, whose blocks vary
more than the slope, and 99.9 % percentiles that rest on four samples. *none*: no bounds are given,
for the reason in the note of the figure.

"""
KINDS = ("white", "random walk", "interference", "spikes", "drift", "quantised", "stalls")
QUANTILES = {"p50": 0.5, "p99": 0.99, "p999": 0.999}
DRIFT = {"drift": 40e-6, "random walk": 3000e-6}


def noise(kind: str, n: int, rng: np.random.Generator) -> FloatArray:
    """Deviation of ``n`` activations from their line, us."""
    if kind == "random walk":
        return np.cumsum(rng.normal(0.0, 20.0, n))
    base = 200.0 + rng.normal(0.0, 50.0, n)
    if kind == "interference":
        phase = rng.uniform(0.0, 2 * np.pi)
        return base + 60.0 * np.sin(2 * np.pi * 0.0371 * np.arange(n) + phase)
    if kind == "stalls":
        return base + (rng.random(n) < 0.004) * rng.uniform(1000.0, 8000.0, n)
    if kind == "spikes":
        return base + (rng.random(n) < 0.03) * rng.normal(400.0, 100.0, n)
    return base


@lru_cache(maxsize=8)
def population(kind: str) -> FloatArray:
    """Four million sorted draws of the lateness over one window."""
    rng = np.random.default_rng(7)
    draws = 4_000_000
    if kind == "interference":
        at = rng.uniform(0.0, 2 * np.pi, draws)
        values = 200.0 + rng.normal(0.0, 50.0, draws) + 60.0 * np.sin(at)
    else:
        values = noise(kind, draws, rng)
    values += DRIFT.get(kind, 0.0) * PERIOD * rng.integers(0, N, draws)
    return np.sort(values)


@lru_cache(maxsize=64)
def truth(metric: str, kind: str) -> float | None:
    """The population value of ``metric``, or ``None`` where there is none."""
    drift = DRIFT.get(kind, 0.0)
    latency = re.fullmatch(r"(?:lateness|isr_latency|defer_latency)_(p\d+)_us", metric)
    if latency and latency[1] == "p50" and kind in ("white", "interference", "quantised"):
        return 200.0
    if latency and kind != "random walk":
        ordered = population("white" if kind == "quantised" else kind)
        return float(ordered[math.ceil(QUANTILES[latency[1]] * ordered.size) - 1])
    variance = {
        "random walk": 400.0,
        "spikes": 2500.0 + 0.03 * 0.97 * 400.0**2 + 0.03 * 100.0**2,
        "stalls": 2500.0 + 0.004 * 0.996 * 4500.0**2 + 0.004 * 7000.0**2 / 12,
    }.get(kind, 2500.0)
    step = 2 * np.sin(np.pi * 0.0371)
    tone = 1800.0 if kind == "interference" else 0.0
    walk = kind == "random walk"
    values = {
        "period_mean_us": PERIOD * (1.0 + drift),
        "schedule_drift_ppm": drift * 1e6,
        "period_jitter_rms_us": math.sqrt((1 if walk else 2) * variance + tone * step**2),
        "c2c_jitter_rms_us": math.sqrt((2 if walk else 6) * variance + tone * step**4),
        "tie_rms_us": None if walk else math.sqrt(variance + tone),
    }
    for label, m in (("100ms", 10), ("1s", 100)):
        span = m * PERIOD
        tone2 = tone * (2 * np.sin(np.pi * 0.0371 * m)) ** 4 / 2
        avar = (m * variance if walk else 3 * variance + tone2) / span**2
        values[f"adev_{label}"] = math.sqrt(avar)
        # mean of the squared second differences of means over m samples
        block = (np.sin(np.pi * 0.0371 * m) / (m * np.sin(np.pi * 0.0371))) ** 2
        tvar = (6 * variance / m + tone * block * (2 * np.sin(np.pi * 0.0371 * m)) ** 4) / 6
        values[f"tdev_{label}_us"] = None if walk else math.sqrt(tvar)
    return values.get(metric)


def level(seed: int) -> float:
    """A part of a microsecond, so that the truth lies anywhere between two clock steps."""
    return (seed * 0.6180339887) % 1.0


def capture(kind: str, seed: int) -> Capture:
    """One synthetic capture: a task, an event set and the instrument's calibration."""
    rng = np.random.default_rng((seed, KINDS.index(kind)))
    step = 30.517578125 if kind == "quantised" else 1.0
    origin = rng.uniform(1e6, 2e6)
    # windows of different lengths, so that an interference ends at any phase
    count = N + (int(rng.integers(0, 100)) if kind == "interference" else 0)
    grid = origin + np.arange(count) * PERIOD * (1.0 + DRIFT.get(kind, 0.0))
    grid += level(seed)
    stamps = quantise(grid + noise(kind, count, rng), step)
    start = int(quantise(np.array([origin]), step)[0])
    stimulus = origin + np.cumsum(rng.uniform(5_000, 6_000, N))
    events: tuple[EventSet, ...] = ()
    if kind not in DRIFT:
        handled = quantise(stimulus + level(seed) + STAMP_COST + noise(kind, N, rng), step)
        events = (EventSet("isr", "synthetic", quantise(stimulus, step), handled),)
    began = rng.uniform(0.0, 1e6, 60)
    took = 1000 * STAMP_COST + rng.exponential(40.0, 60) - 40.0 * math.log(2)
    cost = quantise(began + took, step) - quantise(began, step)
    return synthetic_captures.capture(
        [stamps - start - synthetic_captures.grid(count)],
        of=board(step_us=step),
        technique="thread" if kind == "random walk" else "timer_hard",
        origin_us=start,
        events=events,
        calibration=Calibration(np.zeros(0, np.int64), 1, cost, 1000, np.zeros(0, np.int64)),
    )


def judge(kind: str, seed: int) -> list[tuple[str, str, float | None, bool, bool]]:
    """``(metric, kind, relative width, truth below lo, truth above hi)`` for one capture."""
    rows = []
    for figure in summarise_capture(capture(kind, seed)).measurements:
        share = re.search(r"covers ([\d.]+) %", figure.remarks or "")
        if share and figure.metric == "lateness_max_us" and kind != "random walk":
            step = 30.5 if kind == "quantised" else 1.0
            ordered = population("white" if kind == "quantised" else kind)
            below = np.searchsorted(ordered, figure.value + step - level(seed))
            covered = float(below) / ordered.size
            rows.append(("lateness_max_us *", kind, 0.0, False, covered < float(share[1]) / 100))
            continue
        target = STAMP_COST if figure.metric == "stamp_cost_us" else truth(figure.metric, kind)
        if target is not None and figure.metric.startswith(("lateness", "isr_latency")):
            target += level(seed)
        if walk_tdev(figure.metric, kind):
            continue
        if figure.metric in ("missed", "overruns", "dropped") or (
            target is None and figure.lo is None
        ):
            continue
        rows.append(_row(figure, kind, target))
    return rows


def walk_tdev(metric: str, kind: str) -> bool:
    """TDEV of a random walk has no short formula; ADEV of the same data stands for it."""
    return kind == "random walk" and metric.startswith("tdev")


def _row(
    figure: Measurement, kind: str, target: float | None
) -> tuple[str, str, float | None, bool, bool]:
    if figure.lo is None or figure.hi is None:
        return figure.metric, kind, None, False, False
    if target is None:
        # bounds where there is nothing to bound: always wrong
        return figure.metric, kind, 0.0, True, True
    width = (figure.hi - figure.lo) / abs(target) if target else 0.0
    return figure.metric, kind, width, target < figure.lo, target > figure.hi


def judge_skew(kind: str, seed: int) -> list[tuple[str, str, float | None, bool, bool]]:
    """The same for the clock comparison: 10 exchanges per second for 60 s."""
    rng = np.random.default_rng((seed, 99))
    times = np.arange(600) * 0.1 + rng.uniform(0, 0.05, 600)
    pings = skew.simulate(kind, times, rng)
    plan = CapturePlan("none", "idle", (), 0)
    rows = []
    for figure in summarise_capture(Capture(board(), plan, pings=pings)).measurements:
        if figure.metric == "clock_skew_ppm":
            rows.append(_row(figure, kind, skew.TRUE_PPM))
    return rows


def judge_lights(kind: str, seed: int) -> list[tuple[str, str, float | None, bool, bool]]:
    """The railroad lights: when does the line reach a quarter period, when does the walk?"""
    rng = np.random.default_rng((seed, 77))
    walk = rng.normal(0.0, 5.0, 200 * N)
    if kind == "lights, drift":
        error = np.cumsum(np.full(N, 20e-6 * PERIOD)) + rng.normal(0.0, 50.0, N)
        when = PERIOD / 4 / 20.0
    elif kind == "lights, random walk":
        path = np.cumsum(walk)
        if np.abs(path[:N]).max() > PERIOD / 4 - 50:
            return []
        error = path[:N]
        when = float(np.argmax(np.abs(path) > PERIOD / 4)) * PERIOD / 1e6
    else:
        error, when = rng.normal(30.0, 50.0, N), math.inf
    start = rng.uniform(1e6, 2e6)
    grid = start + np.arange(N) * PERIOD + 200.0
    origin = math.floor(start)
    both = [quantise(grid + extra) - origin - synthetic_captures.grid(N) for extra in (0.0, error)]
    taken = synthetic_captures.capture(both, origin_us=origin)
    rows = []
    for figure in summarise_capture(taken).measurements:
        if figure.metric == "desync_s" and not math.isinf(when):
            rows.append(_row(figure, kind, when))
        if figure.metric == "desync_s" and math.isinf(when):
            claim = "never" in (figure.remarks or "")
            rows.append(("desync_s 'never'", kind, 0.0, not claim, False))
        if figure.metric == "phase_error_rms_us":
            target = math.hypot(30.0, 50.0) if math.isinf(when) else None
            if target is not None or figure.lo is not None:
                rows.append(_row(figure, kind, target))
    return rows


def table(results: list[list[tuple[str, str, float | None, bool, bool]]], captures: int) -> str:
    """Markdown table: one row per metric and kind."""
    counts: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0, 0, 0, 0, 0])
    for rows in results:
        for metric, kind, width, below, above in rows:
            cell = counts[metric, kind]
            cell[0] += 1
            if width is not None:
                cell[1] += 1
                cell[2] += below
                cell[3] += above and not below
                cell[4] += width

    def kinds(metric: str, kind: str) -> int:
        return sum(name == metric for name, _ in counts) - 1 if kind == "**all**" else 1

    lines = [
        f"{captures} captures of {N} activations for each kind; goal {GOAL[0]:g}-{GOAL[1]:g} %.",
        "",
        "| metric | kind | bounds given | held | below lo | above hi | mean width | |",
        "|---|---|--:|--:|--:|--:|--:|---|",
    ]
    for metric in sorted({name for name, _ in counts}):
        parts = np.array([cell for (name, _), cell in counts.items() if name == metric])
        _, given, below, above, width = parts.sum(axis=0)
        counts[metric, "**all**"] = [given, given, below, above, width]
    for (metric, kind), (_, given, below, above, width) in sorted(counts.items()):
        if given < 0.02 * captures:
            lines.append(f"| {metric} | {kind} | {100 * given / captures:.0f} % | | | | | none |")
            continue
        held = 100.0 * (given - below - above) / given
        high = 100.0 if metric.endswith("*") else GOAL[1]
        word = "ok" if GOAL[0] <= held <= high else ("narrow" if held < GOAL[0] else "wide")
        part = 100 * given / (captures * kinds(metric, kind))
        lines.append(
            f"| {metric} | {kind} | {part:.0f} % | {held:.1f} % "
            f"| {100 * below / given:.1f} % | {100 * above / given:.1f} % "
            f"| {100 * width / given:.2g} % | {word} |"
        )
    lines += ["", "\\* tolerance statement, one-sided: at least 95 %."]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("captures", type=int, nargs="?", default=1000)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--kinds", default=",".join((*KINDS, "pty", "lights")))
    arguments = parser.parse_args()
    jobs: list[tuple[Callable[[int], list], range]] = []
    wanted = arguments.kinds
    for kind in KINDS:
        if kind in wanted:
            jobs.append((partial(judge, kind), range(arguments.captures)))
    if "pty" in wanted:
        jobs += [(partial(judge_skew, k), range(arguments.captures)) for k in skew.KINDS]
    if "lights" in wanted:
        lights = ("lights, drift", "lights, random walk", "lights, still")
        jobs += [(partial(judge_lights, k), range(arguments.captures)) for k in lights]
    results = []
    with Pool(2) as pool:
        for work, seeds in jobs:
            results += pool.map(work, seeds, chunksize=25)
    text = table(results, arguments.captures)
    print(text)
    if arguments.write:
        arguments.write.write_text(HEAD + text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
