"""How much a figure differs from run to run without a cause in the code: its noise floor, learned.

The spread ``tau`` of a figure between runs, on the scale of
:mod:`hil.analysis.comparison_scale`, is unknown. What is known of it is a weight for each value of
a grid, from four sources in turn:

1. Before anything is measured: log-normal about 3 % of the figure, a factor of 3 either way.
2. The windows of the runs, with those of other cases' figures as in 3. A run's figure rests on
   ``W`` windows; what these differ by beyond the error of their stamps has a spread ``omega`` of
   its own, of which the mean of the windows keeps ``omega / sqrt(W)``. Runs differ at least by
   that, since they differ by all that windows differ by: ``tau`` is taken as 1.5 times as large,
   give or take a factor of 2.2 (log-normal).
3. The past runs of every other case's figure of the same metric: the average of what they say.
   Figures that are alike inform each other, figures that are not leave the floor wide, and all
   others together count for no more than one: they may share what made a night different.
4. The figure's own past runs, by restricted likelihood: its level is unknown too (Harville 1974).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.comparison_scale import COUNT

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

    from hil.analysis.comparison_scale import Evidence
    from hil.model.captures import FloatArray

PRIOR_SPREAD = 0.03
"""Typical night noise before anything is known: 3 % of a figure (of 10 ppm for small rates)."""
GRID = np.exp(np.linspace(math.log(0.02), math.log(100.0), 35))
"""The spreads that are considered, as multiples of :func:`prior_spread`."""
_COUNT_SPREAD = 0.3
_PRIOR_WIDTH = 1.1
_PRIOR = np.exp(-0.5 * (np.log(GRID) / _PRIOR_WIDTH) ** 2)
_PRIOR /= _PRIOR.sum()
_PRIOR_WEIGHT = 2.0
_RUNS_TO_WINDOWS = math.log(1.5)
_RUNS_TO_WINDOWS_WIDTH = 0.8
_BETWEEN = np.exp(
    -0.5
    * ((np.log(GRID)[None, :] - np.log(GRID)[:, None] - _RUNS_TO_WINDOWS) / _RUNS_TO_WINDOWS_WIDTH)
    ** 2
)
_BETWEEN /= _BETWEEN.sum(axis=1, keepdims=True)


def prior_spread(first: Evidence) -> float:
    """The centre of the prior on the scale of comparison; of a linear one a share of the level."""
    if first.c == COUNT:
        return _COUNT_SPREAD
    return PRIOR_SPREAD * (linear_size(first) if first.c < 0.0 else 1.0)


def linear_size(evidence: Evidence) -> float:
    """What a change is measured by on a linear scale: the level, at least the scale's unit."""
    return max(1.0, abs(evidence.y)) if evidence.c < 0.0 else 1.0


def learn_spreads(
    families: Sequence[tuple[str, Hashable]],
    noise: Sequence[Sequence[Evidence]],
    split: Sequence[Sequence[Evidence]],
    tau2: FloatArray,
) -> FloatArray:
    """Log weights of the grid of squared spreads ``tau2`` (g, t) for each figure, (g, t).

    ``families`` are metric and case of each figure: those of the same metric, but not of the same
    case, inform each other. ``noise`` are its past runs with a finite error, ``split`` the runs
    whose windows tell of it.
    """
    metrics = {name: at for at, name in enumerate(dict.fromkeys(metric for metric, _ in families))}
    cases = {name: at for at, name in enumerate(dict.fromkeys(families))}
    family = np.array([metrics[metric] for metric, _ in families])
    case = np.array([cases[name] for name in families])
    windows_likely, split_known = _likelihood_of_windows(split, tau2)
    between_windows = _learned(np.log(_PRIOR)[None, :], windows_likely, split_known, family, case)
    prior = np.where(split_known[:, None], between_windows @ _BETWEEN, _PRIOR)
    ys, errors2 = evidence_table(noise)
    weights = 1.0 / (errors2[:, :, None] + tau2[:, None, :])
    total = weights.sum(axis=1)
    known = np.array([len(row) >= 2 for row in noise])
    total[~known] = 1.0
    level = (weights * ys[:, :, None]).sum(axis=1) / total
    rest = (weights * (ys[:, :, None] - level[:, None, :]) ** 2).sum(axis=1)
    likely = np.log(np.where(weights > 0.0, weights, 1.0)).sum(axis=1) - np.log(total) - rest
    likely = np.where(known[:, None], 0.5 * likely, 0.0)
    posterior = _learned(np.log(np.maximum(prior, 1e-300)), likely, known, family, case)
    result: FloatArray = np.log(np.maximum(posterior, 1e-300))
    return result


def _learned(
    log_prior: FloatArray,
    likely: FloatArray,
    known: NDArray[np.bool_],
    family: NDArray[np.int64],
    case: NDArray[np.int64],
) -> FloatArray:
    """Weights of the grid, (g, t): a figure's prior, its family's mean posterior, its likelihood.

    ``likely`` (g, t) are logarithms, of use where ``known``.
    """
    alone = normalised(log_prior + likely)
    informative = np.where(known[:, None], alone, 0.0)
    others = _sum_by(family, informative) - _sum_by(case, informative)
    count = _sum_by(family, known[:, None]) - _sum_by(case, known[:, None])
    shared = (_PRIOR_WEIGHT * np.exp(log_prior) + others) / (_PRIOR_WEIGHT + count)
    return normalised(np.log(np.maximum(shared, 1e-300)) + likely)


def _likelihood_of_windows(
    split: Sequence[Sequence[Evidence]], tau2: FloatArray
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Log likelihood of each spread between windows, (g, t), and for which figures there is one.

    The parts of a run scatter about their mean with ``W`` times the variance that their mean has;
    on the scale of counts with the same one, since a part has fewer of them.
    """
    most = max(1, max((len(runs) for runs in split), default=1))
    shape = (len(split), most)
    parts, own, scatter = np.ones(shape), np.zeros(shape), np.zeros(shape)
    times = np.ones(shape)
    for at, runs in enumerate(split):
        for run, evidence in enumerate(runs):
            count = len(evidence.parts)
            if count < 2:
                continue
            middle = sum(evidence.parts) / count
            parts[at, run] = count
            scatter[at, run] = sum((part - middle) ** 2 for part in evidence.parts)
            own[at, run] = 0.0 if evidence.from_parts else evidence.error**2
            times[at, run] = 1.0 if evidence.c == COUNT else count
    log_likely = np.zeros_like(tau2)
    for run in range(most):
        variance = times[:, run, None] * (own[:, run, None] + tau2)
        log_likely -= 0.5 * (
            (parts[:, run, None] - 1.0) * np.log(variance) + scatter[:, run, None] / variance
        )
    told: NDArray[np.bool_] = np.any(parts > 1.0, axis=1)
    return log_likely, told


def evidence_table(rows: Sequence[Sequence[Evidence]]) -> tuple[FloatArray, FloatArray]:
    """``y`` and squared errors of runs, (g, runs); infinite errors where a figure has fewer."""
    most = max(1, max((len(row) for row in rows), default=1))
    ys, errors2 = np.zeros((len(rows), most)), np.full((len(rows), most), np.inf)
    for at, row in enumerate(rows):
        ys[at, : len(row)] = [evidence.y for evidence in row]
        errors2[at, : len(row)] = [evidence.error**2 for evidence in row]
    return ys, errors2


def normalised(logs: FloatArray) -> FloatArray:
    """Weights from their logarithms, each row with the sum 1."""
    raw = np.exp(logs - logs.max(axis=1, keepdims=True))
    result: FloatArray = raw / raw.sum(axis=1, keepdims=True)
    return result


def _sum_by(group: NDArray[np.int64], rows: NDArray[np.float64] | NDArray[np.bool_]) -> FloatArray:
    """For each row the sum of all rows of its group."""
    sums = np.zeros((int(group.max()) + 1, rows.shape[1]))
    np.add.at(sums, group, rows)
    result: FloatArray = sums[group]
    return result
