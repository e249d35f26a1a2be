"""The board's clock: its step and the cost of reading it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.metric_sheet import Bounds
from hil.analysis.uncertainty.correlated import FEW
from hil.analysis.uncertainty.order_statistics import percentile

if TYPE_CHECKING:
    from hil.analysis.metric_sheet import MetricSheet
    from hil.model.captures import Capture


@dataclass(frozen=True, slots=True)
class Instrument:
    """What the analysis takes off the figures, and the step that bounds their resolution (us)."""

    tick_us: float
    stamp_cost_us: float
    read_cost_us: float


def instrument(capture: Capture) -> Instrument:
    """Clock step and costs of this board; a board without calibration has cost 0 and step 1 us.

    The step is the median of the smallest non-zero steps seen, never below 1 us (``ticks_us``).
    """
    board, calibration = capture.board, capture.calibration
    tick = board.tick_resolution_us
    stamp = board.stamp_cost_us
    read = 0.0
    if calibration is not None:
        if tick is None and calibration.step_us.size:
            tick = float(np.median(calibration.step_us))
        if stamp is None and calibration.stamp_us.size and calibration.stamp_batch > 0:
            stamp = float(np.median(calibration.stamp_us)) / calibration.stamp_batch
        if calibration.read_us.size and calibration.read_batch > 0:
            read = float(np.median(calibration.read_us)) / calibration.read_batch
    return Instrument(max(1.0, tick or 1.0), stamp or 0.0, read)


def measure_calibration(capture: Capture, sheet: MetricSheet) -> None:
    """Add ``stamp_cost_us`` (median over the batches) to ``sheet``, or say why it is absent."""
    calibration = capture.calibration
    if calibration is None or not calibration.stamp_us.size or calibration.stamp_batch < 1:
        sheet.mark_unavailable("stamp_cost_us", "the capture has no calibration")
        return
    batches = np.sort(calibration.stamp_us.astype(np.float64)) / calibration.stamp_batch
    n = int(batches.size)
    step = instrument(capture).tick_us / calibration.stamp_batch
    if n < FEW:
        bounds = Bounds(why_not=f"needs {FEW} batches for bounds")
        sheet.add("stamp_cost_us", float(np.median(batches)), n, bounds)
        return
    value, bounds = percentile(batches, 0.5, float(n), step, common=False)
    sheet.add("stamp_cost_us", value, n, bounds)


def measure_observer(capture: Capture, sheet: MetricSheet) -> None:
    """Add ``observer_effect_us``: full less minimal instrumentation, per activation.

    The two loops ran in turn, so that a slow spell of the board meets both; the median of the
    paired differences is bounded by order statistics (the sign test's interval), which needs no
    assumption on their distribution.
    """
    calibration = capture.calibration
    pairs = 0 if calibration is None else min(len(calibration.full_us), len(calibration.minimal_us))
    if calibration is None or pairs < FEW:
        sheet.mark_unavailable(
            "observer_effect_us", f"needs {FEW} pairs of loops, there are {pairs}"
        )
        return
    difference = calibration.full_us[:pairs] - calibration.minimal_us[:pairs]
    effect = np.sort(difference.astype(np.float64)) / calibration.loop_batch
    step = instrument(capture).tick_us / calibration.loop_batch
    value, bounds = percentile(effect, 0.5, float(pairs), step, common=False)
    sheet.add("observer_effect_us", value, pairs, bounds)
