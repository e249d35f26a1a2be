"""What a technique leaves for the main program, from pairs of short windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.metric_sheet import Bounds
from hil.analysis.uncertainty.order_statistics import sign_rank

if TYPE_CHECKING:
    from hil.analysis.metric_sheet import MetricSheet
    from hil.model.captures import IntArray

ABOVE_ONE = (
    "above 1 beyond its bounds: the loop itself ran faster beside the tasks than alone, so this is "
    "no share of it; take it as the tasks costing nothing that can be seen here"
)
BACKGROUND_SHARE = "background_share"


def measure_share(
    turns: IntArray, turns_us: IntArray, bare: IntArray, bare_us: IntArray, sheet: MetricSheet
) -> None:
    """Add ``background_share``: turns a second of the main program's loop, with the tasks and bare.

    Entry by entry ``turns`` in ``turns_us`` with the tasks beside the loop, and ``bare`` in
    ``bare_us`` without, of neighbouring windows; what has no counterpart is left out.

    The median over pairs of neighbouring windows, so that a machine that is busy for a while slows
    both. Its bounds are order statistics of the pairs (sign test: distribution-free, any spread).
    """
    columns = (turns, turns_us, bare, bare_us)
    n = min(column.size for column in columns)
    busy, busy_us, idle, idle_us = (column[:n].astype(np.float64) for column in columns)
    usable = (busy_us > 0) & (idle_us > 0) & (idle > 0)
    if not usable.any():
        sheet.mark_unavailable(BACKGROUND_SHARE, "the loop with no task made no turn")
        return
    share = np.sort(busy[usable] / busy_us[usable] / (idle[usable] / idle_us[usable]))
    rank = sign_rank(share.size)
    bounds = (
        Bounds(why_not="needs 6 pairs of windows for bounds")
        if rank is None
        else Bounds(float(share[rank - 1]), float(share[-rank]))
    )
    note = "median of pairs of short windows"
    if bounds.lo is not None and bounds.lo > 1.0:
        note += f"; {ABOVE_ONE}"
    sheet.add(BACKGROUND_SHARE, float(np.median(share)), int(share.size), bounds, note=note)
