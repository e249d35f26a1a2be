"""All figures of one capture: its tasks, the series after its window, the whole, its workloads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from hil.analysis.activations import activations_of
from hil.analysis.clock import instrument, measure_calibration, measure_observer
from hil.analysis.grid_errors import add_grid_errors
from hil.analysis.jitter import add_intervals
from hil.analysis.latency import measure_events
from hil.analysis.lateness import add_counts, add_lateness, look_at_lateness
from hil.analysis.metric_sheet import MetricSheet
from hil.analysis.misses import add_earliness, add_extra, add_misses
from hil.analysis.phase import measure_phase
from hil.analysis.second_assignment import span_both
from hil.analysis.stability import measure_stability
from hil.analysis.uncertainty.budget import parts_of, stored_parts
from hil.model.captures import BOARD_SOURCE
from hil.model.metrics import METRICS, metric_or_unknown
from hil.model.results import FIRST_ACTIVATION, Measurement, Notice

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hil.analysis.activations import Activations
    from hil.analysis.clock import Instrument
    from hil.analysis.metric_sheet import Estimate, SheetNotice
    from hil.model.captures import Capture
    from hil.model.results import Reason


@dataclass(frozen=True, slots=True)
class Summary:
    """All figures of a capture, and a reason for each metric that could not be given.

    ``notices`` are what a reader must know beside them; those about a figure are in its note too.
    """

    measurements: tuple[Measurement, ...]
    reasons: tuple[Reason, ...]
    notices: tuple[Notice, ...] = ()


class Analysis(Protocol):
    """The analysis of what one workload recorded; no sheet for a capture without it."""

    def __call__(self, capture: Capture, cost: Instrument) -> Iterable[MetricSheet]:
        """The figures; ``cost`` is what the instrument itself takes."""


def summarise(capture: Capture, analyses: Iterable[Analysis] = ()) -> Summary:
    """All figures of ``capture`` with bounds, and the reasons for absent ones.

    ``analyses`` are those of the workloads, in the order of their figures; without them the
    figures are the tasks', the series' and the events' alone.
    """
    tools = instrument(capture)
    sheets = []
    for activations, sheet in _task_sheets(capture, tools):
        measure_stability(activations, tools.tick_us, sheet)
        sheets.append(sheet)
    sheets += measure_series(capture, tools.tick_us, tools.read_cost_us)
    whole = MetricSheet(None)
    for events in capture.events:
        measure_events(events, tools.tick_us, tools.costs, tools.stamp_cost_us, whole)
    measure_calibration(capture, whole)
    measure_observer(capture, whole)
    measure_phase(capture.tracks, tools.tick_us, whole, capture.plan.technique)
    sheets.append(whole)
    for analyse in analyses:
        sheets += analyse(capture, tools)
    told = [(sheet.task, notice) for sheet in sheets for notice in sheet.notices]
    return Summary(
        tuple(
            _noted(_record(capture, sheet, figure), told)
            for sheet in sheets
            for figure in sheet.figures
        ),
        tuple(reason for sheet in sheets for reason in sheet.reasons),
        tuple(Notice(*capture.case, task, notice.text) for task, notice in told),
    )


def summarise_tasks(capture: Capture) -> list[Measurement]:
    """The figures of every task but those of stability: what one window has to say for itself."""
    return [
        _record(capture, sheet, figure)
        for _, sheet in _task_sheets(capture, instrument(capture))
        for figure in sheet.figures
    ]


def _task_sheets(capture: Capture, tools: Instrument) -> Iterator[tuple[Activations, MetricSheet]]:
    """Each task's activations and figures."""
    for track in capture.tracks:
        activations = activations_of(capture, track)
        read_cost_us = tools.read_cost_us if track.source == BOARD_SOURCE else 0.0
        sheet = measure_task(activations, tools.tick_us, read_cost_us)
        sheet.source = track.source
        sheet.reference = FIRST_ACTIVATION if track.from_first else None
        yield activations, sheet


def _noted(measurement: Measurement, told: Sequence[tuple[int | None, SheetNotice]]) -> Measurement:
    """The figure, with the notices about it in its note."""
    texts = [
        notice.text
        for task, notice in told
        if (task is None or task == measurement.task)
        and measurement.method is None
        and measurement.metric.startswith(notice.metrics)
    ]
    if not texts:
        return measurement
    return replace(measurement, note="; ".join(filter(None, (measurement.note, *texts))))


def _record(capture: Capture, sheet: MetricSheet, figure: Estimate) -> Measurement:
    unit = metric_or_unknown(figure.metric).unit
    return Measurement(
        board=capture.board.name,
        technique=capture.plan.technique,
        load=capture.plan.load,
        task=sheet.task,
        metric=figure.metric,
        unit=unit,
        value=figure.value,
        lo=figure.bounds.lo,
        hi=figure.bounds.hi,
        n=figure.n,
        method=figure.method,
        note=figure.note,
        where_us=figure.where_us,
        source=sheet.source,
        n_effective=figure.n_effective,
        no_bounds=figure.bounds.why_not,
        reference=sheet.reference if figure.metric.startswith("lateness_") else None,
        uncertainty=stored_parts(parts_of(figure.value, figure.bounds), unit),
    )


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
