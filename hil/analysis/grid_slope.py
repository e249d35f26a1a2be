"""The one grid of a task: the slope of its lateness over its releases, and a level for each window.

Drift is this slope, and the time interval error is what is left of the lateness about it.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.activations import lateness_us
from hil.analysis.streaming_stats import CellSums, pieces
from hil.analysis.uncertainty import slope as line
from hil.analysis.uncertainty.line_spectra import Error, Slope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.analysis.activations import Activations
    from hil.model.captures import FloatArray


@dataclass(frozen=True, slots=True)
class Grid:
    """Levels (windows,) in us at release 0 and the common slope, in us a release.

    ``edges`` (windows + 1,) are the first activation of each window, and the number of all.
    """

    slope: Slope
    levels: FloatArray
    edges: tuple[int, ...]

    def errors_us(self, task: Activations) -> Iterator[tuple[int, FloatArray]]:
        """Time interval error by pieces: index of the first activation, and errors in us."""
        for level, first, last in zip(self.levels, self.edges, self.edges[1:], strict=False):
            for start, end in pieces(last - first):
                error = lateness_us(task, first + start, first + end)
                error -= level
                if self.slope.value:
                    error -= self.slope.value * task.releases(first + start, first + end)
                yield first + start, error


def window_edges(task: Activations) -> tuple[int, ...]:
    """The first activation of each window that has one, and the number of all."""
    starts = sorted({0, *task.window_starts.tolist()})
    return (*(start for start in starts if start < task.n), task.n)


def error_of(task: Activations) -> Error:
    """What the lateness of a task can be: only what is in order, and numbered by nobody, walks."""
    return "walk" if task.rule == "sequence" else "stationary"


def grid_of(task: Activations, tick_us: float = 1.0) -> Grid | None:
    """The grid of a task; ``None`` where no window has two activations, or with fewer than three.

    ``tick_us`` is the clock's step. Long captures are averaged to cells, a piece at a time.
    """
    edges = window_edges(task)
    windows = list(itertools.pairwise(edges))
    if task.n < 3 or all(last - first < 2 for first, last in windows):
        return None
    kind = error_of(task)
    if task.n <= line.CALMED_BELOW:
        x, y = task.releases(0, task.n), lateness_us(task)
        slope = line.slope_of(x, y, kind, edges[:-1], step=tick_us)
        levels = [float(y[a:b].mean()) - slope.value * float(x[a:b].mean()) for a, b in windows]
        return Grid(slope, np.array(levels), edges)
    size = line.cell_size(task.n)
    cells, means = [], []
    for first, last in windows:
        count = max(1, (last - first) // size)
        x_sums, y_sums = CellSums(last - first, count), CellSums(last - first, count)
        x_total = y_total = 0.0
        for start, end in pieces(last - first):
            x, y = (
                task.releases(first + start, first + end),
                lateness_us(task, first + start, first + end),
            )
            x_sums.add(x)
            y_sums.add(y)
            x_total += float(x.sum())
            y_total += float(y.sum())
        cells.append((x_sums.means, y_sums.means))
        means.append((x_total / (last - first), y_total / (last - first)))
    slope = line.slope_of_cells(cells, kind, tick_us**2 / 12.0 / size)
    return Grid(slope, np.array([y - slope.value * x for x, y in means]), edges)
