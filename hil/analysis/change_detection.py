"""Has a figure changed since earlier runs? With bounds that hold for all figures together.

Model, for each figure on the scale of :mod:`hil.analysis.comparison_scale`: run ``j`` shows
``y_j = level + b_j + e_j``. ``e_j`` is the error that the run's own stamps leave, with the standard
error that they give; ``b_j`` is what differs from night to night without a cause in the code
(its *noise floor*), normal with an unknown spread ``tau``. A change is a shift of the level.

``tau`` is learned on a grid. Its prior (log-normal about 3 % of the figure) is first updated by the
past runs of every other case's figure of the same metric; the average of what they then say is the
prior of this figure. So figures that are alike inform each other, figures that are not leave it
wide, and all others together count for no more than one: they may share what made a night
different. Then come the figure's own earlier runs (restricted likelihood: its level is unknown too,
Harville 1974). The bounds of the shift are those of the mixture over ``tau`` of Student's t
distributions (degrees of freedom after Welch 1947), so that with one earlier run they are wide, and
with ten close to what the runs show.

Two questions are answered for a figure: is this run different from those before it, and are this
run and the one before it different from those before both. The bounds of all figures hold together
at ``confidence``: each question has its share of the error (Bonferroni, weighted), since figures
are correlated in unknown ways.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.comparison_scale import COUNT, off_scale
from hil.analysis.uncertainty.distributions import log_t_tail

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

    from hil.analysis.comparison_scale import Evidence
    from hil.model.captures import FloatArray
    from hil.model.metric import Sense
    from hil.model.results import Trend

CHANGE_CONFIDENCE = 0.99
PRIOR_SPREAD = 0.03
"""Typical night noise before anything is known: 3 % of a figure (of 10 ppm for small rates)."""
_COUNT_SPREAD = 0.3
_PRIOR_WIDTH = 1.1
_PRIOR_WEIGHT = 2.0
_GRID = np.exp(np.linspace(math.log(0.02), math.log(100.0), 35))
_PRIOR = np.exp(-0.5 * (np.log(_GRID) / _PRIOR_WIDTH) ** 2)
_PRIOR /= _PRIOR.sum()
_BOTH = 0.25
_TELLING = math.log(1.5)
_LARGER = 2.0 / 3.0
_SECANTS = 7
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
    the run before is part of ``after``.
    """

    before: float
    after: float
    lo: float | None
    hi: float | None
    trend: Trend
    spread: float
    two: bool = False
    note: str | None = None


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
            if not double or (
                verdict.trend in ("worse", "better") and result[at].trend not in ("worse", "better")
            ):
                result[at] = verdict
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
    spread = np.array([_prior_spread(basis) for basis in bases])
    tau2 = (spread[:, None] * _GRID) ** 2
    log_weight = _learn(figures, bases, tau2)
    ys, errors2 = _table([basis.reference for basis in bases])
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


def _prior_spread(basis: ReferenceEvidence) -> float:
    """The centre of the prior on the scale of comparison; of a linear one a share of the level."""
    first = basis.reference[0]
    if first.c == COUNT:
        return _COUNT_SPREAD
    return PRIOR_SPREAD * (_size(first) if first.c < 0.0 else 1.0)


def _size(evidence: Evidence) -> float:
    """What a change is measured by on a linear scale: the level, at least the scale's unit."""
    return max(1.0, abs(evidence.y)) if evidence.c < 0.0 else 1.0


def _table(rows: Sequence[Sequence[Evidence]]) -> tuple[FloatArray, FloatArray]:
    """``y`` and squared errors of runs, (g, runs); infinite errors where a figure has fewer."""
    most = max(1, max((len(row) for row in rows), default=1))
    ys, errors2 = np.zeros((len(rows), most)), np.full((len(rows), most), np.inf)
    for at, row in enumerate(rows):
        ys[at, : len(row)] = [evidence.y for evidence in row]
        errors2[at, : len(row)] = [evidence.error**2 for evidence in row]
    return ys, errors2


def _learn(
    figures: Sequence[FigureHistory], bases: Sequence[ReferenceEvidence], tau2: FloatArray
) -> FloatArray:
    """Log weights of the grid of spreads for each figure, (g, t); see the module's text."""
    noise = [
        [evidence for evidence in basis.noise if math.isfinite(evidence.error)] for basis in bases
    ]
    ys, errors2 = _table(noise)
    weights = 1.0 / (errors2[:, :, None] + tau2[:, None, :])
    total = weights.sum(axis=1)
    known = np.array([len(row) >= 2 for row in noise])
    total[~known] = 1.0
    level = (weights * ys[:, :, None]).sum(axis=1) / total
    rest = (weights * (ys[:, :, None] - level[:, None, :]) ** 2).sum(axis=1)
    likely = np.log(np.where(weights > 0.0, weights, 1.0)).sum(axis=1) - np.log(total) - rest
    likely = np.where(known[:, None], 0.5 * likely, 0.0)
    alone = _normalised(np.log(_PRIOR) + likely)
    metrics = {
        name: at for at, name in enumerate(dict.fromkeys(figure.metric for figure in figures))
    }
    cases = {
        name: at
        for at, name in enumerate(dict.fromkeys((figure.metric, figure.case) for figure in figures))
    }
    family = np.array([metrics[figure.metric] for figure in figures])
    case = np.array([cases[figure.metric, figure.case] for figure in figures])
    informative = np.where(known[:, None], alone, 0.0)
    others = _sum_by(family, informative) - _sum_by(case, informative)
    count = _sum_by(family, known[:, None]) - _sum_by(case, known[:, None])
    prior = (_PRIOR_WEIGHT * _PRIOR + others) / (_PRIOR_WEIGHT + count)
    posterior = _normalised(np.log(np.maximum(prior, 1e-300)) + likely)
    result: FloatArray = np.log(np.maximum(posterior, 1e-300))
    return result


def _normalised(logs: FloatArray) -> FloatArray:
    raw = np.exp(logs - logs.max(axis=1, keepdims=True))
    result: FloatArray = raw / raw.sum(axis=1, keepdims=True)
    return result


def _sum_by(group: NDArray[np.int64], rows: NDArray[np.float64] | NDArray[np.bool_]) -> FloatArray:
    """For each row the sum of all rows of its group."""
    sums = np.zeros((int(group.max()) + 1, rows.shape[1]))
    np.add.at(sums, group, rows)
    result: FloatArray = sums[group]
    return result


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
    trend: Trend = "same"
    note = None
    if moved:
        up = abs(after) > abs(before) if figure.sense == "magnitude" else after > before
        trend = "better" if up == (figure.sense == "higher") else "worse"
        if figure.sense == "none":
            trend, note = "unclear", NEITHER
    elif c != COUNT and max(abs(ends[0]), abs(ends[1])) > _TELLING * _size(
        figure.before.reference[0]
    ):
        trend = "unclear"
        note = HIDES
    return JudgedChange(before, after, lo, hi, trend, spread, len(new) == 2, note)
