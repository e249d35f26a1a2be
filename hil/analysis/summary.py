"""From one capture to all its figures: the front door of the analysis."""

from __future__ import annotations

from dataclasses import dataclass

from hil.analysis.activations import assign
from hil.analysis.calibration import instrument, measure_calibration, measure_observer
from hil.analysis.estimates import Estimate, Reason, Sheet
from hil.analysis.events import measure_events
from hil.analysis.operator import measure_endings
from hil.analysis.phase import measure_phase
from hil.analysis.series import measure_callbacks, measure_series
from hil.analysis.share import measure_share
from hil.analysis.skew import measure_skew
from hil.analysis.stability import measure_stability
from hil.analysis.survival import measure_survival
from hil.analysis.track_metrics import measure_task
from hil.analysis.web import measure_web
from hil.metrics import find_metric
from hil.records import Capture, Measurement


@dataclass(frozen=True, slots=True)
class Summary:
    """All figures of a capture, and a reason for each metric that could not be given."""

    measurements: tuple[Measurement, ...]
    reasons: tuple[Reason, ...]


def summarise(capture: Capture) -> Summary:
    """All figures of ``capture`` with bounds, and the reasons for absent ones."""
    tools = instrument(capture)
    sheets = []
    for track in capture.tracks:
        activations = assign(track, capture.plan.technique)
        sheet = measure_task(activations, tools.tick_us, tools.read_cost_us)
        measure_stability(activations, tools.tick_us, sheet)
        sheets.append(sheet)
    sheets += measure_series(capture, tools.tick_us, tools.read_cost_us)
    whole = Sheet(None)
    for events in capture.events:
        measure_events(events, tools.tick_us, tools.stamp_cost_us, whole)
    measure_calibration(capture, whole)
    measure_observer(capture, whole)
    measure_phase(capture.tracks, tools.tick_us, whole)
    measure_share(capture, whole)
    measure_endings(capture, whole)
    measure_callbacks(capture, whole)
    measure_survival(capture, whole)
    measure_skew(capture.pings, tools.tick_us, whole)
    sheets.append(whole)
    sheets += measure_web(capture, tools.tick_us, tools.read_cost_us)
    return Summary(
        tuple(_record(capture, sheet.task, one) for sheet in sheets for one in sheet.figures),
        tuple(reason for sheet in sheets for reason in sheet.reasons),
    )


def measure(capture: Capture) -> list[Measurement]:
    """All figures of ``capture``, in a stable order: tasks first, then the whole capture's."""
    return list(summarise(capture).measurements)


def _record(capture: Capture, task: int | None, one: Estimate) -> Measurement:
    known = find_metric(one.metric)
    return Measurement(
        board=capture.board.name,
        technique=capture.plan.technique,
        load=capture.plan.load,
        task=task,
        metric=one.metric,
        unit=known.unit if known else "1",
        value=one.value,
        lo=one.bounds.lo,
        hi=one.bounds.hi,
        n=one.n,
        method=one.method,
        note=one.note,
        where_us=one.where_us,
        n_effective=one.n_effective,
        no_bounds=one.bounds.why_not,
    )
