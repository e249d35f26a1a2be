"""Heap used by a callback, calls after a stop, and how periodic work starts again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.metric_sheet import EXACT, Bounds, extreme_bounds
from hil.analysis.uncertainty.order_statistics import covered_share, needed_samples, percentile

if TYPE_CHECKING:
    from hil.analysis.metric_sheet import MetricSheet
    from hil.model.captures import Capture


def measure_callbacks(capture: Capture, sheet: MetricSheet) -> None:
    """What callbacks took from the heap, and what failed for want of it.

    From the counters ``taken.METHOD`` (bytes in ``calls.METHOD`` calls), ``locked.METHOD`` (1: it
    runs with the heap locked), ``errors.METHOD`` (of ``errors_of.METHOD`` callbacks in the
    interrupt) and ``after.METHOD`` (calls of a callback that had been replaced).
    """
    counters = capture.counters
    for key, count in counters.items():
        what, dot, method = key.partition(".")
        if not dot:
            continue
        if what == "taken":
            calls = max(1, counters.get(f"calls.{method}", 1))
            each = max(0.0, count / calls)
            proof = {1: "; runs with the heap locked", 0: "; fails with the heap locked"}
            note = EXACT.replace("window", "board") + proof.get(
                counters.get(f"locked.{method}", -1), "; the heap can't be locked here"
            )
            sheet.add("callback_bytes", each, calls, Bounds(each, each), note=note, method=method)
        elif what == "errors":
            n = counters.get(f"errors_of.{method}", count)
            note = "MemoryError, caught; its traceback is in the log" if count else "no MemoryError"
            bounds = Bounds(float(count), float(count))
            sheet.add("callback_errors", count, n, bounds, note=f"{note}; {EXACT}", method=method)
        elif what == "after":
            bounds = Bounds(float(count), float(count))
            note = f"calls of the replaced callback; {EXACT}"
            sheet.add("callbacks_after_stop", count, 1, bounds, note=note, method=method)
        elif what == "refused":
            metric = "lateness_p50_us"
            sheet.refuse(metric, "the board refuses this kind of timer or section", method=method)


STOP_CHANNEL = "stop()"


def measure_endings(capture: Capture, sheet: MetricSheet) -> None:
    """Callbacks that came after the capture was cleaned up, and a periodic operator's stops.

    From the counters ``strays`` (watched for two periods, at most 100 ms) and ``op_*``, the values
    ``op.stop`` and ``op.phase`` in microseconds, one per stop.
    """
    counters = capture.counters
    if "strays" in counters:
        strays = counters["strays"]
        longest = max((task.period_us for task in capture.plan.tasks), default=0)
        note = f"{EXACT}; watched for {min(2 * longest // 1000 + 1, 100)} ms after the end"
        bounds = Bounds(float(strays), float(strays))
        sheet.add("callbacks_after_stop", strays, max(1, len(capture.tracks)), bounds, note=note)
    stops = counters.get("op_stops", 0)
    if stops <= 0:
        return
    after = counters.get("op_after", 0)
    bounds = Bounds(float(after), float(after))
    sheet.add("callbacks_after_stop", after, stops, bounds, note=EXACT, method=STOP_CHANNEL)
    for method, key, count in (
        (STOP_CHANNEL, "op_timer", stops),
        ("flag_only", "op_flag", counters.get("op_flag_stops", 0)),
    ):
        if count > 0:
            mean = counters.get(key, 0) / count
            note = f"in the two periods after each stop; {EXACT}"
            sheet.add("timer_after_stop", mean, count, Bounds(mean, mean), note=note, method=method)
    _values(capture, sheet)


def _values(capture: Capture, sheet: MetricSheet) -> None:
    stop = capture.values.get("op.stop")
    if stop is not None and stop.size:
        bounds = extreme_bounds(covered_share(stop.size))
        note = "0: no callback came after the call"
        sheet.add("stop_latency_us", float(stop.max()), stop.size, bounds, note=note)
    phase = capture.values.get("op.phase")
    if phase is None or phase.size < needed_samples(0.5):
        sheet.refuse("restart_phase_us", f"needs {needed_samples(0.5)} starts")
        return
    ordered = np.sort(phase.astype(np.float64))
    step = capture.board.tick_resolution_us or 1.0
    value, bounds = percentile(ordered, 0.5, float(phase.size), step, common=False)
    note = f"median; largest {ordered[-1]:g} us"
    sheet.add("restart_phase_us", value, phase.size, bounds, note=note)
