"""The edges of the PWM output that sets a pace, by an instrument: what the chip can do at best.

No instruction of the processor takes part in them, so that no technique can do better on this chip.
The board itself can't see them; its own figures say only what its handlers made of them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hil.analysis.activations import activations_of
from hil.analysis.edge_tracks import pace_track
from hil.analysis.metric_sheet import MetricSheet
from hil.analysis.task_figures import measure_task
from hil.model.edges import LOOP_LINE
from hil.model.techniques import PWM_REFERENCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.analysis.edge_tracks import AlignedWindow
    from hil.model.captures import Capture

PWM_HZ = "pwm_hz"
"""Counter of an agent whose pace is that of a PWM on the loopback's output."""
REFERENCE_METRICS = frozenset(
    (
        *("period_mean_us", "period_jitter_rms_us", "period_jitter_pp_us"),
        *("c2c_jitter_rms_us", "c2c_jitter_max_us", "tie_rms_us", "tie_pp_us"),
        "schedule_drift_ppm",
    )
)
"""What is said of a hardware edge; nobody asked for its phase, so nothing of its lateness."""
NEEDS_EDGES = "needs an instrument at the loopback's output: --hil-edges"


def measure_pwm(
    capture: Capture, windows: Sequence[AlignedWindow], step_us: float
) -> MetricSheet | None:
    """Figures of the PWM's own edges in the windows of one instrument, method ``reference/pwm``.

    ``step_us`` is the least step of the instrument's time. ``None`` where no PWM set the pace, or
    the instrument does not watch it.
    """
    parts = edges_in_period(capture)
    track = pace_track(capture, windows, LOOP_LINE, parts) if parts else None
    if track is None or track.stamps_us.size < 2:
        return None
    sheet = measure_task(activations_of(capture, track, PWM_REFERENCE), step_us, 0.0)
    figures = [
        replace(figure, method=PWM_REFERENCE)
        for figure in sheet.figures
        if figure.metric in REFERENCE_METRICS
    ]
    reasons = [
        replace(reason, task=None, method=PWM_REFERENCE)
        for reason in sheet.reasons
        if reason.metric in REFERENCE_METRICS
    ]
    return MetricSheet(None, figures, reasons, track.source)


def edges_in_period(capture: Capture) -> int:
    """How many edges the PWM has in a period of task 0; 0 where none sets the pace."""
    tasks = capture.plan.tasks
    hz = (capture.windows or (capture,))[0].counters.get(PWM_HZ, 0)
    return max(0, round(hz * tasks[0].period_us / 1e6)) if tasks else 0


def explain_absence(capture: Capture, sheets: Sequence[MetricSheet]) -> MetricSheet:
    """Why a pace that a PWM set has no reference, where ``sheets`` have none."""
    sheet = MetricSheet(None)
    seen = any(figure.method == PWM_REFERENCE for each in sheets for figure in each.figures)
    if edges_in_period(capture) and not seen:
        sheet.mark_unavailable("period_jitter_rms_us", NEEDS_EDGES, method=PWM_REFERENCE)
    return sheet
