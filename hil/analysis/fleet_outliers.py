"""Boards that differ from others of their kind: robust scores with the number of figures in mind.

Each figure of a board is held against those of the boards like it (one group) on the scale of
:mod:`hil.analysis.comparison_scale`. Its score is ``z = (y - median) / s`` with
``s^2 = (1.4826 MAD)^2 + max(0, e^2 - median(e^2))``: the spread between the boards, wider where a
board's own error ``e`` is larger than usual (fewer activations). Where the boards hardly differ
``s`` is what can be resolved (:func:`least_spread`).

The p-value is two-sided, of Student's t with ``nu`` degrees of freedom, the least of:

- 0.37 n: the MAD of ``n`` normal values knows the spread as well as the standard deviation of
  0.37 n values does (Rousseeuw and Croux 1993, "Alternatives to the median absolute deviation":
  its efficiency is 37 %);
- what the scores show of the boards that do not stand out: ``nu`` whose ratio of two quantiles is
  theirs and a tenth more, for each side alone, so that heavy tails and skewed ones name nobody. The
  quantiles are those of 95 and 50 %; of many scores those of 98 and 90 % where these have the
  lighter tail (exponential ones). Before anything is seen ``nu`` is 3, which weighs as much as 300
  scores.

The p-values of all figures of all boards in a night are judged together after Benjamini and
Hochberg (1995): in a night without an outlier at most 5 % name one, and of what is named at most
5 % are false on average. A figure by which more than a quarter of the boards is far out names
nobody: these boards are of two kinds.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.comparison_scale import COUNT
from hil.analysis.uncertainty.distributions import t_cdf, t_quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.analysis.activations import BoolArray
    from hil.model.captures import FloatArray

FALSE_ALARMS = 0.05
"""The share of nights without an outlier in which one is named, at most."""
FEWEST_BOARDS = 8
"""Boards with a figure, below which nobody is named by it: their spread is not known."""
_MAD_TO_SIGMA = 1.4826
_MAD_EFFICIENCY = 0.37
_NEAR = 3.0
"""Scores up to here are never named."""
_MANY_SCORES = 1000
_PRIOR_DOF, _PRIOR_SCORES = 3.0, 300.0
_TAIL_MARGIN = 1.1
_QUANTILES = ((0.95, 0.5), (0.98, 0.9))
_MOST_LEFT_OUT = 30
_MOST_FAR = 0.25
"""The largest share of the boards that can stand out by one figure."""
_DOF = (2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 60.0, 200.0)


@dataclass(frozen=True, slots=True)
class FleetGroup:
    """The figures of boards that are alike, on the scale of comparison.

    ``y`` (boards, figures) is NaN where a board does not have a figure; ``error`` is the standard
    error of each, NaN where it is not known; ``least`` (figures,) is the least spread.
    """

    y: FloatArray
    error: FloatArray
    least: FloatArray


@dataclass(frozen=True, slots=True)
class FleetOutlier:
    """Board ``board`` of group ``group`` stands out by its figure ``figure``.

    ``z`` is the score, ``p`` the p-value among all figures of the night (Benjamini and Hochberg).
    """

    group: int
    board: int
    figure: int
    z: float
    p: float


@dataclass(frozen=True, slots=True)
class FleetJudgement:
    """The outliers of a night, the clearest first, and how many figures were judged."""

    outliers: tuple[FleetOutlier, ...]
    judged: int


def least_spread(c: float, median: float, step: float) -> float:
    """The spread on the scale of constant ``c`` that is taken where the boards are alike.

    One per cent or a ``step`` of the clock of a time, 0.1 ppm of a rate, and of a count what chance
    makes of it (1, Poisson).
    """
    if c == COUNT:
        return 1.0
    if c < 0.0:
        return 0.1 / -c
    return max(0.01, step / math.hypot(c, median))


def judge_fleet(groups: Sequence[FleetGroup], false_alarms: float = FALSE_ALARMS) -> FleetJudgement:
    """All that stands out in a night; see the module's text."""
    candidates: list[tuple[float, float, int, int, int]] = []
    judged = 0
    for number, group in enumerate(groups):
        scores, resolved = group_scores(group)
        judged += int(np.isfinite(scores).sum())
        rows = _p_values(scores, resolved)
        candidates += [(p, z, number, board, figure) for p, z, board, figure in rows]
    candidates.sort(key=lambda row: (row[0], -abs(row[1])))
    candidates = _without_kinds(candidates, groups)
    named = 0
    adjusted = [row[0] * judged / rank for rank, row in enumerate(candidates, 1)]
    for rank, p in enumerate(adjusted, 1):
        if p <= false_alarms:
            named = rank
    least = np.minimum.accumulate(np.array(adjusted[:named])[::-1])[::-1].tolist()
    outliers = [
        FleetOutlier(number, board, figure, z, p)
        for (_, z, number, board, figure), p in zip(candidates[:named], least, strict=True)
    ]
    return FleetJudgement(tuple(outliers), judged)


def _without_kinds(
    candidates: list[tuple[float, float, int, int, int]], groups: Sequence[FleetGroup]
) -> list[tuple[float, float, int, int, int]]:
    """The candidates but for figures by which many boards are far out: these are of two kinds."""
    far = Counter((number, figure) for _, _, number, _, figure in candidates)
    return [
        row
        for row in candidates
        if far[row[2], row[4]] <= max(1.0, _MOST_FAR * groups[row[2]].y.shape[0])
    ]


def group_scores(group: FleetGroup) -> tuple[FloatArray, BoolArray]:
    """``z`` (boards, figures); NaN where a figure is absent or too few boards have it.

    And for each figure whether the boards differ by more than the least spread.
    """
    scores = np.full(group.y.shape, np.nan)
    resolved = np.zeros(group.y.shape[1], dtype=np.bool_)
    enough = np.flatnonzero(np.isfinite(group.y).sum(axis=0) >= FEWEST_BOARDS)
    y = group.y[:, enough]
    center = np.nanmedian(y, axis=0) if enough.size else np.zeros(0)
    spread = _MAD_TO_SIGMA * np.nanmedian(np.abs(y - center), axis=0) if enough.size else center
    resolved[enough] = spread > group.least[enough]
    spread = np.maximum(spread, group.least[enough])
    error = np.nan_to_num(group.error[:, enough]) ** 2
    beyond = np.maximum(0.0, error - np.median(error, axis=0)) if enough.size else error
    scores[:, enough] = (y - center) / np.sqrt(spread**2 + beyond)
    return scores, resolved


def _p_values(scores: FloatArray, resolved: BoolArray) -> list[tuple[float, float, int, int]]:
    """p-value, score, board and figure of each score that is far out."""
    rows = []
    known = np.isfinite(scores)
    dof = _MAD_EFFICIENCY * known.sum(axis=0)
    for side in (1.0, -1.0):
        one_sided = np.where(known, side * scores, -np.inf)
        far = np.argwhere(one_sided > _NEAR)
        if far.size:
            tail = _tail_without_outliers(one_sided, resolved, dof, int(known.sum()))
        for board, figure in far.tolist():
            z = float(scores[board, figure])
            rows.append((_p(abs(z), min(float(dof[figure]), tail)), z, board, figure))
    return rows


def _tail_without_outliers(
    scores: FloatArray, resolved: BoolArray, dof: FloatArray, judged: int
) -> float:
    """The degrees of freedom that the scores look like without the boards that stand out.

    As many of the boards with the largest scores are left out as are each significant by what the
    rest shows (the idea of Rosner 1983, "Percentage points for a generalized ESD many-outlier
    procedure"), at least one, and at most an eighth: several outliers do not hide each other.
    """
    farthest = np.argmax(scores, axis=1)
    largest = scores[np.arange(scores.shape[0]), farthest]
    order = np.argsort(-largest, kind="stable")
    shape = scores[:, resolved]
    most = min(-(-scores.shape[0] // 8), _MOST_LEFT_OUT)
    chosen = _tail_dof(shape[order[1:]])
    for left_out in range(1, most + 1):
        board = order[left_out - 1]
        if largest[board] <= _NEAR:
            break
        tail = chosen if left_out == 1 else _tail_dof(shape[order[left_out:]])
        p = _p(float(largest[board]), min(float(dof[farthest[board]]), tail))
        if p * judged <= FALSE_ALARMS:
            chosen = tail
    return chosen


@lru_cache(maxsize=4096)
def _p(z: float, dof: float) -> float:
    return 2.0 * t_cdf(-z, dof)


def _tail_dof(scores: FloatArray) -> float:
    """The degrees of freedom that the positive ``scores`` look like."""
    above = scores[scores > 0.0]
    if not above.size:
        return _PRIOR_DOF
    pairs = _QUANTILES if above.size >= _MANY_SCORES else _QUANTILES[:1]
    return max(_dof_of(above, *pair) for pair in pairs)


def _dof_of(above: FloatArray, far: float, near: float) -> float:
    ratios = _tail_ratios(far, near)
    seen = _TAIL_MARGIN * float(np.quantile(above, far) / np.quantile(above, near))
    prior = float(np.interp(_PRIOR_DOF, _DOF, ratios))
    ratio = (above.size * seen + _PRIOR_SCORES * prior) / (above.size + _PRIOR_SCORES)
    return float(np.interp(-ratio, -ratios, _DOF))


@lru_cache(maxsize=2)
def _tail_ratios(far: float, near: float) -> FloatArray:
    """The ratio of both quantiles of what is above zero, for each of ``_DOF``; falling."""
    return np.array(
        [t_quantile((1.0 + far) / 2.0, dof) / t_quantile((1.0 + near) / 2.0, dof) for dof in _DOF]
    )
