"""The board's clock: its step, the cost of reading it, and its rate against the host's.

Each exchange bounds the offset from both sides: the board read its clock after the host sent and
answered before the host received. Delays are one-sided, skewed and sometimes huge, so that only the
fastest exchanges are informative: per window of consecutive exchanges the smallest delay of each
direction is taken (window minima), and a line is fitted to the offsets that follow from them.
Compared with least squares and with the hull of Moon, Skelly & Towsley (1999) in
``tools/estimators/skew.py``; the figures are in decision 0005.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.metric_sheet import Bounds
from hil.analysis.uncertainty.correlated import FEW
from hil.analysis.uncertainty.order_statistics import percentile
from hil.analysis.uncertainty.slope import WHITE_ODDS, slope_of

if TYPE_CHECKING:
    from hil.analysis.metric_sheet import MetricSheet
    from hil.model.captures import Capture, FloatArray, Pings


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


FEWEST = 8
WINDOWS = 20
_IN_WINDOW = 5


@dataclass(frozen=True, slots=True)
class Exchanges:
    """Pings as differences (all (n,) float64): ``time_s`` on the host's clock from the first one.

    ``forward_us`` is offset plus delay to the board, ``backward_us`` delay to the host minus
    offset, both less a constant, so that ``(forward - backward) / 2`` is the offset's change.
    """

    time_s: FloatArray
    forward_us: FloatArray
    backward_us: FloatArray

    @property
    def round_trip_us(self) -> FloatArray:
        """Both delays together, (n,) us."""
        return self.forward_us + self.backward_us


def exchanges(pings: Pings) -> Exchanges:
    """Differences of the four stamps, taken as integers first so that no digits are lost."""
    start = int(pings.host_tx_ns[0])
    base = int(pings.board_rx_us[0])
    sent = (pings.host_tx_ns - start) / 1000.0
    received = (pings.host_rx_ns - start) / 1000.0
    return Exchanges(
        time_s=(sent + received) / 2e6,
        forward_us=(pings.board_rx_us - base) - sent,
        backward_us=received - (pings.board_tx_us - base),
    )


def window_minima(data: Exchanges, windows: int = WINDOWS) -> tuple[FloatArray, FloatArray]:
    """Host time (s) and offset (us) of the fastest exchanges of each window of neighbours.

    A window holds equally many exchanges. The two directions have their own fastest exchange.
    """
    n = data.time_s.size
    windows = max(FEWEST, min(windows, n // _IN_WINDOW))
    size = max(1, n // windows)
    count = n // size
    edges = np.arange(count) * size
    ends = np.append(edges[1:], n)
    time = np.empty(count)
    offset = np.empty(count)
    # the skew inside a window would favour one end of it, so a first estimate is taken off
    middle = float(np.mean(data.time_s))
    centred = data.time_s - middle
    both = (data.forward_us - data.backward_us) / 2.0
    flat = float(np.dot(centred, centred))
    first = float(np.dot(centred, both)) / flat if flat else 0.0
    forward = data.forward_us - first * data.time_s
    backward = data.backward_us + first * data.time_s
    for i, (a, b) in enumerate(zip(edges, ends, strict=True)):
        f = a + int(np.argmin(forward[a:b]))
        g = a + int(np.argmin(backward[a:b]))
        time[i] = (data.time_s[f] + data.time_s[g]) / 2.0
        offset[i] = (forward[f] - backward[g]) / 2.0 + first * time[i]
    return time, offset


def _unseen_ppm(data: Exchanges) -> float:
    """What a change of the delays between two clusters of exchanges could pass off as skew.

    The round trip's change between them is seen, but not which direction it was in: that is half
    of it. A twentieth of the fastest round trip is added for what does not show at all.
    """
    turn = int(np.argmax(np.diff(data.time_s))) + 1
    trip = data.round_trip_us
    change = float(np.quantile(trip[turn:], 0.1) - np.quantile(trip[:turn], 0.1))
    span = float(data.time_s[-1] - data.time_s[0])
    return (abs(change) / 2.0 + 0.05 * float(trip.min())) / span


def measure_skew(pings: Pings | None, tick_us: float, sheet: MetricSheet) -> None:
    """Add ``clock_skew_ppm`` (positive: the board's clock is fast), or say why it is absent."""
    n = 0 if pings is None else int(pings.host_tx_ns.size)
    if pings is None or n < FEWEST:
        sheet.mark_unavailable(
            "clock_skew_ppm", f"needs {FEWEST} clock exchanges, the capture has {n}"
        )
        return
    data = exchanges(pings)
    if float(data.time_s[-1] - data.time_s[0]) < 1.0:
        sheet.mark_unavailable("clock_skew_ppm", "the clock exchanges span less than a second")
        return
    time, offset = window_minima(data)
    # a walk of the delays cannot show where most of the time has no exchange
    blind = float(np.diff(data.time_s).max()) > 0.5 * float(data.time_s[-1] - data.time_s[0])
    odds = 1e9 if blind else WHITE_ODDS
    margin = _unseen_ppm(data) if blind else 0.0
    fit = slope_of(time, offset, tick_us / 2.0, white_odds=odds, calmed=False)
    trip = data.round_trip_us
    fastest = float(trip.min())
    note = f"fastest exchange {fastest:.0f} us, so the offset is known to {fastest / 2:.0f} us"
    if fit.lo is None or fit.hi is None:
        bounds = Bounds(why_not=f"needs {FEWEST} windows of exchanges for bounds")
    else:
        bounds = Bounds(fit.lo - margin, fit.hi + margin)
    sheet.add("clock_skew_ppm", fit.value, n, bounds, note=note)
