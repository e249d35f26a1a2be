"""What an instrument's edges tell of one case: the figures of every task, by the pin.

The tracks in board time go through the same engine as the board's own stamps. A pin edge has no
cost of reading a clock, so none is taken off. What comes to the uncertainty budget is how far the
alignment may be off: its offset for what counts from the grid, its rate for what is a rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.activations import activations_of
from hil.analysis.edge_latency import measure_edge_latency
from hil.analysis.edge_tracks import edge_tracks
from hil.analysis.late_samples import ArraySamples
from hil.analysis.latency import moved_by
from hil.analysis.metric_sheet import EXACT, Bounds, MetricSheet
from hil.analysis.phase import measure_phase
from hil.analysis.pwm_reference import edges_in_period, measure_pwm
from hil.analysis.stability import AVERAGING_S, measure_stability
from hil.analysis.task_figures import measure_task
from hil.analysis.uncertainty.budget import evenly, with_systematic
from hil.analysis.uncertainty.correlated import FEW
from hil.analysis.uncertainty.effective_number import Stretches
from hil.analysis.uncertainty.extremes import extreme_number, extreme_of
from hil.analysis.uncertainty.percentiles import add_percentiles
from hil.model.metrics import metric_or_unknown
from hil.model.results import FIRST_ACTIVATION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hil.analysis.clock import Instrument
    from hil.analysis.edge_tracks import AlignedWindow, EdgeTrack
    from hil.analysis.metric_sheet import Estimate
    from hil.analysis.uncertainty.budget import Part
    from hil.analysis.uncertainty.extremes import Extreme
    from hil.model.captures import Capture

OFFSET = "offset of the instrument's time"
RATE = "rate of the instrument's time"
SAMPLE = "instrument's sample period"
NO_OFFSET = (
    "the edges alone don't tell the offset of the instrument's time: it needs a sync pattern"
)
ALL_SEEN = "bounds from the least to the most seen: the samples follow one another too closely"
_LEAST_STEP_US = 1e-3
_FROM_GRID = ("lateness_", "earliness_")
_BEYOND_A_PERIOD = ("overruns", "miss_ratio", "misses_per_hour")
_EXACT_STEP_US = 1e-6


def measure_edges(
    capture: Capture, windows: Sequence[AlignedWindow], tools: Instrument
) -> list[MetricSheet]:
    """A sheet for each task, and one for the case; none where no window could be aligned.

    ``windows`` are those of one instrument, ``tools`` what the board calibrated.
    """
    usable = [aligned for aligned in windows if aligned.usable]
    if not usable:
        return []
    limits = _Limits.of(usable)
    whole = MetricSheet(None, source=usable[0].recording.instrument)
    tasks = list(measure_edge_tasks(capture, usable, stability=True))
    for edges, sheet in tasks:
        _pin_delay(sheet, edges, tools.tick_us, limits)
    tracks = tuple(edges.track for edges, _ in tasks)
    measure_phase(tracks, limits.step_us, whole, capture.plan.technique)
    measure_edge_latency(usable, tools, whole)
    _skew(whole, usable)
    sheets = [*(sheet for _, sheet in tasks), whole]
    pwm = measure_pwm(capture, usable, limits.step_us)
    if pwm is not None:
        parts = edges_in_period(capture)
        _add_alignment(pwm, limits, capture.plan.tasks[0].period_us / parts)
        sheets.append(pwm)
    return sheets


def measure_edge_tasks(
    capture: Capture, windows: Sequence[AlignedWindow], *, stability: bool = False
) -> Iterator[tuple[EdgeTrack, MetricSheet]]:
    """Each task that an instrument saw, with the figures that a task has by its stamps too.

    ``windows`` are those of one instrument; of a single window its own.
    """
    usable = [aligned for aligned in windows if aligned.usable]
    if not usable:
        return
    limits = _Limits.of(usable)
    for edges in edge_tracks(capture, usable):
        activations = activations_of(capture, edges.track)
        sheet = measure_task(activations, limits.step_us, 0.0)
        sheet.source = edges.track.source
        sheet.reference = FIRST_ACTIVATION if edges.track.from_first else None
        if stability:
            measure_stability(activations, limits.step_us, sheet)
        _add_alignment(sheet, limits, edges.track.period_us)
        yield edges, sheet


@dataclass(frozen=True, slots=True)
class _Limits:
    """What an instrument's windows are known to: the worst of them.

    ``step_us`` is the least step of its time, the others how far its offset and rate may be off.
    """

    step_us: float
    offset_us: float
    rate_ppm: float

    @classmethod
    def of(cls, windows: Sequence[AlignedWindow]) -> _Limits:
        return cls(
            max(_LEAST_STEP_US, *(aligned.resolution_us for aligned in windows)),
            max(aligned.offset_error_us for aligned in windows),
            max(aligned.rate_error_ppm for aligned in windows),
        )


def _add_alignment(sheet: MetricSheet, limits: _Limits, period_us: float) -> None:
    """Put how far the alignment may be off into the budgets of a task's figures."""
    figures = []
    unknown = (*_FROM_GRID, *_BEYOND_A_PERIOD) if math.isinf(limits.offset_us) else ()
    for figure in sheet.figures:
        if figure.metric.startswith(unknown):
            sheet.mark_unavailable(figure.metric, NO_OFFSET)
            continue
        part = _alignment_part(figure.metric, limits, period_us)
        figures.append(figure if part is None else _with_part(figure, part))
    sheet.figures = figures


def _alignment_part(metric: str, limits: _Limits, period_us: float) -> Part | None:
    """What the alignment adds to the budget of a figure, in its unit."""
    if metric.startswith(_FROM_GRID):
        return evenly(OFFSET, limits.offset_us)
    if math.isinf(limits.rate_ppm):
        return None
    if metric == "schedule_drift_ppm":
        return evenly(RATE, limits.rate_ppm)
    if metric == "period_mean_us":
        return evenly(RATE, limits.rate_ppm * 1e-6 * period_us)
    for seconds, name in AVERAGING_S.items():
        if metric == f"mtie_{name}_us":
            return evenly(RATE, limits.rate_ppm * seconds)
    return None


def _with_part(figure: Estimate, part: Part) -> Estimate:
    add_up = metric_or_unknown(figure.metric).combined
    bounds = with_systematic(figure.value, figure.bounds, (part,), add_up=add_up)
    if figure.metric.startswith(("earliness_", "mtie_")):
        bounds = bounds.at_least(0.0)
    return replace(figure, bounds=bounds)


def _pin_delay(sheet: MetricSheet, edges: EdgeTrack, tick_us: float, limits: _Limits) -> None:
    """Add how long after its stamp the pin followed, and what the instrument could not see."""
    short = float(sum(window.short for window in edges.windows))
    stamps = sum(int(window.track.stamps_us.size) for window in edges.windows)
    sheet.add("short_pulses", short, stamps, Bounds(short, short), note=EXACT)
    parts = [window.delays_us(tick_us) for window in edges.windows]
    delays = np.concatenate(parts)
    n = int(delays.size)
    if not n or math.isinf(limits.offset_us):
        why = NO_OFFSET if n else "no edge belongs to a stamp"
        for metric in ("pin_delay_min_us", "pin_delay_us", "pin_delay_max_us"):
            sheet.mark_unavailable(metric, why)
        return
    systematic = (
        evenly(OFFSET, limits.offset_us),
        evenly("clock's step, one reading", tick_us / 2.0),
        evenly(SAMPLE, limits.step_us / 2.0),
    )
    starts = np.cumsum([0, *(part.size for part in parts[:-1])]).tolist()
    samples = ArraySamples(delays, starts)
    look = Stretches.of_samples(samples)
    own = MetricSheet()
    add_percentiles(own, "pin_delay", samples, step_us=_EXACT_STEP_US, common=False)
    ends: tuple[tuple[str, Extreme], ...] = (("min", "smallest"), ("max", "largest"))
    for name, which in ends:
        value = float(delays.min() if name == "min" else delays.max())
        worth = extreme_number(look, n, which)
        bounds = extreme_of(value, worth, 0.0, which)
        own.add(f"pin_delay_{name}_us", value, n, bounds, n_effective=worth)
    for figure in own.figures:
        if figure.metric == "pin_delay_p50_us":
            median = replace(figure, metric="pin_delay_us")
            if figure.bounds.why_not and n >= FEW:
                # the phase of the clock's step goes slowly through it: few samples are independent
                seen = Bounds(float(delays.min()), float(delays.max()))
                median = replace(median, bounds=seen, note=ALL_SEEN)
            sheet.figures.append(moved_by(median, systematic))
        elif figure.metric in ("pin_delay_min_us", "pin_delay_max_us"):
            sheet.figures.append(moved_by(figure, systematic))


def _skew(sheet: MetricSheet, windows: Sequence[AlignedWindow]) -> None:
    """Add the rate of the board's clock against the instrument's, positive where it is fast.

    The mean over the windows, each with the ends that its alignment gives.
    """
    known = [a.alignment for a in windows if math.isfinite(a.rate_error_ppm)]
    if not known:
        sheet.mark_unavailable("clock_skew_ppm", "no window tells the rate of the instrument")
        return
    value = _inverse_ppm(float(np.mean([alignment.ppm for alignment in known])))
    lo = _inverse_ppm(float(np.mean([alignment.ppm_hi for alignment in known])))
    hi = _inverse_ppm(float(np.mean([alignment.ppm_lo for alignment in known])))
    n = sum(alignment.matched for alignment in known)
    bounds = Bounds(lo, hi, parts=(evenly("rate of the alignment", (hi - lo) / 2.0),))
    sheet.add("clock_skew_ppm", value, n, bounds, note="against the instrument's clock")


def _inverse_ppm(ppm: float) -> float:
    """The rate of one clock against another from the other's against it."""
    return float(1e6 / (1.0 + ppm * 1e-6) - 1e6)
