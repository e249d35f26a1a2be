"""What a technique leaves for the main program, from pairs of short windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.metric_sheet import Bounds
from hil.analysis.uncertainty.order_statistics import sign_rank

if TYPE_CHECKING:
    from hil.analysis.metric_sheet import MetricSheet
    from hil.model.captures import Capture

ABOVE_ONE = (
    "above 1 beyond its bounds: the loop itself ran faster beside the tasks than alone, so this is "
    "no share of it; take it as the tasks costing nothing that can be seen here"
)
_METRIC = "background_share"


def measure_share(capture: Capture, sheet: MetricSheet) -> None:
    """Add ``background_share``: turns a second of the main program's loop, with the tasks and bare.

    The median over pairs of neighbouring windows, so that a machine that is busy for a while slows
    both. Its bounds are order statistics of the pairs (sign test: distribution-free, any spread).
    From the values ``share.with``, ``share.with_us``, ``share.bare``, ``share.bare_us``.
    """
    counters = capture.counters
    if counters.get("share_none"):
        sheet.refuse(
            _METRIC, "the main program runs the tasks itself: there is no loop beside them"
        )
        return
    columns = [capture.values.get(f"share.{n}") for n in ("with", "with_us", "bare", "bare_us")]
    if any(column is None for column in columns):
        if "background" in counters or "share" in capture.plan.options:
            sheet.refuse(_METRIC, "needs the turns of the same loop with no task running")
        return
    n = min(column.size for column in columns if column is not None)
    turns, turns_us, bare, bare_us = (
        column[:n].astype(np.float64) for column in columns if column is not None
    )
    sound = (turns_us > 0) & (bare_us > 0) & (bare > 0)
    if not sound.any():
        sheet.refuse(_METRIC, "the loop with no task made no turn")
        return
    share = np.sort(turns[sound] / turns_us[sound] / (bare[sound] / bare_us[sound]))
    rank = sign_rank(share.size)
    bounds = (
        Bounds(why_not="needs 6 pairs of windows for bounds")
        if rank is None
        else Bounds(float(share[rank - 1]), float(share[-rank]))
    )
    note = "median of pairs of short windows"
    if bounds.lo is not None and bounds.lo > 1.0:
        note += f"; {ABOVE_ONE}"
    sheet.add(_METRIC, float(np.median(share)), int(share.size), bounds, note=note)
