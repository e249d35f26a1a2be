"""The uncertainty budget of a figure, and the bounds that follow from it (JCGM 100:2008).

A budget is a list of parts. A part of Type A was found from the samples themselves, one of Type B
from what else is known: the clock's step, the cost of a stamp, the host's clock. Bounds are made
here and nowhere else, in one of two ways:

:func:`combined`
    For means, medians, slopes and delays: the root of the sum of squares (5.1.2), the effective
    degrees of freedom (Welch and Satterthwaite, G.4.1) and the coverage factor ``k`` that Student's
    t gives for them (G.3.2).
:func:`widened`
    For percentiles of the tail, root mean squares and extremes, of which a systematic part shifts
    the whole: each end moves by what every systematic part can amount to.

Parts are in the unit of their figure until :func:`stored_parts` writes them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from hil.analysis.metric_sheet import Bounds
from hil.analysis.uncertainty.distributions import normal_quantile, t_quantile
from hil.model.results import UncertaintyPart

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CONFIDENCE = 0.95
SCATTER = "scatter of the samples, correlation included"
EXTREME = "no upper end: the largest seen grows with the length of the measurement"
_UPPER = (1.0 + CONFIDENCE) / 2
_MANY_DOF = 1000.0
_STORED_IN = {"us": ("us", 1.0), "s": ("us", 1e6), "ppm": ("ppm", 1.0), "1": ("ppm", 1e6)}


@dataclass(frozen=True, slots=True)
class Part:
    """One entry of a budget: its standard uncertainty in the unit of the figure.

    ``dof`` are the degrees of freedom that it was estimated with. ``limit`` is the half-width of a
    part that is spread evenly between two ends and can't be beyond them.
    """

    what: str
    type: Literal["A", "B"]
    standard: float
    dof: float = math.inf
    limit: float | None = None

    @property
    def reach(self) -> float:
        """Half the width of its own interval of 95 %."""
        if self.limit is not None:
            return CONFIDENCE * self.limit
        return coverage_factor(self.dof) * self.standard

    def times(self, factor: float) -> Part:
        """The same part of a figure that is ``factor`` times as large."""
        limit = None if self.limit is None else self.limit * abs(factor)
        return replace(self, standard=self.standard * abs(factor), limit=limit)


@dataclass(frozen=True, slots=True)
class Total:
    """Combined standard uncertainty, its effective degrees of freedom and coverage factor."""

    standard: float
    dof: float
    k: float

    @property
    def expanded(self) -> float:
        """Half the width of the interval."""
        return self.k * self.standard


def scatter(standard: float, dof: float, what: str = SCATTER) -> Part:
    """A part of Type A: a standard error that was estimated with ``dof`` degrees of freedom."""
    return Part(what, "A", standard, dof)


def evenly(what: str, half_width: float) -> Part:
    """A part of Type B that lies anywhere within ``+-half_width`` (JCGM 100, 4.3.7)."""
    return Part(what, "B", half_width / math.sqrt(3.0), limit=half_width)


def known_to(what: str, standard: float, dof: float = math.inf) -> Part:
    """A part of Type B whose standard uncertainty is known, and how well: ``dof`` (G.4.2)."""
    return Part(what, "B", standard, dof)


def coverage_factor(dof: float) -> float:
    """``k`` for 95 %: the quantile of Student's t, between whole ``dof`` linear in ``1 / dof``."""
    if dof >= _MANY_DOF:
        return normal_quantile(_UPPER)
    below = max(1, math.floor(dof))
    low, high = t_quantile(_UPPER, below), t_quantile(_UPPER, below + 1)
    part = (1.0 / below - 1.0 / max(dof, 1.0)) / (1.0 / below - 1.0 / (below + 1))
    return low + part * (high - low)


def total(parts: Iterable[Part]) -> Total:
    """Root sum of squares of independent parts, Welch-Satterthwaite, and ``k``."""
    squares, fourths = 0.0, 0.0
    for part in parts:
        square = part.standard**2
        squares += square
        fourths += square**2 / part.dof
    dof = squares**2 / fourths if fourths > 0.0 else math.inf
    return Total(math.sqrt(squares), dof, coverage_factor(dof))


def combined(
    value: float,
    interval: Bounds,
    systematic: Sequence[Part] = (),
    *,
    dof: float = math.inf,
    what: str = SCATTER,
) -> Bounds:
    """Bounds of ``value`` from a statistical ``interval`` of 95 % and the systematic parts.

    The interval may be longer on one side, or have one end only; ``dof`` are the degrees of freedom
    behind it. Each end is combined for itself; what is stored is the mean of both.
    """
    k = coverage_factor(dof)
    down, up = _lengths(value, interval)
    sides = [None if side is None else scatter(side / k, dof, what) for side in (down, up)]
    widths = [None if own is None else total((own, *systematic)).expanded for own in sides]
    known = [own.standard for own in sides if own is not None]
    if not known:
        return interval
    own = scatter(sum(known) / len(known), dof, what)
    return Bounds(
        None if widths[0] is None else value - widths[0],
        None if widths[1] is None else value + widths[1],
        interval.why_not,
        (own, *systematic),
    )


def mean_bounds(
    value: float, standard: float, dof: float, systematic: Sequence[Part] = (), what: str = SCATTER
) -> Bounds:
    """Bounds of a mean with this standard error, ``value -+ k u``."""
    parts = (scatter(standard, dof, what), *systematic)
    width = total(parts).expanded
    return Bounds(value - width, value + width, parts=parts)


def widened(
    value: float, interval: Bounds, systematic: Sequence[Part] = (), *, what: str = SCATTER
) -> Bounds:
    """A statistical ``interval`` of 95 % about ``value``, each end moved by all systematic parts.

    An end that is missing stays so.
    """
    by = sum(part.reach for part in systematic)
    known = [side for side in _lengths(value, interval) if side is not None]
    if not known:
        return interval
    own = interval.parts or (
        scatter(max(0.0, sum(known) / len(known)) / coverage_factor(math.inf), math.inf, what),
    )
    return Bounds(
        None if interval.lo is None else interval.lo - by,
        None if interval.hi is None else interval.hi + by,
        interval.why_not,
        (*own, *systematic),
    )


def with_systematic(
    value: float, bounds: Bounds, systematic: Sequence[Part], *, add_up: bool
) -> Bounds:
    """``bounds`` of a figure to whose budget more systematic parts come.

    ``add_up``: as in :func:`combined`, by the root of the sum of squares; else each end moves by
    all that they can amount to. What was in the budget stays; an end that is missing stays so.
    """
    more = tuple(part for part in systematic if part.standard > 0.0)
    if not more or bounds.lo is bounds.hi is None:
        return bounds
    parts = (*parts_of(value, bounds), *more)
    down, up = _lengths(value, bounds)
    if add_up:
        before, after = total(parts_of(value, bounds)), total(parts)
        down, up = (
            None if side is None else _longer(side / before.k, more, after.k) for side in (down, up)
        )
    else:
        by = sum(part.reach for part in more)
        down, up = (None if side is None else side + by for side in (down, up))
    return Bounds(
        None if down is None else value - down,
        None if up is None else value + up,
        bounds.why_not,
        parts,
    )


def _longer(standard: float, more: Sequence[Part], k: float) -> float:
    """The length of one side with more parts than those that its standard uncertainty has."""
    return k * math.sqrt(standard**2 + sum(part.standard**2 for part in more))


def seen_at_least(value: float, systematic: Sequence[Part], why_not: str = EXTREME) -> Bounds:
    """Bounds of an extreme: what was seen is possible, but for the systematic parts."""
    by = sum(part.reach for part in systematic)
    return Bounds(value - by, None, why_not, tuple(systematic))


def parts_of(value: float, bounds: Bounds) -> tuple[Part, ...]:
    """The budget of a figure: bounds that say nothing of it are statistical and nothing else."""
    known = [length for length in _lengths(value, bounds) if length]
    if bounds.parts or not known:
        return bounds.parts
    return (scatter(sum(known) / len(known) / coverage_factor(math.inf), math.inf),)


def _lengths(value: float, interval: Bounds) -> tuple[float | None, float | None]:
    """How far each end of the interval is from the value; an end beyond the value is at it."""
    down = None if interval.lo is None else max(0.0, value - interval.lo)
    up = None if interval.hi is None else max(0.0, interval.hi - value)
    return down, up


def stored_parts(parts: Iterable[Part], unit: str) -> tuple[UncertaintyPart, ...]:
    """The parts of a figure in this unit as they are stored: times in us, ratios in ppm.

    None for a figure in another unit: counts are exact.
    """
    key, scale = _STORED_IN.get(unit, ("", 0.0))
    return tuple(
        UncertaintyPart(
            part.what,
            part.type,
            part.standard * scale if key == "us" else None,
            part.standard * scale if key == "ppm" else None,
            part.dof if math.isfinite(part.dof) else None,
        )
        for part in parts
        if key
    )


def stored_total(parts: Iterable[UncertaintyPart]) -> Total:
    """Total of stored parts, in the unit that they are stored in."""
    return total(
        Part(part.what, part.type, part.amount, math.inf if part.dof is None else part.dof)
        for part in parts
    )
