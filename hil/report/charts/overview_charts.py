"""All techniques in one chart: histogram of lateness, its percentiles, median and p99."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.activations import activations_of, lateness_us
from hil.analysis.clock import instrument
from hil.analysis.plot_data import counts_between
from hil.model.results import case_order
from hil.model.techniques import technique_rank
from hil.model.units import format_measurement, format_time_us
from hil.report.charts.chart import (
    COLORS,
    Chart,
    Mark,
    Series,
    category_axis,
    log_axis,
    percentile_axis,
    time_axis,
)
from hil.report.deadline_limits import budget_failure, early_us, soft_limit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hil.model.captures import Capture, FloatArray
    from hil.model.results import Measurement
    from hil.report.charts.chart import Axis
    from hil.report.result_tables import TechniqueRow

_BINS = 48
_TAILS = np.logspace(0.0, 7.0, 141)
_LONGEST_NAME = 24
BEST = 3
"""Techniques that are drawn in colour from the start."""
_FIGURES = (("lateness_p50_us", "p50", 1, 0.16), ("lateness_p99_us", "p99", 0, -0.16))
"""Metric, name, colour, and the distance of its points from the middle of their row."""


def overview_charts(
    captures: Sequence[Capture], rows: Sequence[TechniqueRow], title: str
) -> Iterator[Chart]:
    """The charts of all techniques of one board under one load, as far as there are data.

    ``captures`` give distribution and percentiles, ``rows`` the figures with their bounds.
    """
    late = [item for item in _lateness(captures, best_techniques(rows)) if item.values.size]
    if late:
        low = min(float(item.values[0]) for item in late)
        high = max(float(item.values[-1]) for item in late)
        axis = time_axis(low, high, "lateness")
        yield _staircase(late, axis, title)
        yield _percentiles(late, axis, title)
    figures = _median_and_p99(rows, title)
    if figures is not None:
        yield figures


def best_techniques(rows: Sequence[TechniqueRow]) -> list[str]:
    """The three that hold the shortest deadline, as far as their figures tell; those that come
    early or are out of a budget follow all others."""
    compared = len({row.technique for row in rows})

    def order(row: TechniqueRow) -> tuple[bool, float, float]:
        limit = soft_limit(row, compared)
        figures = (row.cells.get(f"lateness_{name}_us") for name in ("p99", "max"))
        seen = next((figure.value for figure in figures if figure is not None), math.inf)
        return bool(early_us(row) or budget_failure(row)), limit.yes_from_us, seen

    return [row.technique for row in sorted(rows, key=order)[:BEST]]


@dataclass(frozen=True, slots=True)
class _Late:
    """One technique: ``values`` are the sorted latenesses of all tasks, in us; ``worst`` says which
    activation was the latest, ``lost`` counts what has no lateness: missed releases and stamps
    that were dropped."""

    technique: str
    color: int
    quiet: bool
    values: FloatArray
    worst: str
    lost: int


def _lateness(captures: Sequence[Capture], best: Sequence[str]) -> Iterator[_Late]:
    for capture in sorted(captures, key=lambda capture: case_order(capture.case)):
        technique = capture.plan.technique
        tracks = [activations_of(capture, track) for track in capture.tracks]
        cost_us = instrument(capture).read_cost_us
        late = [lateness_us(track) - cost_us for track in tracks]
        worst = max(
            (
                (float(values[at]), track.task, int(at) + 1)
                for track, values in zip(tracks, late, strict=True)
                if values.size and (at := values.argmax()) is not None
            ),
            default=(0.0, 0, 0),
        )
        named = f", {capture.plan.task_label(worst[1])}" if len(tracks) > 1 else ""
        text = f"{technique} beside {capture.plan.load} at activation {worst[2]}{named}"
        yield _Late(
            technique=technique,
            color=technique_rank(technique)[0] % (2 * COLORS),
            quiet=technique not in best,
            values=np.sort(np.concatenate([*late, np.empty(0)])),
            worst=f"worst {format_time_us(worst[0])} {text}",
            lost=sum(track.missed + track.dropped for track in tracks),
        )


def _staircase(late: Sequence[_Late], axis: Axis, title: str) -> Chart:
    """Counts over lateness, as OSADL's latency plots have them, the worst one named."""
    edges = axis.value(np.linspace(0.0, 1.0, _BINS + 1))
    series, most = [], 1.0
    for item in late:
        counts = counts_between(item.values, edges).astype(np.float64)
        inside = np.flatnonzero(counts)
        if inside.size == 0:
            continue
        most = max(most, float(counts.max()))
        part = slice(int(inside[0]), int(inside[-1]) + 1)
        stairs = slice(part.start, part.stop + 1)
        series.append(
            Series(
                *(item.technique, edges[stairs], counts[part], item.color),
                style="steps",
                quiet=item.quiet,
            )
        )
    latest = max(late, key=lambda item: float(item.values[-1]))
    worst_us = float(latest.values[-1])
    lost = sum(item.lost for item in late)
    beyond = f" Not among them, for nothing came: {lost} missed or dropped." if lost else ""
    return Chart(
        "Lateness of all techniques",
        "How many activations came how late, both axes logarithmic: what stands far to the right "
        f"is what a deadline meets. Red: {latest.worst}. All tasks together, {_sizes(late)}."
        f"{beyond}{_grey(late)}",
        f"{title}: histogram of lateness of {len(late)} techniques; {latest.worst}.{beyond}",
        axis,
        log_axis(0.8, most, "activations"),
        series,
        [Mark(worst_us, 1.0, latest.worst, kind="worst")],
        wide=True,
        lateness="x",
    )


def _percentiles(late: Sequence[_Late], axis: Axis, title: str) -> Chart:
    series = []
    for item in late:
        n = item.values.size
        tail = np.append(_TAILS[2.0 * n > _TAILS], 2.0 * n)
        rank = np.clip(np.ceil((1.0 - 1.0 / tail) * n).astype(np.int64) - 1, 0, n - 1)
        series.append(Series(item.technique, tail, item.values[rank], item.color, quiet=item.quiet))
    return Chart(
        "Percentiles of all techniques",
        "How late at most, for which share of the activations; the last point is the worst seen; "
        f"{_sizes(late)}.{_grey(late)}",
        f"{title}: percentiles of lateness of {len(late)} techniques.",
        percentile_axis(max(float(curve.x[-1]) for curve in series)),
        axis,
        series,
        wide=True,
        lateness="y",
    )


def _grey(late: Sequence[_Late]) -> str:
    quiet = sum(item.quiet for item in late)
    return f" In colour: the best {len(late) - quiet}; press a name for another." if quiet else ""


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


def _sizes(late: Sequence[_Late]) -> str:
    sizes = sorted(item.values.size for item in late)
    few, many = sizes[0], sizes[-1]
    return f"n = {few}" if few == many else f"n = {few} to {many} each"
