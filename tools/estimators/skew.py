"""Compare skew estimators on simulated clock exchanges; prints the table of decision 0005.

    python -m tools.estimators.skew [runs]

Truth is a skew of 37 ppm. ``held`` says how often the stated interval of the chosen estimator
(window minima) held it.
"""

from __future__ import annotations

import argparse
import itertools

import numpy as np
from numpy.typing import NDArray

from hil.analysis.clock_skew import exchanges, measure_skew
from hil.analysis.metric_sheet import MetricSheet
from hil.model.captures import Pings
from tools.synthetic_captures import clock_exchanges

TRUE_PPM = 37.0
FloatArray = NDArray[np.float64]


def delays(kind: str, n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Delay to the board and back, us."""
    if kind == "one-sided exponential 200 us":
        return 30 + rng.exponential(200, n), 30 + rng.exponential(200, n)
    if kind == "uniform 0-1 ms":
        return rng.uniform(0, 1000, n), rng.uniform(0, 1000, n)
    if kind == "two-sided normal 20 us":
        return 200 + rng.normal(0, 20, n), 200 + rng.normal(0, 20, n)
    if kind == "5 % spikes of 10 ms":
        base = 100 + rng.exponential(30, (2, n))
        hit = rng.random((2, n)) < 0.05
        both = base + hit * rng.exponential(10_000, (2, n))
        return both[0], both[1]
    if kind == "pty (median 150 us, p99 300 us)":
        both = 80 + 70 * np.exp(rng.normal(0, 0.5, (2, n)))
        return both[0], both[1]
    if kind == "pty, one way queues":
        return 60 + 40 * np.exp(rng.normal(0, 0.7, n)), 80 + 70 * np.exp(rng.normal(0, 0.5, n))
    raise ValueError(kind)


KINDS = (
    "one-sided exponential 200 us",
    "uniform 0-1 ms",
    "two-sided normal 20 us",
    "5 % spikes of 10 ms",
    "pty (median 150 us, p99 300 us)",
    "pty, one way queues",
)


def simulate(kind: str, times_s: FloatArray, rng: np.random.Generator) -> Pings:
    """One capture's pings with a board clock of 1 us steps."""
    out_us, back_us = delays(kind, times_s.size, rng)
    held_us = rng.uniform(5, 15, times_s.size)
    read_us = times_s * 1e6 + out_us
    return clock_exchanges(
        read_us, out_us, back_us, held_us=held_us, skew_ppm=TRUE_PPM, board_us=12345.6
    )


def line(x: FloatArray, y: FloatArray) -> float:
    """Least-squares slope."""
    return float(np.polyfit(x - x.mean(), y, 1)[0])


def hull_slope(x: FloatArray, y: FloatArray) -> float:
    """Slope of the lower hull's edge over the mean of x (Moon, Skelly & Towsley 1999)."""
    hull: list[int] = []
    for i in range(x.size):
        while len(hull) > 1:
            a, b = hull[-2], hull[-1]
            if (y[b] - y[a]) * (x[i] - x[a]) < (y[i] - y[a]) * (x[b] - x[a]):
                break
            hull.pop()
        hull.append(i)
    middle = x.mean()
    for a, b in itertools.pairwise(hull):
        if x[b] >= middle:
            return float((y[b] - y[a]) / (x[b] - x[a]))
    return 0.0


def main(runs: int) -> None:
    plans = {
        "10 Hz for 60 s": lambda rng: np.sort(np.arange(600) * 0.1 + rng.uniform(0, 0.05, 600)),
        "10 Hz for 10 s": lambda rng: np.sort(np.arange(100) * 0.1 + rng.uniform(0, 0.05, 100)),
        "100 before, 100 after 60 s": lambda rng: np.concatenate(
            (
                np.cumsum(rng.uniform(0.002, 0.006, 100)),
                60 + np.cumsum(rng.uniform(0.002, 0.006, 100)),
            )
        ),
    }
    print(f"RMS error in ppm over {runs} runs; held: the interval of the minima")
    print(
        f"{'exchanges':28}{'delay':34}{'LS':>8}{'minima':>8}{'hull':>8}{'max':>7}{'held':>8}{'width':>8}"
    )
    for plan, times in plans.items():
        for kind in KINDS:
            rng = np.random.default_rng(11)
            errors = np.zeros((runs, 3))
            held, width = 0, 0.0
            for run in range(runs):
                pings = simulate(kind, times(rng), rng)
                data = exchanges(pings)
                both = (data.forward_us - data.backward_us) / 2
                hull = hull_slope(data.time_s, data.forward_us) - hull_slope(
                    data.time_s, data.backward_us
                )
                sheet = MetricSheet()
                measure_skew([pings], 1.0, sheet)
                (fit,) = sheet.figures
                errors[run] = (
                    line(data.time_s, both) - TRUE_PPM,
                    fit.value - TRUE_PPM,
                    hull / 2 - TRUE_PPM,
                )
                assert fit.bounds.lo is not None
                assert fit.bounds.hi is not None
                held += fit.bounds.lo <= TRUE_PPM <= fit.bounds.hi
                width += (fit.bounds.hi - fit.bounds.lo) / runs
            rms = np.sqrt((errors**2).mean(axis=0))
            worst = np.abs(errors[:, 1]).max()
            print(
                f"{plan:28}{kind:34}{rms[0]:8.3f}{rms[1]:8.3f}{rms[2]:8.3f}{worst:7.2f}"
                f"{100 * held / runs:7.1f}%{width:8.3f}",
                flush=True,
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=int, nargs="?", default=1000, help="of each row")
    main(parser.parse_args().runs)
