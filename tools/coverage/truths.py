"""What the truth of each figure is: the population value of the process that was drawn.

* lateness percentiles: of the lateness over windows of that length, drift included; of processes
  whose windows differ, over all windows;
* isr latency percentiles: the same of the latencies;
* ``period_mean_us``, ``schedule_drift_ppm``: the growth put in, in the mean over the windows;
* root mean squares of intervals and their changes: of the process, without the clock's step;
* ``tie_rms_us``: spread about the line, which a naive loop has none of;
* extremes have no finite population value under unbounded noise: what is tested is the tolerance
  statement, that so large a share of the population is covered.

Found from a million draws where there is no closed form.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tools.coverage.kinds import KINDS, PERIOD_US, FloatArray, Kind

DRAWS = 1_000_000
QUANTILES = {"p50": 0.5, "p99": 0.99, "p999": 0.999}
_LONG = 10_000
_MARGIN = 1e-9


@dataclass(frozen=True, slots=True)
class Truth:
    """The population of one kind: values by metric, and sorted samples of three series.

    ``carriers`` is, by metric, how many samples in a capture carry a root mean square,
    ``n E[y]**2 / E[y**2]``, for one sample.
    """

    values: dict[str, float]
    lateness: FloatArray
    intervals: FloatArray
    changes: FloatArray
    carriers: dict[str, float]


def windowed(kind: Kind) -> bool:
    """Whether the population depends on how long and how many the windows are."""
    return kind.naive or kind.changes or kind.between or kind.drift != 0.0


def truth_of(name: str, n: int, windows: int) -> Truth:
    """The truth of captures of ``n`` activations in so many windows."""
    kind = KINDS[name]
    rng = np.random.default_rng(7)
    parts: list[FloatArray] = []
    drawn = 0
    captured = 0
    while drawn < DRAWS and captured < 40_000:
        more = kind.capture(n, windows, rng) if windowed(kind) else [kind.draw(_LONG, 0, rng)]
        parts += more
        captured += 1
        drawn += sum(part.size for part in more)
    lateness = np.sort(np.concatenate(parts))
    intervals = np.concatenate([np.diff(part) for part in parts])
    changes = np.abs(np.concatenate([np.diff(part, 2) for part in parts]))
    growth = kind.drift
    if kind.changes:
        ends = [(part[-1] - part[0]) / (part.size - 1) for part in parts]
        growth = float(np.mean(ends))
    away = np.square(intervals - intervals.mean())
    squared = np.square(changes)
    values = {
        "period_mean_us": PERIOD_US + growth,
        "schedule_drift_ppm": growth / PERIOD_US * 1e6,
        "period_jitter_rms_us": math.sqrt(float(away.mean())),
        "c2c_jitter_rms_us": math.sqrt(float(squared.mean())),
    }
    carriers = {
        "period_jitter_rms_us": float(away.mean() ** 2 / np.square(away).mean()),
        "c2c_jitter_rms_us": float(squared.mean() ** 2 / np.square(squared).mean()),
    }
    for label, quantile in QUANTILES.items():
        at = float(lateness[math.ceil(quantile * lateness.size) - 1])
        values[f"lateness_{label}_us"] = at
        if not windowed(kind):
            values[f"isr_latency_{label}_us"] = at
    if not (kind.naive or kind.changes or kind.between):
        square = [np.square(_about_line(part)).mean() for part in parts]
        values["tie_rms_us"] = math.sqrt(float(np.mean(square)))
        if kind.drift == 0.0:
            values["tie_rms_us"] = float(lateness.std())
        off = np.square(lateness - lateness.mean())
        carriers["tie_rms_us"] = float(off.mean() ** 2 / np.square(off).mean())
    return Truth(values, lateness, np.sort(intervals), np.sort(changes), carriers)


def _about_line(part: FloatArray) -> FloatArray:
    at = np.arange(part.size) - (part.size - 1) / 2
    rest = part - part.mean()
    slope = float(np.dot(at, rest) / np.dot(at, at))
    # two parameters were fitted
    return (rest - slope * at) * math.sqrt(part.size / max(part.size - 2, 1))


def covered(population: FloatArray, low: float, high: float) -> float:
    """Share of a sorted population from ``low`` to ``high``."""
    below, up_to = np.searchsorted(population, (low, high), side="left")
    return float(up_to - below) / population.size + _MARGIN
