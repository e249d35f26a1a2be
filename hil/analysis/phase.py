"""Railroad lights: the phase between two tasks of equal period, and how long they alternate.

The phase error pairs the n-th activation of one task with the n-th of the other, since each one
toggles a light: an activation that one task lost therefore counts as a whole period, for good. The
lights no longer alternate when the error passes a quarter of the period.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.metric_sheet import Bounds
from hil.analysis.uncertainty.correlated import mean_error, rms_bounds
from hil.analysis.uncertainty.slope import slope_of

if TYPE_CHECKING:
    from hil.analysis.metric_sheet import MetricSheet
    from hil.analysis.uncertainty.slope import Slope
    from hil.model.captures import FloatArray, IntArray, Track

# Exit of a Brownian motion from +-m: S(u) = 4/pi sum (-1)^k/(2k+1) exp(-(2k+1)^2 pi^2 u/8) with
# u = sigma^2 t / m^2 (Borodin & Salminen 2002, 1.3.0.2); u where S is 0.975, 0.5 and 0.025.
_EXIT_EARLY, _EXIT_MEDIAN, _EXIT_LATE = 0.160, 0.757, 3.187
_Z = 1.96
# the walk's variance comes from at most 64 blocks: one standard error
_WALK_DOUBT = 1.18


@dataclass(frozen=True, slots=True)
class Phase:
    """Phase error of two tasks: ``time_s`` from the first task's origin and ``error_us``."""

    period_us: float
    time_s: FloatArray
    error_us: FloatArray

    @property
    def limit_us(self) -> float:
        """A quarter of the period: beyond it the lights no longer alternate."""
        return self.period_us / 4.0


def phase_of(first: Track, second: Track) -> Phase | None:
    """Phase error of ``second`` against ``first``, or ``None`` for unequal periods or no pairs."""
    if first.period_us != second.period_us:
        return None
    first_releases, second_releases = _order(first), _order(second)
    _, at, bt = np.intersect1d(
        first_releases, second_releases, assume_unique=True, return_indices=True
    )
    if at.size == 0:
        return None
    stamps = first.stamps_us[at]
    error = (second.stamps_us[bt] - stamps).astype(np.float64)
    error -= second.origin_us - first.origin_us
    return Phase(first.period_us, (stamps - first.origin_us) / 1e6, error)


def _order(track: Track) -> IntArray:
    order = np.arange(track.stamps_us.size, dtype=np.int64)
    for gap in track.gaps:
        order[gap.position :] += gap.count
    return order


def measure_phase(tracks: tuple[Track, ...], tick_us: float, sheet: MetricSheet) -> None:
    """Add ``phase_error_rms_us`` and ``desync_s`` of the first two tasks, or say why not."""
    if len(tracks) < 2:
        return
    phase = phase_of(tracks[0], tracks[1])
    if phase is None or phase.error_us.size < 3:
        why = "needs two tasks of equal period with three activations each"
        for metric in ("phase_error_rms_us", "desync_s"):
            sheet.mark_unavailable(metric, why)
        return
    error = phase.error_us
    n = int(error.size)
    fit = slope_of(phase.time_s, error, tick_us)
    worst = int(np.argmax(np.abs(error)))
    drifts = fit.lo is not None and fit.hi is not None and fit.lo * fit.hi > 0
    moves = abs(fit.value) * float(phase.time_s[-1] - phase.time_s[0]) > 0.2 * float(np.ptp(error))
    if fit.wander > 0.5:
        bounds = Bounds(why_not="the phase wanders: it grows with the window")
    elif drifts and moves:
        bounds = Bounds(why_not="the phase drifts: it grows with the window")
    else:
        bounds = rms_bounds(np.square(error), 0, tick_us**2 / 6.0)
    sheet.add(
        "phase_error_rms_us",
        math.sqrt(float(np.dot(error, error)) / n),
        n,
        bounds,
        where_us=float(phase.time_s[worst] * 1e6),
    )
    _desync(sheet, phase, fit)


def _desync(sheet: MetricSheet, phase: Phase, fit: Slope) -> None:
    error, n = phase.error_us, int(phase.error_us.size)
    beyond = np.flatnonzero(np.abs(error) > phase.limit_us)
    if beyond.size:
        when = float(phase.time_s[beyond[0]])
        back = abs(float(error[-1])) <= phase.limit_us
        note = "observed; alternating again at the end" if back else "observed"
        sheet.add("desync_s", when, n, Bounds(when, when), note=note, where_us=when * 1e6)
        return
    if fit.lo is None or fit.hi is None:
        sheet.mark_unavailable(
            "desync_s", "did not happen, and 8 activations are needed to extrapolate"
        )
        return
    middle = float(phase.time_s.mean())
    level = float(error.mean())
    spread = mean_error(error - fit.value * (phase.time_s - middle)).half_width()
    if fit.wander > 0.5:
        _extrapolate_walk(sheet, phase, fit)
        return
    rates = (fit.lo, fit.hi)
    if fit.lo * fit.hi <= 0.0:
        fastest = max(abs(fit.lo), abs(fit.hi))
        soonest = middle + (phase.limit_us - abs(level) - spread) / fastest if fastest else math.inf
        if not math.isfinite(soonest):
            sheet.mark_unavailable("desync_s", "never at this rate: the phase does not move at all")
            return
        note = "never at this rate: no drift can be told from zero; value is the earliest time"
        sheet.add("desync_s", soonest, n, Bounds(soonest, None), note=note)
        return
    sign = math.copysign(1.0, fit.value)
    margin = phase.limit_us - sign * level
    fast, slow = max(map(abs, rates)), min(map(abs, rates))
    value = middle + margin / abs(fit.value)
    # level and slope are estimated about the middle of the window and nearly independent there
    level_part = spread / abs(fit.value)
    lo = value - math.hypot(margin / abs(fit.value) - margin / fast, level_part)
    hi = value + math.hypot(margin / slow - margin / abs(fit.value), level_part)
    sheet.add("desync_s", value, n, Bounds(lo, hi), note="extrapolated from the drift")


def _extrapolate_walk(sheet: MetricSheet, phase: Phase, fit: Slope) -> None:
    """First passage of a random walk with drift, from where the window ended."""
    now, start = float(phase.time_s[-1]), float(np.median(phase.error_us[-16:]))
    n = int(phase.error_us.size)
    walk = fit.walk_rms
    margin = phase.limit_us - math.copysign(1.0, fit.value) * start
    nearest = phase.limit_us - abs(start)
    excludes_zero = fit.lo is not None and fit.hi is not None and fit.lo * fit.hi > 0.0
    if nearest <= 0.0 or walk <= 0.0:
        sheet.mark_unavailable(
            "desync_s", "the phase is at its limit; the window is too short to say more"
        )
        return
    if excludes_zero and fit.lo is not None and fit.hi is not None:
        fast, slow = max(abs(fit.lo), abs(fit.hi)), min(abs(fit.lo), abs(fit.hi))
        early = _passage(margin, fast, walk, -_Z)
        late = _passage(margin, slow, walk, _Z)
        value = margin / abs(fit.value)
    else:
        unit = (nearest / walk) ** 2
        early, value = unit * _EXIT_EARLY / _WALK_DOUBT, unit * _EXIT_MEDIAN
        late = ((phase.limit_us + abs(start)) / walk) ** 2 * _EXIT_LATE * _WALK_DOUBT
    note = "extrapolated from drift and random walk"
    sheet.add("desync_s", now + value, n, Bounds(now + early, now + late), note=note)


def _passage(margin: float, rate: float, walk: float, z: float) -> float:
    """Time at which ``rate t - z walk sqrt(t)`` reaches ``margin``."""
    root = (z * walk + math.sqrt((z * walk) ** 2 + 4.0 * rate * margin)) / (2.0 * rate)
    return root * root
