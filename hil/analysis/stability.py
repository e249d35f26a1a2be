"""Stability of a task against averaging time: its noise by name, and figures with bounds.

The deviations themselves are in :mod:`hil.analysis.deviations`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hil.analysis.activations import Activations, lateness_us
from hil.analysis.deviations import (
    adev_terms,
    adevs,
    mean_square,
    mtie,
    octaves,
    running_sum,
    tdev_terms,
    without_line,
)
from hil.analysis.estimates import Bounds, Sheet
from hil.analysis.uncertainty import rms_bounds

FloatArray = NDArray[np.float64]

INDEPENDENT = 64
SLOPE_TERMS = 100_000
TOO_FEW = "too few independent windows of this length for bounds"
NO_BOUNDS_OF_EXTREMES = "no bounds: an extreme of this window"
_LABELS = {0.1: "100ms", 1.0: "1s", 10.0: "10s"}
_NAMES = (
    (-1.5, "white phase noise"),
    (-1.0, "flicker phase noise"),
    (-0.5, "random walk of phase"),
    (0.0, "flicker frequency noise"),
    (0.5, "random walk of frequency"),
    (1.0, "frequency drift"),
)


@dataclass(frozen=True, slots=True)
class Curve:
    """One stability figure over averaging time; ``lo``/``hi`` are ``nan`` where not given."""

    name: str
    unit: str
    tau_s: FloatArray
    value: FloatArray
    lo: FloatArray
    hi: FloatArray


def noise_type(x: FloatArray, tau0: float) -> tuple[float, str] | None:
    """Slope of MDEV over averaging time on log scales and the name of that noise.

    Fitted over factors up to n/16, weighted with the number of independent windows; ``None`` for
    fewer than 64 activations or no noise at all.
    """
    factors = octaves(x.size, 16)
    if x.size < 64:
        return None
    whole = _bridge(without_line(x))
    sums = running_sum(whole)
    every = max(1, x.size // SLOPE_TERMS)
    found = []
    for m in factors:
        # a part of the terms, evenly taken, tells the slope as well as all of them
        starts = np.arange(0, whole.size - 3 * m + 1, every)
        terms = sums[starts + 3 * m] - 3.0 * (sums[starts + 2 * m] - sums[starts + m])
        terms -= sums[starts]
        found.append(terms)
    return name_noise(found, factors, x.size, tau0)


def name_noise(
    terms: Sequence[FloatArray], factors: Sequence[int], n: int, tau0: float
) -> tuple[float, str] | None:
    """As :func:`noise_type`, from ``m`` times some of the :func:`tdev_terms` of each factor."""
    found = [
        math.sqrt(mean_square(some) / 2.0) / (m * m * tau0) if some.size else 0.0
        for m, some in zip(factors, terms, strict=True)
    ]
    values = np.array(found)
    good = np.isfinite(values) & (values > 0)
    if good.sum() < 3:
        return None
    at = np.log(np.array(factors, dtype=np.float64)[good])
    weight = np.sqrt(n / np.array(factors, dtype=np.float64)[good])
    slope = float(np.polyfit(at, np.log(values[good]), 1, w=np.sqrt(weight))[0])
    return slope, min(_NAMES, key=lambda entry: abs(entry[0] - slope))[1]


def note_of(kind: tuple[float, str] | None) -> str | None:
    """The kind of noise for a person."""
    return f"{kind[1]} (MDEV slope {kind[0]:.2f})" if kind else None


def points(tau0_us: float) -> dict[int, str]:
    """Averaging factors of the figures that are always given, and their names."""
    return {max(1, round(s * 1e6 / tau0_us)): name for s, name in _LABELS.items()}


def _bridge(x: FloatArray) -> FloatArray:
    """The longest stretch of ``x`` with nothing missing, for sums over windows."""
    gaps = np.flatnonzero(np.isnan(x))
    if gaps.size == 0:
        return x
    edges = np.concatenate(([-1], gaps, [x.size]))
    longest = int(np.argmax(np.diff(edges)))
    return x[edges[longest] + 1 : edges[longest + 1]]


def time_error(act: Activations) -> FloatArray:
    """Lateness in us by release, ``nan`` where no activation answered it (missed or lost)."""
    late = lateness_us(act)
    if act.n == 0 or int(act.index[-1] - act.index[0]) + 1 == act.n:
        return late
    size = int(act.index[-1] - act.index[0]) + 1
    if size > 4 * act.n + 16:
        return late
    filled = np.full(size, math.nan)
    filled[act.index - act.index[0]] = late
    return filled


def _bounds(terms: FloatArray, m: int, scale: float, clock_us: float) -> Bounds:
    if terms.size < INDEPENDENT * m:
        return Bounds(why_not=TOO_FEW)
    np.square(terms, out=terms)
    if math.isnan(float(terms.sum())):
        terms = terms[np.isfinite(terms)]
    bounds = rms_bounds(terms, 0, clock_us, 3 * m)
    if bounds.lo is None or bounds.hi is None:
        return bounds
    return Bounds(bounds.lo * scale, bounds.hi * scale)


def figures(
    x: FloatArray, tau0_us: float, tick_us: float, factors: Sequence[int]
) -> Iterator[tuple[str, int, float, Bounds]]:
    """``(adev | tdev | mtie, m, value, bounds)`` for every factor that ``x`` is long enough for.

    ``x`` is used up: the line is taken off it in place.
    """
    if x.size < 4:
        return
    extremes = mtie(x, factors)
    flat = without_line(x, in_place=True)
    whole = _bridge(flat)
    sums = running_sum(whole)
    deviations = adevs(flat, tau0_us, factors)
    for m, extreme, deviation in zip(factors, extremes, deviations, strict=True):
        if x.size >= 4 * m:
            scale = 1.0 / (math.sqrt(2.0) * m * tau0_us)
            bounds = Bounds(why_not=TOO_FEW)
            if x.size - 2 * m >= INDEPENDENT * m:
                bounds = _bounds(adev_terms(flat, m), m, scale, tick_us**2 / 2.0)
            yield "adev", m, float(deviation), bounds
        if whole.size >= 4 * m:
            terms = tdev_terms(whole, m, sums)
            scale = 1.0 / math.sqrt(6.0)
            value = math.sqrt(mean_square(terms)) * scale
            yield "tdev", m, value, _bounds(terms, m, scale, tick_us**2 / 2.0 / m)
        if math.isfinite(extreme):
            yield "mtie", m, float(extreme), Bounds(why_not=NO_BOUNDS_OF_EXTREMES)


def curves(act: Activations, tick_us: float) -> tuple[Curve, ...]:
    """ADEV, TDEV and MTIE over octaves, for the report."""
    x = time_error(act)
    rows: dict[str, list[tuple[float, float, float, float]]] = {"adev": [], "tdev": [], "mtie": []}
    for name, m, value, bounds in figures(x, act.period_us, tick_us, octaves(x.size)):
        lo = math.nan if bounds.lo is None else bounds.lo
        hi = math.nan if bounds.hi is None else bounds.hi
        rows[name].append((m * act.period_us / 1e6, value, lo, hi))
    result = []
    for name, entries in rows.items():
        columns = np.array(entries, dtype=np.float64).reshape(-1, 4).T
        result.append(Curve(name, "1" if name == "adev" else "us", *columns))
    return tuple(result)


def measure_stability(x: FloatArray, tau0_us: float, n: int, tick_us: float, sheet: Sheet) -> None:
    """Add ADEV, TDEV and MTIE at 0.1, 1 and 10 s, with the kind of noise in the note.

    ``x`` is the :func:`time_error` of ``n`` activations; it is used up.
    """
    note = note_of(noise_type(x, tau0_us))
    labels = points(tau0_us)
    for name, m, value, bounds in figures(x, tau0_us, tick_us, sorted(labels)):
        unit = "" if name == "adev" else "_us"
        sheet.add(f"{name}_{labels[m]}{unit}", value, n, bounds, note=note)
