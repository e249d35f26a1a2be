"""The rate of the board's clock against the host's, from clock exchanges.

Each exchange bounds the offset from both sides: the board read its clock after the host sent and
answered before the host received. Delays are one-sided, skewed and sometimes huge, so that only the
fastest exchanges are informative: per group of consecutive exchanges the smallest delay of each
direction is taken (window minima), and a line is fitted to the offsets that follow from them, with
a level of its own for each window of the case.
Compared with least squares and with the hull of Moon, Skelly & Towsley (1999) in
``tools/estimators/skew.py``; the figures are in decision 0005.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.metric_sheet import Bounds
from hil.analysis.uncertainty import budget
from hil.analysis.uncertainty.slope import slope_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.analysis.metric_sheet import MetricSheet
    from hil.model.captures import FloatArray, Pings

FEWEST = 8
WINDOWS = 20
UNKNOWN_HOST_PPM = 50.0
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
    def span_s(self) -> float:
        """From the first exchange to the last."""
        return float(self.time_s[-1] - self.time_s[0])

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
    return (abs(change) / 2.0 + 0.05 * float(trip.min())) / data.span_s


def measure_skew(
    windows: Sequence[Pings | None],
    tick_us: float,
    sheet: MetricSheet,
    host_ppm: float | None = 0.0,
) -> None:
    """Add ``clock_skew_ppm`` (positive: the board's clock is fast), or say why it is absent.

    ``windows`` are the exchanges of each window of the case. The rate of the host's clock may be
    off by ``host_ppm``, which is ``None`` where nobody knows.
    """
    known = [pings for pings in windows if pings is not None and pings.host_tx_ns.size >= FEWEST]
    n = sum(int(pings.host_tx_ns.size) for pings in windows if pings is not None)
    if not known:
        sheet.mark_unavailable(
            "clock_skew_ppm", f"needs {FEWEST} clock exchanges, the capture has {n}"
        )
        return
    data = [exchanges(pings) for pings in known]
    data = [each for each in data if each.span_s >= 1.0]
    if not data:
        sheet.mark_unavailable("clock_skew_ppm", "the clock exchanges span less than a second")
        return
    n = sum(int(each.time_s.size) for each in data)
    lines = [window_minima(each) for each in data]
    # a walk of the delays can't show where most of the time has no exchange
    blind = any(float(np.diff(each.time_s).max()) > 0.5 * each.span_s for each in data)
    starts = np.cumsum([0, *(time.size for time, _ in lines[:-1])]).tolist()
    time, offset = (np.concatenate(parts) for parts in zip(*lines, strict=True))
    fit = slope_of(
        time, offset, "white" if blind else "stationary", starts, step=tick_us / 2.0, calmed=False
    )
    fastest = min(float(each.round_trip_us.min()) for each in data)
    note = f"fastest exchange {fastest:.0f} us, so the offset is known to {fastest / 2:.0f} us"
    if fit.lo is None or fit.hi is None:
        bounds = Bounds(why_not=f"needs {FEWEST} windows of exchanges for bounds")
        sheet.add("clock_skew_ppm", fit.value, n, bounds, note=note)
        return
    spans = np.array([each.span_s for each in data])
    parts = [
        budget.evenly("clock's step", tick_us / 2.0 / math.sqrt(float(np.square(spans).sum())))
    ]
    if blind:
        unseen = [_unseen_ppm(each) for each in data]
        width = math.sqrt(sum(ppm * ppm for ppm in unseen)) / len(unseen)
        parts.append(budget.evenly("asymmetry of the delays, not seen", width))
    if host_ppm != 0.0:
        parts.append(_host_part(host_ppm))
    bounds = budget.combined(fit.value, Bounds(fit.lo, fit.hi), parts, dof=fit.dof)
    sheet.add("clock_skew_ppm", fit.value, n, bounds, note=note)


def _host_part(error_ppm: float | None) -> budget.Part:
    """What the rate of the host's clock adds to the budget of a skew, in ppm.

    ``error_ppm`` is how far it may be off; a clock of which nothing is known is taken as one that
    no one keeps: crystals are off by up to 50 ppm.
    """
    if error_ppm is None:
        return budget.evenly("rate of the host's clock, not known", UNKNOWN_HOST_PPM)
    return budget.evenly("rate of the host's clock", error_ppm)
