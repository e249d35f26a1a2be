"""Which figure of a run is held against which figures of which past runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from hil.analysis.changes import Held, Past
from hil.analysis.evidence import Evidence
from hil.metrics import find_metric


class FigureKey(NamedTuple):
    """A figure's name within a run: ``board`` is what the runs are paired by."""

    board: str
    technique: str
    load: str
    task: int | None
    method: str | None
    metric: str


PAST_RUNS = 30
"""So many past runs are looked at: what is learned of the noise floor grows little beyond."""
LEADING = ("lateness_p50_us", "lateness_p99_us")
"""What a run is judged by first, over all tasks."""
_CUT = 5.0
_SIDE = 3

RunEvidence = Mapping[FigureKey, Evidence]
"""Everything that one run says, by figure."""


def pair_figures(
    now: RunEvidence,
    history: Sequence[RunEvidence],
    reference: Sequence[RunEvidence] | None = None,
    *,
    two_nights: bool = True,
) -> Iterator[tuple[FigureKey, Past]]:
    """Each figure of ``now`` that a reference run has too, with what it is held against.

    ``history`` are the runs before, the newest first: they teach the noise floor. Without
    ``reference`` they are the reference as well, and two runs together are held against those
    before both, as soon as that leaves two. ``reference`` is apart from ``history``. A past that
    shows a change of its own counts from that change on only. ``two_nights`` is false where
    ``now`` is no run after those of ``history``.
    """
    for key, evidence in now.items():
        past = since_change(_bounded([run[key] for run in history if key in run]))
        named = _bounded([run[key] for run in reference or () if key in run])
        fixed = past if reference is None else named
        if not fixed:
            continue
        recent: Evidence | None = None
        earlier: Held | None = None
        newest = history[0].get(key) if history else None
        if newest is not None and not np.isfinite(newest.error):
            newest = None
        if two_nights and newest is not None:
            before = past[1:] if reference is None else fixed
            if reference is not None or len(before) >= 2:
                recent, earlier = newest, Held(tuple(before), tuple(past[1:]))
        known = find_metric(key.metric)
        yield (
            key,
            Past(
                case=(key.board, key.technique, key.load),
                metric=key.metric,
                sense="lower" if known is None else known.sense,
                now=evidence,
                past=Held(tuple(fixed), tuple(past)),
                recent=recent,
                earlier=earlier,
                leading=key.metric in LEADING
                and key.method is None
                and (key.task is None or key._replace(task=None) not in now),
            ),
        )


def since_change(past: list[Evidence]) -> list[Evidence]:
    """The newest runs of ``past`` (newest first), up to where the figure's level has changed.

    A change is where the means before and after are 5 standard errors apart, with three runs on
    either side at least. The scale is that of the median difference between neighbouring runs,
    which a step between two of them does not widen.
    """
    count = len(past)
    if count < 2 * _SIDE:
        return past
    y = np.array([one.y for one in past])
    # the median of a squared normal difference is 0.455 times its variance, which is twice theirs
    scale = float(np.median(np.square(np.diff(y)))) / (2.0 * 0.455)
    errors = [one.error**2 for one in past if np.isfinite(one.error)]
    scale = max(scale, float(np.median(errors)) if errors else 0.0, 1e-18)
    newest = np.arange(_SIDE, count - _SIDE + 1)
    sums = np.cumsum(y)
    means = sums[newest - 1] / newest
    rest = (sums[-1] - sums[newest - 1]) / (count - newest)
    apart = np.abs(means - rest) / np.sqrt(scale * (1.0 / newest + 1.0 / (count - newest)))
    worst = int(np.argmax(apart))
    return past[: int(newest[worst])] if apart[worst] > _CUT else past


def _bounded(told: list[Evidence]) -> list[Evidence]:
    """Those with an error, unless there is none: a run that can't tell keeps no others back."""
    return [one for one in told if np.isfinite(one.error)] or told
