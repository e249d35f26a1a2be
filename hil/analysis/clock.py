"""The board's clock: its step and the cost of reading it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.clock_step import clock_step_us
from hil.analysis.metric_sheet import Bounds
from hil.analysis.stamp_costs import StampCosts, stamp_costs
from hil.analysis.uncertainty.correlated import FEW
from hil.analysis.uncertainty.order_statistics import percentile

if TYPE_CHECKING:
    from hil.analysis.metric_sheet import MetricSheet
    from hil.model.captures import Calibration, Capture, FloatArray


@dataclass(frozen=True, slots=True)
class Instrument:
    """What the analysis takes off the figures, and the step that bounds their resolution (us).

    ``costs`` are the calls that lie between two stamps, where the board calibrated them.
    """

    tick_us: float
    stamp_cost_us: float
    read_cost_us: float
    costs: StampCosts = field(default_factory=StampCosts)


def instrument(capture: Capture) -> Instrument:
    """Clock step and costs of this board; a board without calibration has cost 0 and step 1 us.

    The step is that of the calibration's unevenly spaced readings. Where there are none, or where
    the clock hardly moved in them, it is what is known of the board, else the median of the steps
    that were waited for; never below 1 us (``ticks_us``).
    """
    board, calibration = capture.board, capture.calibration
    tick, stamp = board.tick_resolution_us, board.stamp_cost_us
    if calibration is None:
        return Instrument(max(1.0, tick or 1.0), stamp or 0.0, 0.0)
    waited = float(np.median(calibration.step_us)) if calibration.step_us.size else None
    seen = clock_step_us(calibration.readings_us)
    if seen is None and calibration.readings_us.size:
        seen = waited
    tick = max(1.0, seen or tick or waited or 1.0)
    costs = stamp_costs(calibration, tick)
    read = 0.0
    if costs.read is not None:
        read = costs.read.us
    elif calibration.read_us.size:
        read = float(np.median(calibration.read_us)) / calibration.read_batch
    if stamp is None and calibration.stamp_us.size:
        stamp = float(np.median(_stamp_batches(calibration)))
    return Instrument(tick, stamp or 0.0, read, costs)


def _stamp_batches(calibration: Calibration) -> FloatArray:
    """What a stamp cost in each batch, (n,) us, without the batch's loop where that is known."""
    alone = float(np.median(calibration.rounds_us)) if calibration.rounds_us.size else 0.0
    batches = calibration.stamp_us.astype(np.float64) - alone
    result: FloatArray = np.maximum(batches, 0.0) / calibration.stamp_batch
    return result


def measure_calibration(capture: Capture, sheet: MetricSheet) -> None:
    """Add ``stamp_cost_us`` (median over the batches) to ``sheet``, or say why it is absent."""
    calibration = capture.calibration
    if calibration is None or not calibration.stamp_us.size or calibration.stamp_batch < 1:
        sheet.mark_unavailable("stamp_cost_us", "the capture has no calibration")
        return
    batches = np.sort(_stamp_batches(calibration))
    n = int(batches.size)
    step = instrument(capture).tick_us / calibration.stamp_batch
    if n < FEW:
        bounds = Bounds(why_not=f"needs {FEW} batches for bounds")
        sheet.add("stamp_cost_us", float(np.median(batches)), n, bounds)
        return
    value, bounds = percentile(batches, 0.5, float(n), step, common=False)
    sheet.add("stamp_cost_us", value, n, bounds)


def steps_back(calibration: Calibration | None) -> str | None:
    """How often the clock stepped back while it was watched, as a sentence; ``None`` if never."""
    if calibration is None or not calibration.steps_back:
        return None
    count, watched_s = calibration.steps_back, calibration.watched_us / 1e6
    times = "once" if count == 1 else f"{count:,} times"
    return (
        f"ticks_us stepped back {times} in {watched_s:.2g} s, by up to "
        f"{calibration.back_most_us:,} us: intervals across such a step are wrong"
    )


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
