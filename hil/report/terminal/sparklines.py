"""Distributions and trends in one line of text.

The techniques of one board under one load share an axis, logarithmic in time, so that one can be
held against the other. The height of a bar is logarithmic in the number of activations: one late
activation among millions is still to be seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.plot_data import counts_between, lateness_of_tasks
from hil.model.results import case_order
from hil.model.techniques import load_rank
from hil.report.charts.chart import time_axis

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hil.model.captures import Capture, FloatArray, IntArray
    from hil.report.charts.chart import Axis

UNICODE, ASCII = " ▁▂▃▄▅▆▇█", " .:-=+*#@"
"""Characters of rising bars; the first one stands for no activation at all."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """Lateness of all tasks of one technique: how many activations are in each stretch.

    ``counts`` int64, shape (bins,), between the edges of its group; ``tail`` is the first bin with
    activations later than the 99th percentile of those that were seen.
    """

    technique: str
    counts: IntArray
    tail: int

    @property
    def n(self) -> int:
        """How many activations."""
        return int(self.counts.sum())


@dataclass(frozen=True, slots=True)
class Group:
    """The techniques of one board under one load, on one axis; ``edges_us`` is (bins + 1,)."""

    board: str
    load: str
    axis: Axis
    edges_us: FloatArray
    rows: tuple[Distribution, ...]


def lateness_groups(captures: Sequence[Capture], bins: int) -> Iterator[Group]:
    """By board, load and technique; captures without activations are left out."""
    groups: dict[tuple[str, str], list[Capture]] = {}
    for capture in captures:
        if any(len(track.stamps_us) for track in capture.tracks):
            groups.setdefault((capture.board.name, capture.plan.load), []).append(capture)
    boards = list(dict.fromkeys(board for board, _ in groups))
    for key in sorted(groups, key=lambda key: (boards.index(key[0]), load_rank(key[1]))):
        group = sorted(groups[key], key=lambda capture: case_order(capture.case))
        ends = [(float(late.min()), float(late.max())) for late in map(lateness_of_tasks, group)]
        axis = time_axis(min(low for low, _ in ends), max(high for _, high in ends), "lateness")
        edges = axis.value(np.linspace(0.0, 1.0, bins + 1))
        rows = tuple(_distribution(capture, edges) for capture in group)
        yield Group(*key, axis, edges, rows)


def bars(counts: IntArray, characters: str = UNICODE) -> str:
    """One character for each count: blank for none, then logarithmically up to the largest."""
    most = int(counts.max(initial=0))
    steps = len(characters) - 1
    full = math.log1p(most)
    heights = [math.ceil(steps * math.log1p(count) / full) if count else 0 for count in counts]
    return "".join(characters[height] for height in heights)


def axis_line(axis: Axis, width: int) -> str:
    """Where the ticks of an axis ``width`` characters wide are, as far as their texts fit."""
    line = [" "] * width
    free = 0
    for value, text in axis.ticks():
        at = min(round(float(axis.position(value)) * (width - 1)), width - len(text))
        if at >= free:
            line[at : at + len(text)] = text
            free = at + len(text) + 1
    return "".join(line)


def _distribution(capture: Capture, edges: FloatArray) -> Distribution:
    late = lateness_of_tasks(capture)
    counts = counts_between(late, edges)
    high = float(np.quantile(late, 0.99, method="inverted_cdf"))
    tail = int(np.searchsorted(edges, high, side="right"))
    return Distribution(capture.plan.technique, counts, tail)


_TREND_BARS = "▁▂▃▄▅▆▇█"
_FLAT = 0.02


def sparkline(values: Sequence[float], width: int = 30) -> str:
    """The newest ``width`` values as bars; values that hardly differ are a flat line.

    The scale is the line's own, from its smallest to its largest value.
    """
    shown = [value for value in values if math.isfinite(value)][-width:]
    if not shown:
        return ""
    low, high = min(shown), max(shown)
    if high - low <= _FLAT * max(abs(high), abs(low)):
        return _TREND_BARS[3] * len(shown)
    steps = len(_TREND_BARS) - 1
    return "".join(_TREND_BARS[round((value - low) / (high - low) * steps)] for value in shown)
