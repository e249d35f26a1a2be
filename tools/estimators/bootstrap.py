"""Cosine errors against the moving-block bootstrap; prints the table of decision 0004.

    python -m tools.estimators.bootstrap [captures]

How often 95 % bounds of the rms period jitter hold the truth, for the estimate that the package
uses and for a moving-block bootstrap (block length after Politis & White 2004; percentile and
studentised intervals, both on the log scale), and the time that each takes.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hil.analysis.uncertainty.correlated import cell_means, mean_error

FloatArray = NDArray[np.float64]
Interval = tuple[float, float]
RESAMPLES = 599
STEP = 30.517578125
PERIOD = 10_000


def deviations(kind: str, n: int, rng: np.random.Generator) -> tuple[FloatArray, float]:
    """Deviation from the grid, and the true rms of the intervals."""
    white = rng.normal(0.0, 50.0, n)
    if kind == "AR(1) 0.9":
        x = np.empty(n)
        x[0] = white[0] / math.sqrt(1 - 0.81)
        for i in range(1, n):
            x[i] = 0.9 * x[i - 1] + white[i]
        return x, math.sqrt(2 * 2500 / (1 - 0.81) * 0.1)
    if kind == "random walk":
        return np.cumsum(white), 50.0
    if kind == "interference":
        wave = 100.0 * np.sin(2 * np.pi * 0.037 * np.arange(n) + rng.uniform(0, 2 * np.pi))
        return white + wave, math.sqrt(5000 + (200.0 * math.sin(math.pi * 0.037)) ** 2 / 2)
    if kind == "spikes":
        hit = rng.random(n) < 0.01
        return white + hit * rng.exponential(1000.0, n), math.sqrt(2 * (2500 + 2e4 - 100))
    if kind == "quantised":
        ideal = np.arange(n) * PERIOD
        seen = np.floor((ideal + white) / STEP) * STEP - ideal
        return seen, math.sqrt(5000.0 + STEP**2 / 6)
    return white, math.sqrt(5000.0)


def cosines(squares: FloatArray) -> Interval:
    """The package's way."""
    mean = float(squares.mean())
    width = mean_error(squares).half_width() / mean
    return math.sqrt(mean * math.exp(-width)), math.sqrt(mean * math.exp(width))


def block_length(z: FloatArray) -> int:
    """Automatic block length for a mean (Politis & White 2004, corrected 2009)."""
    n = z.size
    centred = z - z.mean()
    spectrum = np.fft.rfft(centred, 2 * n)
    auto = np.fft.irfft(spectrum * spectrum.conj())[:n] / n
    if auto[0] <= 0:
        return 1
    quiet, band = max(5, int(math.sqrt(math.log10(n)))), 2 * math.sqrt(math.log10(n) / n)
    longest = math.ceil(math.sqrt(n)) + quiet
    lag = longest
    for i in range(1, longest):
        if np.all(np.abs(auto[i : i + quiet] / auto[0]) < band):
            lag = i - 1
            break
    reach = min(2 * max(lag, 1), longest)
    k = np.arange(-reach, reach + 1)
    window = np.clip(2 * (1 - np.abs(k) / reach), 0, 1)
    density = float(window @ auto[np.abs(k)])
    slope = float((window * np.abs(k)) @ auto[np.abs(k)])
    if density == 0:
        return 1
    length = (2 * slope**2 / (4 / 3 * density**2)) ** (1 / 3) * n ** (1 / 3)
    return int(min(max(1, math.ceil(length)), math.ceil(min(3 * math.sqrt(n), n / 3))))


def bootstrap(squares: FloatArray, rng: np.random.Generator, studentised: bool) -> Interval:
    """Moving-block bootstrap of the mean square."""
    z = cell_means(squares)
    n, mean = z.size, float(z.mean())
    length = block_length(z)
    total = np.concatenate(([0.0], np.cumsum(z)))
    blocks = (total[length:] - total[:-length]) / length
    count = math.ceil(n / length)
    drawn = blocks[rng.integers(0, blocks.size, (RESAMPLES, count))]
    means = drawn.mean(axis=1)
    centre = float(blocks.mean())
    grow = math.sqrt(count / (count - 1))
    if not studentised:
        low, high = np.quantile(np.log(means / centre) * grow, [0.025, 0.975])
        return math.sqrt(mean * math.exp(low)), math.sqrt(mean * math.exp(high))
    errors = drawn.std(axis=1, ddof=1) / math.sqrt(count) / means
    scores = np.log(means / centre) / errors
    low, high = np.quantile(scores[np.isfinite(scores)], [0.025, 0.975])
    error = float(blocks.std()) * grow / math.sqrt(count) / mean
    return math.sqrt(mean * math.exp(-high * error)), math.sqrt(
        mean * math.exp(min(-low * error, 50.0))
    )


def main(captures: int) -> None:
    kinds = ("white", "AR(1) 0.9", "random walk", "interference", "spikes", "quantised")
    print(f"{captures} captures a row")
    print("| samples | error | cosines | bootstrap, percentile | bootstrap, studentised |")
    print("|--:|---|--:|--:|--:|")
    spent = np.zeros(3)
    for n in (300, 1000, 4000):
        for kind in kinds:
            rng = np.random.default_rng(5)
            ways: list[Callable[[FloatArray], Interval]] = [
                cosines,
                lambda y, rng=rng: bootstrap(y, rng, False),
                lambda y, rng=rng: bootstrap(y, rng, True),
            ]
            held = np.zeros(3)
            for _ in range(captures):
                x, truth = deviations(kind, n, rng)
                gaps = np.diff(x)
                squares = (gaps - gaps.mean()) ** 2 * gaps.size / (gaps.size - 1)
                for i, way in enumerate(ways):
                    start = time.perf_counter()
                    low, high = way(squares)
                    spent[i] += time.perf_counter() - start
                    held[i] += low <= truth <= high
            cells = " | ".join(f"{100 * h / captures:.1f} %" for h in held)
            print(f"| {n} | {kind} | {cells} |", flush=True)
    ratio = spent / spent[0]
    print(f"time against the cosines: {ratio[1]:.0f}x, {ratio[2]:.0f}x")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("captures", type=int, nargs="?", default=1000, help="of each row")
    main(parser.parse_args().captures)
