"""All techniques in one chart: distribution of lateness, its percentiles, median and p99."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.plot_data import counts_between, lateness_of_tasks
from hil.model.results import case_order
from hil.model.techniques import technique_rank
from hil.model.units import format_measurement, format_time_us
from hil.report.charts.chart import (
    COLORS,
    Chart,
    Series,
    category_axis,
    log_axis,
    percentile_axis,
    time_axis,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hil.model.captures import Capture, FloatArray
    from hil.model.results import Measurement
    from hil.report.charts.chart import Axis
    from hil.report.result_tables import TechniqueRow

_BINS = 48
_TAILS = np.logspace(0.0, 7.0, 141)
_LONGEST_NAME = 24
_FIGURES = (("lateness_p50_us", "p50", 1, 0.16), ("lateness_p99_us", "p99", 0, -0.16))
"""Metric, name, colour, and the distance of its points from the middle of their row."""


def overview_charts(
    captures: Sequence[Capture], rows: Sequence[TechniqueRow], title: str
) -> Iterator[Chart]:
    """The charts of all techniques of one board under one load, as far as there are data.

    ``captures`` give distribution and percentiles, ``rows`` the figures with their bounds.
    """
    late = [
        (technique_rank(name)[0] % (2 * COLORS), name, values)
        for name, values in _lateness(captures)
        if values.size
    ]
    if late:
        low = min(float(values[0]) for _, _, values in late)
        high = max(float(values[-1]) for _, _, values in late)
        axis = time_axis(low, high, "lateness")
        yield _distribution(late, axis, title)
        yield _percentiles(late, axis, title)
    figures = _median_and_p99(rows, title)
    if figures is not None:
        yield figures


def _lateness(captures: Sequence[Capture]) -> Iterator[tuple[str, FloatArray]]:
    """Sorted lateness of all tasks of each technique, in us."""
    for capture in sorted(captures, key=lambda capture: case_order(capture.case)):
        yield capture.plan.technique, np.sort(lateness_of_tasks(capture))


def _distribution(late: Sequence[tuple[int, str, FloatArray]], axis: Axis, title: str) -> Chart:
    edges = axis.value(np.linspace(0.0, 1.0, _BINS + 1))
    middles = axis.value((np.arange(_BINS + 1) + 0.5) / _BINS)
    series, least = [], 1.0
    for color, name, values in late:
        share = np.append(counts_between(values, edges), 0) / values.size
        near = share + np.roll(share, 1) + np.roll(share, -1) > 0
        least = min(least, 1.0 / values.size)
        series.append(Series(name, middles[near], share[near], color))
    _, latest, values = max(late, key=lambda item: float(item[2][-1]))
    return Chart(
        "Lateness of all techniques",
        "Share of the activations in each stretch of lateness, on logarithmic axes: "
        "what stands far to the right is what a deadline meets. "
        f"All tasks together, {_sizes(late)}.",
        f"{title}: distribution of lateness of {len(late)} techniques; the latest activation is "
        f"one of {latest}, {format_time_us(values[-1])}.",
        axis,
        log_axis(least, 1.0, "share of the activations", "share"),
        series,
        wide=True,
        lateness="x",
    )


def _percentiles(late: Sequence[tuple[int, str, FloatArray]], axis: Axis, title: str) -> Chart:
    series = []
    for color, name, values in late:
        n = values.size
        tail = np.append(_TAILS[2.0 * n > _TAILS], 2.0 * n)
        rank = np.clip(np.ceil((1.0 - 1.0 / tail) * n).astype(np.int64) - 1, 0, n - 1)
        series.append(Series(name, tail, values[rank], color))
    return Chart(
        "Percentiles of all techniques",
        "How late at most, for which share of the activations; the last point is the worst seen; "
        f"{_sizes(late)}.",
        f"{title}: percentiles of lateness of {len(late)} techniques.",
        percentile_axis(max(float(curve.x[-1]) for curve in series)),
        axis,
        series,
        wide=True,
        lateness="y",
    )


def _median_and_p99(rows: Sequence[TechniqueRow], title: str) -> Chart | None:
    """p50 and p99 lateness of every technique on one axis, whiskers at the bounds."""
    rows = [row for row in rows if any(metric in row.cells for metric, *_ in _FIGURES)]
    if not rows:
        return None
    series: list[Series] = []
    for metric, name, color, beside in _FIGURES:
        measured = [(y, row.cells[metric]) for y, row in enumerate(rows) if metric in row.cells]
        if measured:
            series.append(_with_whiskers(name, measured, color, beside))
    ends = [end for points in series for end in (points.x, points.lo, points.hi) if end is not None]
    values = np.concatenate(ends)
    values = values[np.isfinite(values)]
    best = min(
        (row.cells["lateness_p99_us"] for row in rows if "lateness_p99_us" in row.cells),
        key=lambda measurement: measurement.value,
        default=None,
    )
    alt = f"{title}: lateness of {len(rows)} techniques, median and 99th percentile."
    if best is not None:
        alt += f" Smallest 99th percentile: {best.technique}, {format_measurement(best).line}."
    return Chart(
        "Median and 99th percentile",
        "The worst task of each technique; whiskers are the 95 % bounds.",
        alt,
        time_axis(float(values.min()), float(values.max()), "lateness (log scale)"),
        category_axis([row.name[:_LONGEST_NAME] for row in rows], downward=True),
        series,
        wide=True,
        lateness="x",
    )


def _with_whiskers(
    name: str, measured: Sequence[tuple[int, Measurement]], color: int, beside: float
) -> Series:
    y = np.array([row - beside for row, _ in measured])
    value = np.array([m.value for _, m in measured])
    lo = np.array([np.nan if m.lo is None else m.lo for _, m in measured])
    hi = np.array([np.nan if m.hi is None else m.hi for _, m in measured])
    return Series(name, value, y, color, lo, hi, style="points", bounds="x")


def _sizes(late: Sequence[tuple[int, str, FloatArray]]) -> str:
    sizes = sorted(values.size for _, _, values in late)
    few, many = sizes[0], sizes[-1]
    return f"n = {few}" if few == many else f"n = {few} to {many} each"
