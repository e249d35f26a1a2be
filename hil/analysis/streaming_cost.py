"""What sending its stamps while a window is open costs a board: one window with, one without.

A board that streams sends between its activations, and that takes time from them. Where a case has
windows of both kinds the difference of their lateness is what sending did to it, and what changed
by chance in between. It is a systematic part of the uncertainty of every lateness: nobody who wants
to know the technique without an observer can know it better.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.activations import activations_of, lateness_us
from hil.analysis.metric_sheet import SheetNotice
from hil.analysis.uncertainty.budget import evenly, with_systematic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.analysis.metric_sheet import Estimate, MetricSheet
    from hil.model.captures import Capture, FloatArray

PART = "sending stamps while the window is open"
_FEWEST = 20
_MEDIAN, _LATENESS = "lateness_p50_us", "lateness_"


@dataclass(frozen=True, slots=True)
class StreamingCost:
    """By how much the lateness of a task is larger while stamps are sent, us; of how many each."""

    p50_us: float
    p99_us: float
    n_with: int
    n_without: int

    @property
    def line(self) -> str:
        """One line for the reader."""
        return (
            f"{PART}: p50 {_signed(self.p50_us)} us, p99 {_signed(self.p99_us)} us "
            f"(n={self.n_with} against n={self.n_without} without), part of the uncertainty"
        )


def _signed(value: float) -> str:
    return f"{value:+,.0f}" if abs(value) >= 100 else f"{value:+.3g}"


def streaming_cost(capture: Capture, task: int) -> StreamingCost | None:
    """The cost for a task of a joined capture; ``None`` without windows of both kinds.

    A task that keeps no grid drifts: of it only as long a beginning of the streaming window is
    taken as the other one is.
    """
    with_us = _lateness(capture, task, streaming=True)
    without_us = _lateness(capture, task, streaming=False)
    if with_us is None or without_us is None:
        return None
    if _drifts(capture, task):
        with_us = with_us[: without_us.size]
    if min(with_us.size, without_us.size) < _FEWEST:
        return None
    p50_us, p99_us = (
        float(np.quantile(with_us, share, method="inverted_cdf"))
        - float(np.quantile(without_us, share, method="inverted_cdf"))
        for share in (0.5, 0.99)
    )
    return StreamingCost(p50_us, p99_us, with_us.size, without_us.size)


def add_streaming_cost(sheet: MetricSheet, cost: StreamingCost | None) -> None:
    """Make the cost part of the uncertainty of every lateness in ``sheet``, and say so."""
    if cost is None:
        return
    sheet.figures = [_with_cost(figure, cost) for figure in sheet.figures]
    sheet.notices.append(SheetNotice(cost.line, (_LATENESS,)))


def _with_cost(figure: Estimate, cost: StreamingCost) -> Estimate:
    if not figure.metric.startswith(_LATENESS):
        return figure
    median = figure.metric == _MEDIAN
    reach_us = abs(cost.p50_us) if median else max(abs(cost.p50_us), abs(cost.p99_us))
    part = evenly(PART, reach_us)
    bounds = with_systematic(figure.value, figure.bounds, (part,), add_up=median)
    if bounds is figure.bounds:  # without ends it has a budget all the same
        bounds = replace(bounds, parts=(*bounds.parts, part))
    return replace(figure, bounds=bounds)


def _windows(capture: Capture, *, streaming: bool) -> Sequence[Capture]:
    return [window for window in capture.windows if window.plan.streaming == streaming]


def _lateness(capture: Capture, task: int, *, streaming: bool) -> FloatArray | None:
    parts = [
        lateness_us(activations_of(window, track))
        for window in _windows(capture, streaming=streaming)
        for track in window.tracks
        if track.index == task
    ]
    return np.concatenate(parts) if parts else None


def _drifts(capture: Capture, task: int) -> bool:
    return any(
        activations_of(window, track).rule == "sequence"
        for window in _windows(capture, streaming=False)
        for track in window.tracks
        if track.index == task
    )
