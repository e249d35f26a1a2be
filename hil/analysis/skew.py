"""The board's clock against the host's, from ping exchanges.

Each exchange bounds the offset from both sides: the board read its clock after the host sent and
answered before the host received. Delays are one-sided, skewed and sometimes huge, so that only
the fastest exchanges say anything: per window of consecutive exchanges the smallest delay of each
direction is kept (window minima), and a line is fitted to what they say of the offset. Compared
with least squares and with the hull of Moon, Skelly & Towsley (1999) in
``tools/estimators/skew.py``; the figures are in decision 0005.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hil.analysis.drift import WHITE_ODDS, slope_of
from hil.analysis.estimates import Bounds, Sheet
from hil.records import Pings

FloatArray = NDArray[np.float64]

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
    cut = int(np.argmax(np.diff(data.time_s))) + 1
    trip = data.round_trip_us
    change = float(np.quantile(trip[cut:], 0.1) - np.quantile(trip[:cut], 0.1))
    span = float(data.time_s[-1] - data.time_s[0])
    return (abs(change) / 2.0 + 0.05 * float(trip.min())) / span


def measure_skew(pings: Pings | None, tick_us: float, sheet: Sheet) -> None:
    """Add ``clock_skew_ppm`` (positive: the board's clock is fast), or say why it is absent."""
    n = 0 if pings is None else int(pings.host_tx_ns.size)
    if pings is None or n < FEWEST:
        sheet.refuse("clock_skew_ppm", f"needs {FEWEST} clock exchanges, the capture has {n}")
        return
    data = exchanges(pings)
    if float(data.time_s[-1] - data.time_s[0]) < 1.0:
        sheet.refuse("clock_skew_ppm", "the clock exchanges span less than a second")
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
