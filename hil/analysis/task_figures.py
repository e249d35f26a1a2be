"""The figures of one task, and of the series of activations after a window."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hil.analysis.activations import activations_of
from hil.analysis.grid_errors import add_grid_errors
from hil.analysis.jitter import add_intervals
from hil.analysis.lateness import add_counts, add_lateness, look_at_lateness
from hil.analysis.metric_sheet import MetricSheet
from hil.analysis.misses import add_earliness, add_extra, add_misses
from hil.analysis.second_assignment import span_both
from hil.model.metrics import METRICS

if TYPE_CHECKING:
    from hil.analysis.activations import Activations
    from hil.model.captures import Capture


def measure_task(activations: Activations, tick_us: float, read_cost_us: float) -> MetricSheet:
    """Every figure of one task; ``tick_us`` is the clock's step.

    ``read_cost_us``, the cost of reading the clock, is taken off the lateness. Where a second
    assignment to releases fits as well, the bounds span the figures of both. Memory: a few pieces
    of :data:`~hil.analysis.streaming_stats.PIECE` stamps for a long capture.
    """
    sheet = _measure(activations, tick_us, read_cost_us)
    if activations.otherwise is not None:
        span_both(sheet, _measure(activations.otherwise, tick_us, read_cost_us))
    return sheet


_OF_SOME = ("lateness_max_us", "miss_ratio", "misses_per_hour", "earliness_p99_us")


def _measure(activations: Activations, tick_us: float, read_cost_us: float) -> MetricSheet:
    sheet = MetricSheet(activations.task)
    late = look_at_lateness(activations, tick_us)
    if activations.n:
        samples = add_lateness(sheet, activations, late, tick_us, read_cost_us)
        add_misses(sheet, activations, samples, late.overruns, read_cost_us)
        add_earliness(sheet, samples, tick_us)
    else:
        for metric in ("lateness_p50_us", "lateness_p99_us", "lateness_p999_us", *_OF_SOME):
            sheet.mark_unavailable(metric, "no activation was recorded")
    add_extra(sheet, activations)
    add_counts(sheet, activations, late.overruns)
    add_intervals(sheet, activations, late.grid, tick_us)
    add_grid_errors(sheet, activations, late.grid, tick_us)
    return sheet


SERIES_METRICS = frozenset(metric.name for metric in METRICS.values() if metric.in_series)
"""What is said of a series: it is too short for the rest."""


def measure_series(capture: Capture, tick_us: float, read_cost_us: float) -> list[MetricSheet]:
    """A sheet for each series, with its method; ``tick_us`` and ``read_cost_us`` as for tasks."""
    sheets = []
    for series in capture.series:
        activations = activations_of(capture, series.track, series.method)
        sheet = measure_task(activations, tick_us, read_cost_us)
        sheet.figures = [
            replace(figure, method=series.method)
            for figure in sheet.figures
            if figure.metric in SERIES_METRICS
        ]
        sheet.reasons = [
            replace(reason, method=series.method)
            for reason in sheet.reasons
            if reason.metric in SERIES_METRICS
        ]
        sheets.append(sheet)
    return sheets
