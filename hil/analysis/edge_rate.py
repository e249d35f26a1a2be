"""The rate of an instrument's time against the board's, by all edges that have a stamp."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.uncertainty.slope import slope_of
from hil.model.edges import EdgeFinding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.analysis.clock_line import FeasibleLines
    from hil.analysis.line_faults import LineCheck
    from hil.analysis.sync_moments import Frame

_FEWEST = 30
_SAFE = 1.6  # 95 % of a fit's bounds to 99.8 %: what they restrict must hold
_TILT = 1.5  # rounding can tilt a fitted line by so many steps over its span


def rate_bounds(
    checks: Sequence[LineCheck],
    frame: Frame,
    lines: FeasibleLines,
    faults: tuple[EdgeFinding, ...],
) -> tuple[float, float, float, tuple[EdgeFinding, ...]]:
    """The rate by the sync edges and by all matched edges: least, likeliest, most of what both
    allow."""
    low, high = lines.rates
    chosen = [check for check in checks if check.matched >= _FEWEST and check.valid]
    if not chosen:
        return low, (low + high) / 2.0, high, faults
    x = np.concatenate([check.stamp_us for check in chosen])
    y = np.concatenate([check.own_minus_board(frame.own) for check in chosen])
    starts = np.cumsum([0, *(check.matched for check in chosen[:-1])]).tolist()
    span = max(float(np.ptp(check.stamp_us)) for check in chosen)
    steps = frame.step_us + 2.0 * frame.own_us
    fit = slope_of(x, y, "stationary", starts, step=steps)
    if fit.lo is None or fit.hi is None:
        return low, (low + high) / 2.0, high, faults
    tilt = _TILT * steps / span
    lower = fit.value - _SAFE * (fit.value - fit.lo) - tilt
    upper = fit.value + _SAFE * (fit.hi - fit.value) + tilt
    if lower > high or upper < low:
        text = (
            f"the rate by the sync edges ({low * 1e6:.2f} to {high * 1e6:.2f} ppm) and by the "
            f"tasks' edges ({lower * 1e6:.2f} to {upper * 1e6:.2f} ppm) contradict each other: "
            "time jumped or changed its rate in the instrument or the board"
        )
        fault = EdgeFinding("step", text, "recording")
        return min(low, lower), fit.value, max(high, upper), (*faults, fault)
    return max(low, lower), fit.value, min(high, upper), faults
