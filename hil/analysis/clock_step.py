"""The step of a board's clock, from unevenly spaced readings.

A loop that reads the clock in a fixed rhythm may see one of every few steps only, so the readings
are unevenly spaced, and the step is the largest one of which all of them are multiples. A step that
is no whole number of microseconds is cut to whole ones in each reading: of 30.52 us come 30 and 31.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hil.model.captures import FloatArray, IntArray

FEWEST = 24
"""Readings that differ from the one before, without which a step is not looked for."""
_GROUP = 8
_MOST_GROUPS = 64
_PAIRS = 256
_NEAR = 0.1  # us that a candidate may be off at the end of what it is tried on
_CORRECTED = 0.94  # share of the pairs that must fit: a clock may be corrected now and then
_FITTING = 0.6  # of the groups; a corrected pair spoils its group
_UNCLEAR_US = 2.25  # any reading is less than 1 us from a multiple of a little more than 2
_BLOCK = 256


def clock_step_us(readings_us: IntArray) -> float | None:
    """The largest step with the readings on it, at least 1; ``None`` if too few of them differ.

    ``readings_us`` (n,) in the order of time. Where a clock is corrected, the readings behind are
    on a grid of their own. A step that is no whole number cannot be told from 1 below 2.25 us.
    """
    return _step_of(readings_us.astype(np.int64).tobytes())


@lru_cache(maxsize=64)
def _step_of(readings: bytes) -> float | None:
    readings_us = np.frombuffer(readings, np.int64)
    differences = np.diff(readings_us)
    changed = differences[differences != 0]
    if changed.size < FEWEST:
        return None
    forward = np.sort(changed[changed > 0])[:_PAIRS]
    if forward.size < FEWEST // 2:
        return None
    groups = _groups(readings_us[np.concatenate(([True], differences != 0))])
    largest = float(forward[forward.size // 20]) + 1.0
    candidates = _candidates(2.0, largest, float(forward[-1]))
    fits = _pairs_fit(forward, candidates)
    span = float(np.ptp(groups, axis=1).max()) if groups.size else 0.0
    tried = 0.0
    for index in np.flatnonzero(fits)[::-1]:
        low = candidates[index - 1] if index else 2.0
        high = candidates[index + 1] if index + 1 < candidates.size else largest
        if tried:
            high = min(high, tried)
        tried = low
        step = _group_step(groups, low, high, span)
        step = None if step is None else _refined(changed, step)
        if step is not None and (step == 2.0 or step > _UNCLEAR_US) and _holds(groups, step):
            return step
    return 1.0


def _candidates(low: float, high: float, span: float) -> FloatArray:
    """Steps from low to high, each so near the next that over ``span`` they are 0.1 us apart."""
    if high <= low:
        return np.array([low])
    count = 2 + int(np.log(high / low) * span / _NEAR)
    fine: FloatArray = np.geomspace(low, high, count)
    return np.union1d(fine, np.arange(np.ceil(low), np.floor(high) + 1.0))


def _pairs_fit(differences: IntArray, candidates: FloatArray) -> NDArray[np.bool_]:
    fits = np.empty(candidates.size, np.bool_)
    for start in range(0, candidates.size, _BLOCK):
        steps = candidates[start : start + _BLOCK, None]
        away = np.abs(differences - steps * np.rint(differences / steps))
        fits[start : start + _BLOCK] = (away < 1.0).mean(axis=1) >= _CORRECTED
    return fits


def _groups(readings_us: IntArray) -> IntArray:
    """Neighbouring readings, (groups, 8), from each group's first on; none that steps back."""
    whole = readings_us.size // _GROUP
    groups = readings_us[: whole * _GROUP].reshape(whole, _GROUP)
    groups = groups[(np.diff(groups, axis=1) > 0).all(axis=1)][:_MOST_GROUPS]
    result: IntArray = groups - groups[:, :1]
    return result


def _group_step(groups: IntArray, low: float, high: float, span: float) -> float | None:
    """The largest step in the range on which most groups lie, each as a whole."""
    if not groups.size:
        return None
    candidates = _candidates(low, high, span)[::-1]
    for start in range(0, candidates.size, _BLOCK):
        arcs = _arcs(groups, candidates[start : start + _BLOCK])
        good = np.flatnonzero((arcs < 1.0 - 1e-9).mean(axis=1) >= _FITTING)
        if good.size:
            return float(candidates[start + good[0]])
    return None


def _arcs(groups: IntArray, steps: FloatArray) -> FloatArray:
    """How far the readings of each group are apart within a step, (steps, groups) us."""
    circle = steps[:, None, None]
    phases = np.sort(groups % circle, axis=2)
    inner = np.diff(phases, axis=2).max(axis=2)
    outer = phases[:, :, 0] + circle[:, :, 0] - phases[:, :, -1]
    result: FloatArray = circle[:, :, 0] - np.maximum(inner, outer)
    return result


def _holds(groups: IntArray, step_us: float) -> bool:
    """Whether the groups are on the step as wholes that are so pair by pair.

    Any two readings are less than 1 us from a whole number of steps of some 2 us.
    """
    pairs = np.diff(groups, axis=1)
    usable = (np.abs(pairs - step_us * np.rint(pairs / step_us)) < 1.0).all(axis=1)
    if not usable.any():
        return False
    arcs = _arcs(groups[usable], np.array([step_us]))[0]
    slack = _NEAR * min(1.0, (step_us - 2.0) / 4.0)
    return float((arcs < 1.0 - 1e-9 + slack).mean()) >= _CORRECTED


def _refined(differences: IntArray, step_us: float) -> float | None:
    """The step by which the pairs that fit are whole numbers of steps on average.

    ``None`` where too few of all pairs fit.
    """
    step = step_us
    for _ in range(3):
        counts = np.rint(differences / step)
        good = (np.abs(differences - counts * step) < 1.0) & (counts != 0)
        total = float(np.abs(counts[good]).sum())
        if float(good.mean()) < _CORRECTED or not total:
            return None
        step = float(np.abs(differences[good]).sum()) / total
    whole = round(step)
    exact = float((differences % whole == 0).mean()) >= _CORRECTED
    return float(whole) if exact and abs(step - whole) < _NEAR / 20 else step
