"""Stability against averaging time: ADEV, TDEV and MTIE with bounds, and the kind of noise.

Sums over windows are differences of running sums, which here run along with the pieces: each of the
four points that a term needs has a running sum of its own, begun where that point begins.

All functions take the time error ``x`` (n,) of consecutive activations and averaging factors ``m``
(averaging time ``m * tau0``). A missing activation is ``nan``: terms that touch it are left out,
nothing is interpolated. Every averaging time costs O(n), and there are O(log n) of them; MTIE
builds its sliding extremes from those of half the length, O(n log n) in all.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.activations import lateness_us
from hil.analysis.grid_slope import window_edges
from hil.analysis.metric_sheet import Bounds
from hil.analysis.streaming_stats import PIECE, WHOLE_BELOW, SquareSums, dot, pieces
from hil.analysis.uncertainty import budget
from hil.analysis.uncertainty.correlated import rms_bounds
from hil.model.captures import FloatArray

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hil.analysis.activations import Activations
    from hil.analysis.metric_sheet import MetricSheet

Piece = Callable[[int, int], FloatArray]
"""Values ``start`` to ``end`` of a series; they are only read."""
INDEPENDENT = 16
SLOPE_TERMS = 100_000
TOO_FEW = "too few independent stretches of this length for bounds"
_BLOCK = 1 << 16
AVERAGING_S = {0.1: "100ms", 1.0: "1s", 10.0: "10s"}
_NAMES = (
    (-1.5, "white phase noise"),
    (-1.0, "flicker phase noise"),
    (-0.5, "random walk of phase"),
    (0.0, "flicker frequency noise"),
    (0.5, "random walk of frequency"),
    (1.0, "frequency drift"),
)


class TimeError:
    """A series in us by release, ``nan`` where no activation answered it, in pieces.

    ``size`` is the number of releases, ``run`` start and length of the longest stretch without a
    hole. ``raw`` is the series itself, ``flat`` the same less the line through its ends: that
    changes no second difference, and keeps the sums of long captures small enough for 1e-9.
    """

    def __init__(self, series: Piece, size: int, *, holes: bool, whole: bool) -> None:
        self.raw, self.size, self.holes, self._whole = series, size, holes, whole
        self._start = float(series(0, 1)[0]) if size else 0.0
        end = float(series(size - 1, size)[0]) if size else 0.0
        self._rise = (end - self._start) / max(size - 1, 1)
        self.flat: Piece = _slices(self._flat(0, size)) if whole else self._flat
        self.run = self._longest_run() if holes else (0, size)

    @cached_property
    def sums(self) -> Piece:
        """Running sums of ``flat`` over the run, a 0 first, (length + 1,)."""
        length = self.run[1]
        if self._whole:
            return _slices(_running(self._in_run(0, length), 0.0))
        steps = (float(self._in_run(a, b).sum()) for a, b in pieces(length, PIECE))
        before = np.cumsum([0.0, *steps])

        def sums(start: int, end: int) -> FloatArray:
            piece = start // PIECE
            rest = float(self._in_run(piece * PIECE, start).sum())
            return _running(self._in_run(start, end - 1), float(before[piece]) + rest)

        return sums

    def _flat(self, start: int, end: int) -> FloatArray:
        line = np.arange(start, end, dtype=np.float64)
        line *= -self._rise
        line -= self._start
        line += self.raw(start, end)
        return line

    def _in_run(self, start: int, end: int) -> FloatArray:
        first, length = self.run
        return self.flat(first + start, first + min(end, length))

    def _longest_run(self) -> tuple[int, int]:
        best, begin = (0, 0), 0
        for start, end in pieces(self.size):
            holes = start + np.flatnonzero(np.isnan(self.raw(start, end)))
            edges = np.concatenate(([begin - 1], holes, [end]))
            lengths = np.diff(edges) - 1
            longest = int(lengths.argmax())
            if lengths[longest] > best[1]:
                best = (int(edges[longest]) + 1, int(lengths[longest]))
            begin = int(edges[-2]) + 1
        return best


def _running(values: FloatArray, before: float) -> FloatArray:
    """Running sums that begin at ``before``, (n + 1,)."""
    total = np.empty(values.size + 1)
    total[0] = before
    np.cumsum(values, out=total[1:])
    if before:
        total[1:] += before
    return total


def _slices(values: FloatArray) -> Piece:
    return lambda start, end: values[start:end]


def time_errors(activations: Activations, *, whole: bool = False) -> tuple[TimeError, ...]:
    """Lateness by release in each window: no term reaches from one to the next.

    Consecutive where by far the most releases have no activation. With ``whole`` a long capture's
    is kept as arrays too.
    """
    whole = whole or activations.n < WHOLE_BELOW
    edges = window_edges(activations)
    return tuple(
        _time_error(activations, start, end, whole=whole)
        for start, end in itertools.pairwise(edges)
        if end > start
    )


def _time_error(activations: Activations, begins: int, ends: int, *, whole: bool) -> TimeError:
    """Lateness by release of the activations from ``begins`` to ``ends``."""
    n = ends - begins
    first, last = map(int, activations.some(np.array([begins, ends - 1]))[1])
    holes = n < last + 1 - first <= 4 * n + 16
    size = last + 1 - first if holes else n

    def piece(start: int, end: int) -> FloatArray:
        if not holes:
            return lateness_us(activations, begins + start, begins + end)
        begin, after = (
            activations.first_answering(first + start),
            activations.first_answering(first + end),
        )
        late = lateness_us(activations, begin, after)
        if after - begin == end - start:
            return late
        by_release = np.full(end - start, math.nan)
        by_release[activations.releases(begin, after).astype(np.int64) - (first + start)] = late
        return by_release

    return TimeError(_slices(piece(0, size)) if whole else piece, size, holes=holes, whole=whole)


def error_of(x: FloatArray) -> TimeError:
    """The time error that is in an array (n,); holes at its ends are left off."""
    holes = bool(np.isnan(x).any())
    if holes:
        known = np.flatnonzero(~np.isnan(x))
        x = x[known[0] : known[-1] + 1] if known.size else x[:0]
    return TimeError(_slices(x), x.size, holes=holes, whole=True)


def octaves(n: int, share: int = 4) -> list[int]:
    """Averaging factors 1, 2, 4, … up to ``n / share``."""
    return [2**i for i in range(max(0, (n // share).bit_length()))] if n >= share else []


def adev_squares(windows: Sequence[TimeError], m: int) -> SquareSums:
    """Squares of ``x[i+2m] - 2 x[i+m] + x[i]``, those that touch a hole left out."""

    def terms(x: TimeError) -> Iterator[FloatArray]:
        for a, b in pieces(x.size - 2 * m):
            part = -2.0 * x.flat(a + m, b + m)
            part += x.flat(a, b)
            part += x.flat(a + 2 * m, b + 2 * m)
            yield part[np.isfinite(part)] if x.holes else part

    counts = [
        sum(part.size for part in terms(x)) if x.holes else max(0, x.size - 2 * m) for x in windows
    ]
    return _squares((part for x in windows for part in terms(x)), counts)


def tdev_squares(windows: Sequence[TimeError], m: int) -> SquareSums:
    """Squares of the second differences of the means over ``m`` values of each longest run."""
    counts = [max(0, x.run[1] - 3 * m + 1) for x in windows]

    def terms(x: TimeError, count: int) -> Iterator[FloatArray]:
        for a, b in pieces(count):
            part = -x.sums(a, b)
            for k, weight in ((1, 3.0), (2, -3.0), (3, 1.0)):
                part += weight * x.sums(k * m + a, k * m + b)
            part /= m
            yield part

    each = zip(windows, counts, strict=True)
    return _squares((part for x, count in each for part in terms(x, count)), counts)


def _squares(terms: Iterator[FloatArray], counts: Sequence[int]) -> SquareSums:
    seen = [count for count in counts if count]
    sums = SquareSums(sum(seen), [0, *itertools.accumulate(seen[:-1])])
    for part in terms:
        sums.add(part)
    return sums


def _rms(squares: SquareSums) -> float:
    return math.sqrt(squares.mean) if squares.n else math.nan


def adev(x: FloatArray, tau0: float, m: int) -> float:
    """Overlapping Allan deviation at ``m * tau0`` (IEEE 1139; x and tau0 in the same unit).

    ``avar = sum (x[i+2m] - 2 x[i+m] + x[i])**2 / (2 (m tau0)**2 (n - 2m))``; ``nan`` if n <= 2m.
    """
    return _rms(adev_squares((error_of(x),), m)) / math.sqrt(2.0) / (m * tau0)


def tdev(x: FloatArray, m: int) -> float:
    """Time deviation in the unit of ``x`` (G.810 II.3): ``tvar = mean(terms**2) / 6``.

    The terms are those of :func:`tdev_squares`; ``nan`` if n < 3m + 1.
    """
    return _rms(tdev_squares((error_of(x),), m)) / math.sqrt(6.0) if x.size > 3 * m else math.nan


def mdev(x: FloatArray, tau0: float, m: int) -> float:
    """Modified Allan deviation at ``m * tau0``: ``sqrt(3) tdev / tau`` (IEEE 1139)."""
    return math.sqrt(3.0) * tdev(x, m) / (m * tau0)


def mtie(x: TimeError, factors: Sequence[int]) -> FloatArray:
    """Maximum time interval error for each averaging factor, in us (G.810 II.5).

    ``mtie(m) = max_k (max - min of x[k] .. x[k+m])``; ``nan`` for ``m >= n``.
    """
    spreads = np.full(len(factors), math.nan)
    longest = max((m for m in factors if m < x.size), default=0)
    for start, end in pieces(x.size, max(PIECE, 4 * longest)):
        spreads = np.fmax(spreads, _widest(x.raw(start, min(end + longest, x.size)), factors))
    return spreads


def _widest(x: FloatArray, factors: Sequence[int]) -> FloatArray:
    """MTIE of an array: each window is covered by two of ``2**j`` values, these by two of half."""
    widest = np.full(len(factors), math.nan)
    high, low, length = x.copy(), x.copy(), 1
    for at in np.argsort(factors):
        window = int(factors[at]) + 1
        if window > x.size:
            continue
        while 2 * length <= window:
            high, low = _wider(high, length, np.fmax), _wider(low, length, np.fmin)
            length *= 2
        shift = window - length
        largest = -math.inf
        for start, end in pieces(high.size - shift, _BLOCK):
            spread = np.fmax(high[start:end], high[start + shift : end + shift])
            spread -= np.fmin(low[start:end], low[start + shift : end + shift])
            largest = max(largest, float(np.fmax.reduce(spread)))
        widest[at] = largest
    return widest


def _wider(values: FloatArray, length: int, extreme: np.ufunc) -> FloatArray:
    """Sliding extremes of twice the length, in place and in blocks that stay in cache."""
    count = values.size - length
    for start, end in pieces(count, _BLOCK):
        values[start:end] = extreme(values[start:end], values[start + length : end + length])
    return values[:count]


def noise_type(windows: Sequence[TimeError], tau0: float) -> tuple[float, str] | None:
    """Slope of MDEV over averaging time on log scales and the name of that noise.

    Fitted over factors up to n/16, weighted with the number of independent stretches, to a part of
    the terms, evenly taken in one pass. ``None`` for windows of fewer than 64 releases or no noise
    at all.
    """
    n = max((x.size for x in windows), default=0)
    if n < 64:
        return None
    factors = octaves(n, 16)
    sums = np.zeros((2, len(factors)))
    for x in windows:
        for at, some in enumerate(_mdev_terms(x, factors)):
            sums[:, at] += dot(some, some), some.size
    squares = sums[0] / np.maximum(sums[1], 1.0)
    good = squares > 0
    if good.sum() < 3:
        return None
    m_good = np.array(factors, dtype=np.float64)[good]
    values = np.sqrt(squares[good] / 2.0) / (m_good * m_good * tau0)
    weights = np.sqrt(np.sqrt(n / m_good))
    slope = float(np.polyfit(np.log(m_good), np.log(values), 1, w=weights)[0])
    return slope, min(_NAMES, key=lambda entry: abs(entry[0] - slope))[1]


def _mdev_terms(x: TimeError, factors: Sequence[int]) -> list[FloatArray]:
    """Some of the second differences of the sums over each factor's number of values."""
    run = x.run[1]
    every = max(1, x.size // SLOPE_TERMS)
    terms = [np.zeros(max(0, -(-(run - 3 * m + 1) // every))) for m in factors]
    for start, end in pieces(run + 1):
        sums = x.sums(start, end)
        for m, some in zip(factors, terms, strict=True):
            for k, weight in enumerate((-1.0, 3.0, -3.0, 1.0)):
                # the starts whose k-th sum lies in this piece
                first = max(0, -(-(start - k * m) // every))
                after = min(some.size, -(-(end - k * m) // every))
                if first < after:
                    at = first * every + k * m - start
                    stop = at + (after - first - 1) * every + 1
                    some[first:after] += weight * sums[at:stop:every]
    return terms


def figures(
    windows: Sequence[TimeError], tau0_us: float, tick_us: float, factors: Sequence[int]
) -> Iterator[tuple[str, int, float, Bounds]]:
    """``(adev | tdev | mtie, m, value, bounds)`` for every factor that a window is long enough for.

    MTIE is the largest of any window, the deviations are over the terms of all.
    """
    n = max((x.size for x in windows), default=0)
    if n < 4:
        return
    extremes = np.fmax.reduce([mtie(x, factors) for x in windows])
    for m, extreme in zip(factors, extremes, strict=True):
        long = [x for x in windows if x.size >= 4 * m]
        if long:
            squares, scale = adev_squares(long, m), 1.0 / (math.sqrt(2.0) * m * tau0_us)
            terms = sum(x.size - 2 * m for x in long)
            yield "adev", m, *_bounded(squares, m, scale, tick_us**2 / 2.0, terms)
        long = [x for x in windows if x.run[1] >= 4 * m]
        if long:
            squares, scale = tdev_squares(long, m), 1.0 / math.sqrt(6.0)
            yield "tdev", m, *_bounded(squares, m, scale, tick_us**2 / 2.0 / m, squares.n)
        if math.isfinite(extreme):
            yield "mtie", m, float(extreme), _seen(float(extreme), tick_us)


def _seen(extreme: float, tick_us: float) -> Bounds:
    """Of a distance of two readings: rounding can have made it longer by up to a step."""
    return budget.seen_at_least(extreme, (budget.evenly("clock's step", tick_us),)).at_least(0.0)


def _bounded(
    squares: SquareSums, m: int, scale: float, clock_us: float, terms: int
) -> tuple[float, Bounds]:
    value = _rms(squares) * scale
    if terms < INDEPENDENT * m:
        return value, Bounds(why_not=TOO_FEW)
    bounds = rms_bounds(squares, 0, clock_us, 3 * m).times(scale)
    return value, budget.widened(value, bounds)


def measure_stability(activations: Activations, tick_us: float, sheet: MetricSheet) -> None:
    """Add ADEV, TDEV and MTIE at 0.1, 1 and 10 s, with the kind of noise in the note."""
    windows, tau0_us = time_errors(activations), activations.period_us
    noise = noise_type(windows, tau0_us)
    note = f"{noise[1]} (MDEV slope {noise[0]:.2f})" if noise else None
    labels = {max(1, round(s * 1e6 / tau0_us)): name for s, name in AVERAGING_S.items()}
    for name, m, value, bounds in figures(windows, tau0_us, tick_us, sorted(labels)):
        metric = f"{name}_{labels[m]}{'' if name == 'adev' else '_us'}"
        if math.isfinite(value):
            sheet.add(metric, value, activations.n, bounds, note=note)
        else:
            sheet.mark_unavailable(metric, "releases were missed wherever it needs an activation")
