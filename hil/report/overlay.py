"""All techniques in one figure: the distribution of lateness, and its percentiles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from hil.analysis.activations import FloatArray, assign, lateness_us
from hil.analysis.calibration import instrument
from hil.metrics import technique_rank
from hil.records import Capture
from hil.report.chart import COLORS, Chart, Line, Plot
from hil.report.plots import time_text
from hil.report.scales import Scale, decades, times

_BINS = 48
_PERCENTILES = np.logspace(0.0, 7.0, 141)


def overlays(captures: Sequence[Capture], title: str) -> Iterator[Plot]:
    """Distribution with a logarithmic count, and percentiles, of the captures of one load."""
    late = [
        (technique_rank(name)[0] % (2 * COLORS), name, values)
        for name, values in _lateness(captures)
        if values.size
    ]
    if not late:
        return
    low = min(float(values[0]) for _, _, values in late)
    high = max(float(values[-1]) for _, _, values in late)
    scale = times(low, high, "lateness")
    yield _distribution(late, scale, title)
    yield _percentiles(late, scale, title)


def _lateness(captures: Sequence[Capture]) -> Iterator[tuple[str, FloatArray]]:
    """Sorted lateness of all tasks of each technique."""
    for capture in sorted(captures, key=lambda one: technique_rank(one.plan.technique)):
        cost = instrument(capture).read_cost_us
        found = [lateness_us(assign(t, capture.plan.technique)) for t in capture.tracks]
        yield capture.plan.technique, np.sort(np.concatenate([*found, np.empty(0)]) - cost)


def _distribution(late: Sequence[tuple[int, str, FloatArray]], scale: Scale, title: str) -> Plot:
    edges = scale.value(np.linspace(0.0, 1.0, _BINS + 1))
    middles = scale.value((np.arange(_BINS + 1) + 0.5) / _BINS)
    lines, least = [], 1.0
    for slot, name, values in late:
        below = np.searchsorted(values, edges, side="left")
        share = np.append(np.diff(below), 0) / values.size
        near = share + np.roll(share, 1) + np.roll(share, -1) > 0
        least = min(least, 1.0 / values.size)
        lines.append(Line(name, middles[near], share[near], slot))
    worst = max(late, key=lambda one: one[2][-1])
    return Chart(
        "Lateness of all techniques",
        "Share of the activations in each stretch of lateness, on logarithmic axes: "
        "what stands far to the right is what a deadline meets. "
        f"All tasks together, {_sizes(late)}.",
        f"{title}: distribution of lateness of {len(late)} techniques; the latest activation is "
        f"one of {worst[1]}, {time_text(worst[2][-1])}.",
        scale,
        decades(least, 1.0, "share of the activations", "share"),
        lines,
        kind="hil-wide hil-late hil-overlay",
    ).draw()


def _percentiles(late: Sequence[tuple[int, str, FloatArray]], scale: Scale, title: str) -> Plot:
    lines = []
    for slot, name, values in late:
        n = values.size
        tail = np.append(_PERCENTILES[2.0 * n > _PERCENTILES], 2.0 * n)
        rank = np.clip(np.ceil((1.0 - 1.0 / tail) * n).astype(np.int64) - 1, 0, n - 1)
        lines.append(Line(name, tail, values[rank], slot))
    longest = max(float(line.x[-1]) for line in lines)
    return Chart(
        "Percentiles of all techniques",
        "How late at most, for which share of the activations; the last point is the worst seen; "
        f"{_sizes(late)}.",
        f"{title}: percentiles of lateness of {len(late)} techniques.",
        Scale("log", 1.0, longest * 1.1, "percentile", "tail"),
        scale,
        lines,
        kind="hil-wide hil-late hil-overlay",
    ).draw()


def _sizes(late: Sequence[tuple[int, str, FloatArray]]) -> str:
    sizes = sorted(values.size for _, _, values in late)
    few, many = sizes[0], sizes[-1]
    return f"n = {few}" if few == many else f"n = {few} to {many} each"
