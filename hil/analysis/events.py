"""Interrupt and deferral latency: stimulus to handler, handler to deferred code."""

from __future__ import annotations

import numpy as np

from hil.analysis.estimates import Bounds, Sheet
from hil.analysis.limits import covered_share, covered_share_of_range
from hil.analysis.percentiles import add_percentiles
from hil.analysis.track_metrics import extreme
from hil.records import EventSet

_STAGE = {"isr": "isr_latency", "defer": "defer_latency"}


def measure_events(events: EventSet, tick_us: float, stamp_cost_us: float, sheet: Sheet) -> None:
    """Add the latency figures of one event set to ``sheet``, under the set's method.

    One stamp's cost is taken off every latency: the stimulus is stamped before it is given, so
    that the cost of that stamp lies inside the difference. What is below the
    clock's step may come out negative by that; it is given as zero.
    """
    prefix = _STAGE[events.stage]
    latency = (events.handler_us - events.stimulus_us).astype(np.float64)
    if events.stamped:
        latency -= stamp_cost_us
    np.maximum(latency, 0.0, out=latency)
    n = int(latency.size)
    total = n + events.lost
    note = f"{events.lost} of {total} events had no answer" if events.lost else None
    sheet.add(
        "missed",
        events.lost,
        total,
        Bounds(float(events.lost), float(events.lost)),
        note=f"{events.stage} events without an answer; counted, exact for this window",
        method=events.method,
    )
    if n == 0:
        for part in ("min", "p50", "p99", "p999", "max"):
            sheet.refuse(f"{prefix}_{part}_us", "no event was answered", method=events.method)
        return
    unbounded = extreme(covered_share(n))
    worst = int(np.argmax(latency))
    where = float(events.handler_us[worst] - events.stimulus_us[0])
    add_percentiles(
        sheet,
        prefix,
        latency,
        step_us=tick_us,
        common=False,
        floor=0.0,
        note=note,
        method=events.method,
    )
    low, high = float(latency.min()), float(latency[worst])
    sheet.add(f"{prefix}_min_us", low, n, unbounded, note=note, method=events.method)
    sheet.add(
        f"{prefix}_max_us", high, n, unbounded, note=note, where_us=where, method=events.method
    )
    if n > 1:
        sheet.add(
            f"{events.stage}_jitter_pp_us",
            high - low,
            n,
            extreme(covered_share_of_range(n)),
            note=note,
            method=events.method,
        )
