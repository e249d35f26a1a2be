"""Has a figure changed since earlier runs? With bounds that hold for all figures together.

Model, for each figure on the scale of :mod:`hil.analysis.comparison_scale`: run ``j`` shows
``y_j = level + b_j + e_j``. ``e_j`` is the error that the run's own stamps leave, with the standard
error that they give; ``b_j`` is what differs from night to night without a cause in the code
(its *noise floor*), normal with an unknown spread ``tau``. A change is a shift of the level.

``tau`` is learned (:mod:`hil.analysis.noise_floor`), first from the windows of the runs, then from
past runs. The bounds of the shift are those of the mixture over ``tau`` of Student's t
distributions (degrees of freedom after Welch 1947), so that with one earlier run they are wide, and
with ten close to what the runs show. How far they reach from the shift is the smallest change that
could have been seen.

Two questions are answered for a figure: is this run different from those before it, and are this
run and the one before it different from those before both. The bounds of all figures hold together
at ``confidence``: each question has its share of the error (Bonferroni, weighted), since figures
are correlated in unknown ways. A run that differs in one of its windows only was disturbed there:
a shift counts where all windows lean the same way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.comparison_scale import COUNT, off_scale
from hil.analysis.noise_floor import (
    GRID,
    evidence_table,
    learn_spreads,
    linear_size,
    prior_spread,
)
from hil.analysis.uncertainty.distributions import log_t_tail

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from hil.analysis.comparison_scale import Evidence
    from hil.model.captures import FloatArray
    from hil.model.metric import Sense
    from hil.model.results import Trend

CHANGE_CONFIDENCE = 0.99
_BOTH = 0.25
_TELLING = math.log(1.5)
_LARGER = 2.0 / 3.0
_SECANTS = 7
IN_PART = "not throughout the run: one of its windows differs from the others"
NEITHER = "has moved, and neither way is better"
HIDES = "a change by half could hide in these bounds"


@dataclass(frozen=True, slots=True)
class ReferenceEvidence:
    """What a figure is compared with: ``reference`` gives its level, ``noise`` its spread."""

    reference: tuple[Evidence, ...]
    noise: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class FigureHistory:
    """One figure of a new run, and the runs before it.

    ``case`` and ``metric`` say which figures may learn from each other: of the same metric, but not
    of the same case. ``leading`` figures get the larger part of the error that is allowed, so that
    they are not drowned by many others. ``recent`` is the run just before the new one, and
    ``earlier`` what both together are compared with; without one of them the second question has no
    answer.
    """

    case: Hashable
    metric: str
    sense: Sense
    now: Evidence
    before: ReferenceEvidence
    recent: Evidence | None = None
    earlier: ReferenceEvidence | None = None
    leading: bool = False


@dataclass(frozen=True, slots=True)
class JudgedChange:
    """``after - before`` with bounds, in the figure's unit; the bounds of all figures together.

    ``spread`` is the learned noise floor on the scale of comparison (0.03: 3 %), ``two`` says that
    the run before is part of ``after``. ``detectable`` is the smallest change to the worse (either
    way, the larger, where neither is worse) that this run alone would have been told by.
    """

    before: float
    after: float
    lo: float | None
    hi: float | None
    trend: Trend
    spread: float
    two: bool = False
    note: str | None = None
    detectable: float | None = None


def judge_changes(
    figures: Sequence[FigureHistory], confidence: float = CHANGE_CONFIDENCE
) -> list[JudgedChange]:
    """One verdict for each figure, in their order; ``confidence`` is that of all bounds together.

    A figure is ``worse`` or ``better`` where its bounds exclude no change and ``same`` where they
    exclude at least a change by half. Else it is ``unclear``: also where one side has no bounds at
    all, and where a change is neither better nor worse.
    """
    judged = [at for at, figure in enumerate(figures) if _bounded(figure)]
    paired = [at for at in judged if figures[at].recent and figures[at].earlier]
    shares = _shares(figures, judged, set(paired), (1.0 - confidence) / 2.0)
    result = [_unbounded(figure) for figure in figures]
    for indices, double in ((judged, False), (paired, True)):
        logs = np.log([shares[at][double] for at in indices])
        verdicts = _ask([figures[at] for at in indices], logs, double)
        for at, verdict in zip(indices, verdicts, strict=True):
            if not double:
                result[at] = verdict
            elif verdict.trend in ("worse", "better") and (
                result[at].trend not in ("worse", "better")
            ):
                result[at] = replace(verdict, detectable=result[at].detectable)
    return result


def _shares(
    figures: Sequence[FigureHistory], judged: Sequence[int], paired: set[int], error: float
) -> dict[int, tuple[float, float]]:
    """Each figure's part of ``error`` for either question (Bonferroni, weighted).

    Two thirds go to the leading figures, and of each figure's part two thirds to both runs
    together, whose answer is the more certain one.
    """
    leading = sum(figures[at].leading for at in judged)
    rest = len(judged) - leading
    shares = {}
    for at in judged:
        part = _LARGER if figures[at].leading else 1.0 - _LARGER
        if not leading or not rest:
            part = 1.0
        share = error * part / (leading if figures[at].leading else rest)
        shares[at] = (share * (1.0 - _LARGER), share * _LARGER) if at in paired else (share, 0.0)
    return shares


def _bounded(figure: FigureHistory) -> bool:
    evidence = (figure.now, *figure.before.reference)
    return len(evidence) > 1 and all(math.isfinite(part.error) for part in evidence)


def _unbounded(figure: FigureHistory) -> JudgedChange:
    levels = [part.value for part in figure.before.reference]
    before = float(np.median(levels)) if levels else math.nan
    note = "no bounds on one side, so not judged" if levels else "no past run has this figure"
    return JudgedChange(before, figure.now.value, None, None, "unclear", 0.0, note=note)


@dataclass(slots=True)
class _Asked:
    """Arrays over figures (g,), or figures and grid (g, t): the new value and those before."""

    new: FloatArray
    low2: FloatArray
    high2: FloatArray
    dof: FloatArray
    level: FloatArray
    level2: FloatArray
    level_dof: FloatArray
    night2: FloatArray
    log_weight: FloatArray

    def score(self, shift: FloatArray, side: int) -> FloatArray:
        """How unlikely a value so far on ``side`` (1: upward) is under ``shift``.

        ``sqrt(-2 log p)``, which is nearly linear in the shift.
        """
        own = (self.low2 if side > 0 else self.high2)[:, None]
        variance = own + self.night2 + self.level2
        parts = own**2 / self.dof[:, None] + self.level2**2 / self.level_dof[:, None]
        away = side * ((self.new - shift)[:, None] - self.level) / np.sqrt(variance)
        logs = log_t_tail(away, variance**2 / np.maximum(parts, 1e-300)) + self.log_weight
        top = logs.max(axis=1)
        log_p = top + np.log(np.exp(logs - top[:, None]).sum(axis=1))
        result: FloatArray = np.sqrt(np.maximum(-2.0 * log_p, 0.0))
        return result

    def end(self, side: int, log_share: FloatArray) -> FloatArray:
        """The shift under which a value so far on ``side`` has the probability ``log_share``."""
        weight = np.exp(self.log_weight)
        centre = self.new - (weight * self.level).sum(axis=1)
        own = self.low2 if side > 0 else self.high2
        sigma = np.sqrt(own + (weight * (self.night2 + self.level2)).sum(axis=1)) + 1e-12
        wanted = np.sqrt(-2.0 * log_share)
        first, second = centre - side * sigma, centre - side * wanted * sigma
        at_first, at_second = self.score(first, side), self.score(second, side)
        for _ in range(_SECANTS):
            rise = np.where(np.abs(at_second - at_first) > 1e-12, at_second - at_first, np.inf)
            step = (wanted - at_second) * (second - first) / rise
            step = np.clip(step, -40.0 * sigma, 40.0 * sigma)
            first, at_first, second = second, at_second, second + step
            at_second = self.score(second, side)
        result: FloatArray = second
        return result


def _ask(
    figures: Sequence[FigureHistory], log_share: FloatArray, double: bool
) -> list[JudgedChange]:
    """One of the two questions: this run, or with ``double`` this and the one before."""
    if not figures:
        return []
    bases = [(figure.earlier if double else figure.before) or figure.before for figure in figures]
    new = [
        (figure.now, figure.recent) if double and figure.recent else (figure.now,)
        for figure in figures
    ]
    spread = np.array([prior_spread(basis.reference[0]) for basis in bases])
    tau2 = (spread[:, None] * GRID) ** 2
    log_weight = learn_spreads(
        [(figure.metric, figure.case) for figure in figures],
        [[part for part in basis.noise if math.isfinite(part.error)] for basis in bases],
        [
            (*parts, *dict.fromkeys((*basis.reference, *basis.noise)))
            for parts, basis in zip(new, bases, strict=True)
        ],
        tau2,
    )
    ys, errors2 = evidence_table([basis.reference for basis in bases])
    weights = 1.0 / (errors2[:, :, None] + tau2[:, None, :])
    total = weights.sum(axis=1)
    count = np.array([len(parts) for parts in new], dtype=np.float64)
    asked = _Asked(
        new=np.array([sum(part.y for part in parts) / len(parts) for parts in new]),
        low2=np.array([sum(part.low**2 for part in parts) for parts in new]) / count**2,
        high2=np.array([sum(part.high**2 for part in parts) for parts in new]) / count**2,
        dof=np.array([sum(part.dof for part in parts) for parts in new]),
        level=(weights * ys[:, :, None]).sum(axis=1) / total,
        level2=1.0 / total,
        level_dof=np.array([sum(part.dof for part in basis.reference) for basis in bases]),
        night2=tau2 / count[:, None],
        log_weight=log_weight,
    )
    lo, hi = asked.end(1, log_share), asked.end(-1, log_share)
    weight = np.exp(log_weight)
    level = (weight * asked.level).sum(axis=1)
    floor = np.sqrt((weight * tau2).sum(axis=1))
    return [
        _verdict(figure, parts, float(level[at]), (float(lo[at]), float(hi[at])), float(floor[at]))
        for at, (figure, parts) in enumerate(zip(figures, new, strict=True))
    ]


def _verdict(
    figure: FigureHistory,
    new: tuple[Evidence, ...],
    level: float,
    ends: tuple[float, float],
    spread: float,
) -> JudgedChange:
    """Back in the figure's unit, with what it means."""
    c = figure.now.c
    y = sum(part.y for part in new) / len(new)
    parts = (*new, *figure.before.reference)
    cluster = sum(part.cluster for part in parts) / len(parts) if c == COUNT else 1.0
    before, after = off_scale(level, c) * cluster, off_scale(y, c) * cluster
    # the bounds of the shift, added upward to the earlier value and downward to the new one
    lo = (off_scale(level + ends[0], c) - off_scale(level, c)) * cluster
    hi = (off_scale(level + ends[1], c) - off_scale(level, c)) * cluster
    if c == COUNT and len(new) == 1:
        after = figure.now.value
    moved = ends[0] > 0.0 or ends[1] < 0.0
    if moved and len(new) == 2:
        shifts = [part.y - level for part in new]
        moved = min(shifts, key=abs) / (sum(shifts) / 2) > _BOTH
    throughout = all(_throughout(part, part.y - level) for part in new)
    trend: Trend = "same"
    note = None
    if moved and not throughout:
        trend, note = "unclear", IN_PART
    elif moved:
        up = abs(after) > abs(before) if figure.sense == "magnitude" else after > before
        trend = "better" if up == (figure.sense == "higher") else "worse"
        if figure.sense == "none":
            trend, note = "unclear", NEITHER
    elif c != COUNT and max(abs(ends[0]), abs(ends[1])) > _TELLING * linear_size(
        figure.before.reference[0]
    ):
        trend = "unclear"
        note = HIDES
    reach = _reach(figure.sense, level, (y - level - ends[0], ends[1] - y + level), c) * cluster
    return JudgedChange(before, after, lo, hi, trend, spread, len(new) == 2, note, reach)


def _reach(sense: Sense, level: float, reach: tuple[float, float], c: float) -> float:
    """The smallest change that is told, in the figure's unit: by ``reach`` upward and downward."""
    before = off_scale(level, c)
    up, down = off_scale(level + reach[0], c) - before, before - off_scale(level - reach[1], c)
    if sense == "lower":
        return up
    if sense == "higher":
        return down
    if sense == "magnitude":
        return up if level >= 0.0 else down
    return max(up, down)


def _throughout(evidence: Evidence, shift: float) -> bool:
    """Whether each part of a run is shifted, by a quarter of the whole at least."""
    if len(evidence.parts) < 2 or not shift:
        return True
    times = math.sqrt(len(evidence.parts)) if evidence.c == COUNT else 1.0
    middle = sum(evidence.parts) / len(evidence.parts)
    shifts = [shift + times * (part - middle) for part in evidence.parts]
    return min(part / shift for part in shifts) > _BOTH
