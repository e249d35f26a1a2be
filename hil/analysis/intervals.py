"""Period and cycle-to-cycle jitter of consecutive activations (JEDEC JESD65B)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hil.analysis.activations import Activations, FloatArray
from hil.analysis.passes import CellSums, Extremes, SquareSums, pieces
from hil.records import IntArray


@dataclass(frozen=True, slots=True)
class Intervals:
    """What is said of a task's ``n`` intervals, those over lost stamps left out.

    ``away`` are their squared distances from the ``mean``, ``range`` the least and greatest of
    these distances, ``cells`` the intervals themselves in stretches; ``change`` are the squares of
    the differences of neighbours and ``largest`` their absolute values. Places are those of the
    first stamp.
    """

    n: int
    mean: float
    away: SquareSums
    range: Extremes
    cells: CellSums
    change: SquareSums
    largest: Extremes


def look_at_intervals(task: Activations) -> Intervals:
    """Two passes over the task's stamps, a piece at a time."""
    total, n, pairs = 0.0, 0, 0
    for start, end in pieces(task.n - 1):
        gaps, _, steps, _ = _piece(task, start, end)
        total += float(gaps.sum())
        n += gaps.size
        pairs += steps.size
    mean = total / n if n else 0.0
    found = Intervals(
        *(n, mean, SquareSums(n), Extremes(), CellSums(n), SquareSums(pairs), Extremes())
    )
    for start, end in pieces(task.n - 1):
        gaps, sound, steps, paired = _piece(task, start, end)
        found.cells.add(gaps)
        gaps -= mean
        found.range.add(gaps, start, sound)
        found.away.add(gaps)
        found.largest.add(np.abs(steps, out=steps), start, paired)
        found.change.add(steps)
    return found


def _piece(
    task: Activations, start: int, end: int
) -> tuple[FloatArray, IntArray | None, FloatArray, IntArray | None]:
    """The intervals that begin in a piece, and the changes to the next one each, with their places.

    Those over lost stamps are left out; places are ``None`` where none is.
    """
    stop = min(end + 1, task.n - 1)
    gaps = np.diff(task.times(start, stop + 1))
    steps = np.diff(gaps)
    own = gaps[: end - start]
    joined = task.unbroken(start, stop)
    if joined is None:
        return own, None, steps, None
    sound = np.flatnonzero(joined[: end - start])
    paired = np.flatnonzero(joined[:-1] & joined[1:])
    return own[sound], sound, steps[paired], paired


def intervals_us(activations: Activations) -> FloatArray:
    """Consecutive intervals in us; one over stamps that the wire lost is left out."""
    return np.diff(activations.stamps_us)[activations.joined]
