"""Railroad lights: the phase between two tasks of equal period, and how long they alternate.

The phase error pairs the n-th activation of one task with the n-th of the other, since each one
toggles a light: an activation that one task lost therefore counts as a whole period, for good. The
lights no longer alternate when the error passes a quarter of the period.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.metric_sheet import Bounds
from hil.analysis.uncertainty import budget
from hil.analysis.uncertainty.correlated import mean_error, rms_bounds
from hil.analysis.uncertainty.distributions import chi_squared_quantile
from hil.analysis.uncertainty.slope import slope_of
from hil.model.techniques import find_technique

if TYPE_CHECKING:
    from hil.analysis.metric_sheet import MetricSheet
    from hil.analysis.uncertainty.line_spectra import Error, Slope
    from hil.model.captures import FloatArray, IntArray, Track

# Exit of a Brownian motion from +-m: S(u) = 4/pi sum (-1)^k/(2k+1) exp(-(2k+1)^2 pi^2 u/8) with
# u = sigma^2 t / m^2 (Borodin & Salminen 2002, 1.3.0.2); u where S is 0.975, 0.5 and 0.025.
_EXIT_EARLY, _EXIT_MEDIAN, _EXIT_LATE = 0.160, 0.757, 3.187
_Z = 1.96
# the walk's variance comes from at most 64 blocks: one standard error
_WALK_DOUBT = 1.18
# the mean square of Brownian motion is sum(x_j^2 / (j - 1/2)^2): this varies like a chi-squared
# with (sum 1/(j - 1/2)^2)^2 / sum 1/(j - 1/2)^4 = 1.5 degrees of freedom; its
# 95 % quantile is 4.9
_WALK_DOF, _WALK_LARGEST = 1.5, 4.9
_FEWEST_WINDOWS = 3
GROWS = "of windows of this length: it grows with the window"


@dataclass(frozen=True, slots=True)
class Phase:
    """Phase error of two tasks: ``time_s`` from the first task's origin and ``error_us``.

    ``starts`` are the indices at which the windows of the case begin, ``began_s`` their times.
    """

    period_us: float
    time_s: FloatArray
    error_us: FloatArray
    starts: tuple[int, ...] = (0,)
    began_s: tuple[float, ...] = (0.0,)

    @property
    def limit_us(self) -> float:
        """A quarter of the period: beyond it the lights no longer alternate."""
        return self.period_us / 4.0

    @property
    def windows(self) -> list[slice]:
        """The pairs of each window."""
        edges = (*self.starts, self.error_us.size)
        return [slice(a, b) for a, b in itertools.pairwise(edges)]

    @property
    def in_window_s(self) -> FloatArray:
        """Time of each pair from the start of its window, (n,) s."""
        time = self.time_s.copy()
        for at, began in zip(self.windows, self.began_s, strict=True):
            time[at] -= began
        return time


def phase_of(first: Track, second: Track) -> Phase | None:
    """Phase error of ``second`` against ``first``, or ``None`` for unequal periods or no pairs."""
    if first.period_us != second.period_us:
        return None
    first_order, second_order = _order(first), _order(second)
    _, at, bt = np.intersect1d(first_order, second_order, assume_unique=True, return_indices=True)
    if at.size == 0:
        return None
    stamps = first.stamps_us[at]
    error = (second.stamps_us[bt] - stamps).astype(np.float64)
    error -= _origins(second)[first_order[at] // _WINDOW]
    error += _origins(first)[first_order[at] // _WINDOW]
    window, starts = np.unique(first_order[at] // _WINDOW, return_index=True)
    began = (_origins(first)[window] - first.origin_us) / 1e6
    return Phase(
        first.period_us,
        (stamps - first.origin_us) / 1e6,
        error,
        tuple(starts.tolist()),
        tuple(began.tolist()),
    )


_WINDOW = 1 << 40
"""The orders of two windows are so far apart that no two of them meet."""


def _order(track: Track) -> IntArray:
    """The place of each activation among those of its window, lost ones counted."""
    order = np.arange(track.stamps_us.size, dtype=np.int64)
    for gap in track.gaps:
        order[gap.position :] += gap.count
    for index, window in enumerate(track.later_windows, start=1):
        part = order[window.position :]
        part += index * _WINDOW - part[:1]
    return order


def _origins(track: Track) -> IntArray:
    """When the first release of each window is due."""
    releases = [0, *(window.release for window in track.later_windows)]
    return track.origin_us + np.rint(np.array(releases) * track.period_us).astype(np.int64)


def measure_phase(
    tracks: tuple[Track, ...], tick_us: float, sheet: MetricSheet, technique: str = ""
) -> None:
    """Add ``phase_error_rms_us`` and ``desync_s`` of the first two tasks, or say why not.

    The phase can be a random walk only where the tasks of ``technique`` wait by themselves.
    """
    if len(tracks) < 2:
        return
    phase = phase_of(tracks[0], tracks[1])
    if phase is None or phase.error_us.size < 3:
        why = "needs two tasks of equal period with three activations each"
        for metric in ("phase_error_rms_us", "desync_s"):
            sheet.mark_unavailable(metric, why)
        return
    in_order = find_technique(technique).releases == "in order"
    error: Error = "walk" if in_order else "stationary"
    fit = slope_of(phase.time_s, phase.error_us, error, phase.starts, step=tick_us)
    _phase_rms(sheet, phase, fit, tick_us)
    _desync(sheet, phase, fit)


def _phase_rms(sheet: MetricSheet, phase: Phase, fit: Slope, tick_us: float) -> None:
    error = phase.error_us
    n, worst = int(error.size), int(np.argmax(np.abs(error)))
    value = math.sqrt(float(np.dot(error, error)) / n)
    note = None
    moves = _span_s(phase) * abs(fit.value) > 0.2 * float(np.ptp(error))
    if fit.lo is None or fit.hi is None:
        bounds = rms_bounds(np.square(error), 0, tick_us**2 / 6.0)
    elif fit.wander > 0.5:
        bounds, note = _walk_bounds(value, len(phase.starts)), GROWS
    elif fit.lo * fit.hi > 0 and moves:
        bounds, note = _drifting_bounds(phase, fit.value, fit.lo, fit.hi), GROWS
    else:
        bounds = rms_bounds(np.square(error), 0, tick_us**2 / 6.0)
    # the difference of two readings: triangular (JCGM 100, 4.3.9)
    parts = [budget.known_to("clock's step at the origins of both grids", tick_us / math.sqrt(6.0))]
    sheet.add(
        "phase_error_rms_us",
        value,
        n,
        budget.widened(value, bounds, parts).at_least(0.0),
        note=note,
        where_us=float(phase.time_s[worst] * 1e6),
    )


def _span_s(phase: Phase) -> float:
    """Length of the longest window."""
    return max(float(np.ptp(phase.time_s[at])) for at in phase.windows)


def _walk_bounds(value: float, windows: int) -> Bounds:
    """Of the rms of a walk from zero, whose mean square varies like chi-squared."""
    dof = _WALK_DOF * windows
    if windows < _FEWEST_WINDOWS:
        low = value * math.sqrt(_WALK_DOF / _WALK_LARGEST)
        return Bounds(low, None, why_not="the phase wanders: its upper end needs three windows")
    low, high = (chi_squared_quantile(p, dof) for p in (0.025, 0.975))
    return Bounds(value * math.sqrt(dof / high), value * math.sqrt(dof / low))


def _drifting_bounds(phase: Phase, value: float, lo: float, hi: float) -> Bounds:
    """Of the rms of a line and the noise about it, from the bounds of slope, level and noise."""
    spread = level = mean_level = 0.0
    rest = phase.error_us.copy()
    time = phase.time_s
    for at in phase.windows:
        share = rest[at].size / rest.size
        moved = time[at] - time[at].mean()
        mean = float(rest[at].mean())
        spread += share * float(np.mean(moved**2))
        level += share * mean**2
        mean_level += share * abs(mean)
        rest[at] -= mean + value * moved
    square = level + value**2 * spread + float(np.mean(rest**2))
    of_level = 2.0 * mean_level * mean_error(rest).half_width()
    of_noise = mean_error(rest**2).half_width()
    ends = []
    for slope, sign in ((min(abs(lo), abs(hi)), -1.0), (max(abs(lo), abs(hi)), 1.0)):
        of_slope = (slope**2 - value**2) * spread
        ends.append(math.sqrt(max(0.0, square + sign * math.hypot(of_slope, of_level, of_noise))))
    return Bounds(ends[0], ends[1])


def _desync(sheet: MetricSheet, phase: Phase, fit: Slope) -> None:
    error, n = phase.error_us, int(phase.error_us.size)
    time = phase.in_window_s
    seen = [at for at in phase.windows if (np.abs(error[at]) > phase.limit_us).any()]
    if seen:
        firsts = [at.start + int(np.argmax(np.abs(error[at]) > phase.limit_us)) for at in seen]
        first = min(firsts, key=lambda index: float(time[index]))
        of = next(at for at in seen if at.start <= first < at.stop)
        back = abs(float(error[of.stop - 1])) <= phase.limit_us
        note = "observed; alternating again at the end" if back else "observed"
        if len(phase.starts) > 1:
            note += f"; in {len(seen)} of {len(phase.starts)} windows, this is the earliest"
        when = float(time[first])
        sheet.add(
            "desync_s",
            when,
            n,
            Bounds(when, when),
            note=note,
            where_us=float(phase.time_s[first]) * 1e6,
        )
        return
    if fit.lo is None or fit.hi is None:
        sheet.mark_unavailable(
            "desync_s", "did not happen, and 8 activations are needed to extrapolate"
        )
        return
    middle = float(time.mean())
    level = float(error.mean())
    spread = mean_error(error - fit.value * (time - middle)).half_width()
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
    parts = [budget.scatter(spread / 1.96 / abs(fit.value), math.inf, "level of the phase")]
    ends = Bounds(
        value - (margin / abs(fit.value) - margin / fast),
        value + (margin / slow - margin / abs(fit.value)),
    )
    bounds = budget.combined(value, ends, parts, what="drift of the phase")
    sheet.add("desync_s", value, n, bounds, note="extrapolated from the drift")


def _extrapolate_walk(sheet: MetricSheet, phase: Phase, fit: Slope) -> None:
    """First passage of a random walk with drift, from where the window ended."""
    now, start = float(phase.in_window_s[-1]), float(np.median(phase.error_us[-16:]))
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
