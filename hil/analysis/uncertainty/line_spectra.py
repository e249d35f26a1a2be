"""The slope of a line under errors of unknown spectrum: a mixture of fits, weighted by likelihood.

A task on absolute deadlines has stationary lateness, independent from one activation to the next or
correlated. A naive task's lateness is the sum of its intervals, a random walk. Between windows the
rate itself may differ. Which of these it is, in which mixture, is estimated from the same data and
therefore uncertain; the bounds average over it.

The cosine coefficients of such an error are nearly independent, with a variance that follows its
spectrum. For each of a grid of spectra the slope is fitted by weighted least squares:

* white noise, and white noise with a part that is correlated: ``1 + r / (1 + (j/c)^2)``;
* for a walk: white noise and ``q / j^2`` times such a spectrum, that of the intervals;
* each with slopes that differ from window to window (normally distributed) or don't.

The fits are weighted by their restricted likelihood (Harville 1974), and the bounds are quantiles
of the mixture of Student's t distributions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.model.captures import FloatArray, IntArray

Error = Literal["stationary", "walk", "white"]
"""What the error of a line can be: ``walk`` is the sum of stationary steps, beside white noise;
``white`` has no correlation at all (where none could be seen)."""
CONFIDENCE = 0.95
_CORNERS = np.array([0.12, 0.35, 0.7, 1.4, 2.8, 5.6, 11.0, 22.0])
_RATIOS = np.logspace(-0.5, 4.0, 10)
_WALKS = np.logspace(-1.0, 6.0, 15)
_STEP_CORNERS = np.array([0.25, 0.5, 1.0, 2.0, 4.0, 8.0])
_STEP_RATIOS = np.array([2.0, 8.0, 32.0, 128.0, 1024.0])
_NO_WALK = 0.02
_SLOPES = np.array([0.0, 0.5, 2.0, 8.0, 32.0, 128.0, 1000.0])
_LEAST_CHANCE = 1e-4
# Johnson (1978), Journal of the American Statistical Association 73, 536: the end of a t interval
# moves by skewness * (1 + 2 z^2) / 6 standard errors
_LEAN = (1.0 + 2.0 * 1.96**2) / 6.0 / 1.96


@dataclass(frozen=True, slots=True)
class Slope:
    """A fitted slope (units of y per unit of x) with its bounds, ``None`` for too few points.

    ``dof`` are the degrees of freedom of the fit. ``wander`` is the probability that the error is a
    random walk rather than white, ``walk_rms`` its growth per square root of one unit of x.
    ``between`` is the standard deviation of the windows' own slopes. ``bend`` is the change of
    the slope per unit of x, where it changed beyond doubt within the windows, else 0.
    """

    value: float
    lo: float | None
    hi: float | None
    wander: float = 0.0
    walk_rms: float = 0.0
    dof: float = math.inf
    between: float = 0.0
    bend: float = 0.0


@dataclass(frozen=True, slots=True)
class Coefficients:
    """The lowest cosine coefficients of one window of ``cells`` cells: those of ``x`` and ``y``.

    ``edge`` is the value of each cosine at the first cell; ``fast`` is the standard deviation of
    the running sum of what lies above these coefficients.
    """

    cells: int
    x: FloatArray
    y: FloatArray
    edge: FloatArray
    fast: float

    def replace_y(self, y: FloatArray) -> Coefficients:
        """The same with other coefficients of y."""
        return replace(self, y=y)


@lru_cache(maxsize=64)
def _spectra(
    shapes: tuple[tuple[int, int], ...], error: Error
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Variances of all coefficients (models, coefficients), prior weights, and share of the walk.

    ``shapes`` are cells and coefficients of each window; the frequency 1 is half a turn in the
    longest. The walk's share is the ratio of its variance there to that of the white noise.
    """
    longest = max(cells for cells, _ in shapes)
    rate = np.concatenate([np.arange(1, count + 1) / cells for cells, count in shapes])
    wave = 2.0 * longest / math.pi * np.sin(math.pi / 2.0 * rate)
    white = np.ones((1, rate.size))
    if error == "white":
        return white, np.ones(1), np.zeros(1)
    if error == "stationary":
        low = _correlated(wave, _CORNERS, _RATIOS)
        prior = np.concatenate(([1.0], np.full(len(low), 1.0 / len(low))))
        return np.concatenate((white, low)), prior, np.zeros(prior.size)
    low = _correlated(wave, _STEP_CORNERS, _STEP_RATIOS)
    steps = np.concatenate((white, low))
    walks = 1.0 + (_WALKS[:, None, None] * steps / wave**2).reshape(-1, rate.size)
    each = np.concatenate(([1.0], np.full(len(low), 1.0 / len(low)))) / _WALKS.size
    prior = np.concatenate(([_NO_WALK], np.tile(each, _WALKS.size)))
    share = np.concatenate(([0.0], np.repeat(_WALKS, len(steps))))
    return np.concatenate((white, walks)), prior, share


def _correlated(wave: FloatArray, corners: FloatArray, ratios: FloatArray) -> FloatArray:
    seen = corners[corners < wave.max()]
    shape = 1.0 / (1.0 + (wave / seen[:, None]) ** 2)
    low: FloatArray = (1.0 + ratios[:, None, None] * shape).reshape(-1, wave.size)
    return low


def fit(
    first: float,
    windows: Sequence[Coefficients],
    error: Error,
    skewness: float = 0.0,
    bend: float = 0.0,
    least: float = 0.0,
) -> Slope:
    """Slope and bounds from the coefficients of each window; ``first`` was taken off y before.

    ``least`` is a variance that each coefficient of y has at least.

    ``skewness`` of the mean of the increments lengthens the end on its side; with a ``bend`` a
    parabola was fitted in each window too.
    """
    shapes = tuple((window.cells, window.x.size) for window in windows)
    spectra, prior, share = _spectra(shapes, error)
    x, y, edge = (
        np.concatenate([getattr(window, name) for window in windows]) for name in ("x", "y", "edge")
    )
    counts = np.array([window.x.size for window in windows])
    starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
    weight = 1.0 / spectra
    information = np.add.reduceat(weight * x * x, starts, axis=1)
    own = np.add.reduceat(weight * x * y, starts, axis=1) / information
    inside = (weight * y * y).sum(axis=1) - (information * own * own).sum(axis=1)
    # slopes differ between windows by so many times what is known of one
    times = _SLOPES if len(windows) > 1 else _SLOPES[:1]
    odds = np.concatenate(([1.0], np.full(times.size - 1, 1.0 / max(1, times.size - 1))))
    spread = times[:, None] / information.mean(axis=1)
    each = 1.0 / (1.0 / information + spread[:, :, None])
    whole = each.sum(axis=2)
    slope = (each * own).sum(axis=2) / whole
    outside = (each * (own - slope[:, :, None]) ** 2).sum(axis=2)
    dof = x.size - 1 - (len(windows) if bend else 0)
    left = np.maximum(inside + outside, dof * least) + 1e-300
    log_det = np.log(spectra).sum(axis=1)
    log_det = log_det + np.log1p(spread[:, :, None] * information).sum(axis=2)
    log_chance = -0.5 * (log_det + np.log(whole) + dof * np.log(left))
    log_chance += np.log(prior) + np.log(odds)[:, None]
    chance = np.exp(log_chance - log_chance.max())
    chance /= chance.sum()
    scale = left / dof
    pull = _pull_of_the_ends(weight * x * edge, starts, counts) / information**2
    fast = np.array([window.fast for window in windows]) ** 2
    above = ((each / whole[:, :, None]) ** 2 * pull * fast).sum(axis=2)
    keep = chance > _LEAST_CHANCE
    value = float((chance * slope).sum())
    lo, hi = mixture_quantiles(slope[keep], np.sqrt(scale / whole + above)[keep], chance[keep], dof)
    down, up = max(0.0, value - lo), max(0.0, hi - value)
    return Slope(
        value=first + value,
        lo=first + value - down * (1.0 + _LEAN * max(0.0, -skewness)),
        hi=first + value + up * (1.0 + _LEAN * max(0.0, skewness)),
        wander=float(chance[:, share > 1.0].sum()),
        walk_rms=_walk_rms(windows, float((chance * scale * share).sum())),
        dof=float(dof),
        between=math.sqrt(float((chance * scale * spread).sum())),
        bend=bend,
    )


def _walk_rms(windows: Sequence[Coefficients], variance: float) -> float:
    """Growth per square root of a unit of x, of a walk with this variance at the lowest cosine.

    A walk with steps of variance ``s^2`` a cell has ``s^2 (m / pi)^2`` there.
    """
    longest = max(windows, key=lambda window: window.cells)
    # the first coefficient of a line that rises by 1 a cell
    unit = 2.0 * math.sqrt(2.0) / math.pi**2 * longest.cells**1.5
    cell = abs(float(longest.x[0])) / unit
    return math.sqrt(variance / cell) * math.pi / longest.cells if cell else 0.0


def _pull_of_the_ends(pull: FloatArray, starts: IntArray, counts: IntArray) -> FloatArray:
    """Sum of the squares of the estimator's weights at the first and the last cell."""
    signs = np.concatenate([1.0 - 2.0 * (np.arange(1, count + 1) % 2) for count in counts])
    begin: FloatArray = np.add.reduceat(pull, starts, axis=1)
    end: FloatArray = np.add.reduceat(pull * signs, starts, axis=1)
    return begin**2 + end**2


def mixture_quantiles(
    centre: FloatArray, scale: FloatArray, weight: FloatArray, dof: float
) -> tuple[float, float]:
    """Where the mixture of Student's t distributions has its lower and its upper end."""
    weight = weight / weight.sum()
    ends = []
    reach = max(20.0, 2000.0 / dof**2) * float(scale.max())
    for wanted in ((1.0 - CONFIDENCE) / 2, (1.0 + CONFIDENCE) / 2):
        low, high = float(centre.min()) - reach, float(centre.max()) + reach
        while high - low > 1e-4 * float(scale.min()):
            at = (low + high) / 2
            if at in (low, high):
                break
            below = float(np.dot(weight, _t_cdf((at - centre) / scale, dof)))
            low, high = (at, high) if below < wanted else (low, at)
        ends.append((low + high) / 2)
    return ends[0], ends[1]


def _t_cdf(z: FloatArray, dof: float) -> FloatArray:
    """Distribution function of Student's t, to 0.001 for 3 degrees of freedom and more.

    ``t`` is turned into a normal deviate (Wallace 1959, Annals of Mathematical Statistics 30,
    1124), whose tail is formula 7.1.26 of Abramowitz and Stegun.
    """
    normal = np.sqrt(dof * np.log1p(z * z / dof) / 2.0) * (8.0 * dof + 1.0) / (8.0 * dof + 3.0)
    turn = 1.0 / (1.0 + 0.3275911 * normal)
    series = np.zeros(z.shape)
    for factor in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592):
        series = turn * (factor + series)
    tails = 0.5 * series * np.exp(-normal * normal)
    result: FloatArray = np.where(z > 0.0, 1.0 - tails, tails)
    return result
