"""All figures of one capture: its tasks, the series after its window, the whole, its workloads."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from hil.analysis.activations import activations_of
from hil.analysis.clock import instrument, measure_calibration, measure_observer
from hil.analysis.edge_agreement import compare_edges, edge_notices
from hil.analysis.edge_figures import measure_edge_tasks, measure_edges
from hil.analysis.edge_tracks import align_windows
from hil.analysis.latency import measure_events
from hil.analysis.metric_sheet import MetricSheet
from hil.analysis.phase import measure_phase
from hil.analysis.pwm_reference import explain_absence
from hil.analysis.stability import measure_stability
from hil.analysis.streaming_cost import add_streaming_cost, streaming_cost
from hil.analysis.task_figures import measure_series, measure_task
from hil.analysis.uncertainty.budget import parts_of, stored_parts
from hil.model.captures import BOARD_SOURCE
from hil.model.metrics import metric_or_unknown
from hil.model.results import FIRST_ACTIVATION, Measurement, Notice

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from hil.analysis.activations import Activations
    from hil.analysis.clock import Instrument
    from hil.analysis.edge_tracks import AlignedWindow
    from hil.analysis.metric_sheet import Estimate, SheetNotice
    from hil.model.captures import Capture
    from hil.model.results import EdgeComparison, Reason


MEASURED_AGAIN = "{}. That capture is invalid, and the window was measured again"
"""What is said of a window whose first capture was set aside, with the reason."""


@dataclass(frozen=True, slots=True)
class Summary:
    """All figures of a capture, and a reason for each metric that could not be given.

    ``notices`` are what a reader must know beside them; those about a figure are in its note too.
    ``edges`` has a record for each instrument that saw edges, ``aligned`` its windows.
    """

    measurements: tuple[Measurement, ...]
    reasons: tuple[Reason, ...]
    notices: tuple[Notice, ...] = ()
    edges: tuple[EdgeComparison, ...] = ()
    aligned: Mapping[str, tuple[AlignedWindow, ...]] = field(default_factory=dict)


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
    aligned = align_windows(capture)
    for windows in aligned.values():
        sheets += measure_edges(capture, windows, tools)
    sheets.append(explain_absence(capture, sheets))
    told = [(sheet.task, notice) for sheet in sheets for notice in sheet.notices]
    measurements = tuple(
        _noted(_record(capture, sheet, figure), told)
        for sheet in sheets
        for figure in sheet.figures
    )
    edges = [compare_edges(capture, own, measurements, tools) for own in aligned.values()]
    notices = [Notice(*capture.case, task, notice.text) for task, notice in told]
    notices += [notice for comparison in edges for notice in edge_notices(comparison)]
    notices += [Notice(*capture.case, None, MEASURED_AGAIN.format(w)) for w in capture.set_aside]
    return Summary(measurements, tuple(_reasons(sheets)), tuple(notices), tuple(edges), aligned)


def _reasons(sheets: Sequence[MetricSheet]) -> Iterator[Reason]:
    """Why figures are absent; of an instrument's only where the board's own is not."""
    said = set()
    for sheet in sheets:
        for reason in sheet.reasons:
            key = (reason.task, reason.metric, reason.method)
            if sheet.source == BOARD_SOURCE:
                said.add(key)
                yield reason
            elif key not in said:
                yield replace(reason, reason=f"not by {sheet.source}: {reason.reason}")


def summarise_tasks(
    capture: Capture, aligned: Iterable[Sequence[AlignedWindow]] = ()
) -> list[Measurement]:
    """The figures of every task but those of stability: what one window has to say for itself.

    ``aligned`` is this window as instruments saw it.
    """
    sheets = [sheet for _, sheet in _task_sheets(capture, instrument(capture))]
    for windows in aligned:
        sheets += [sheet for _, sheet in measure_edge_tasks(capture, windows)]
    return [_record(capture, sheet, figure) for sheet in sheets for figure in sheet.figures]


def _task_sheets(capture: Capture, tools: Instrument) -> Iterator[tuple[Activations, MetricSheet]]:
    """Each task's activations and figures."""
    for track in capture.tracks:
        activations = activations_of(capture, track)
        sheet = measure_task(activations, tools.tick_us, tools.read_cost_us)
        sheet.reference = FIRST_ACTIVATION if track.from_first else None
        add_streaming_cost(sheet, streaming_cost(capture, track.index))
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
        task_name=capture.plan.task_name(sheet.task),
    )
