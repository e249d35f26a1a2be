"""Heap used by a callback, calls after a stop, and how periodic work starts again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.metric_sheet import EXACT, Bounds
from hil.analysis.uncertainty.effective_number import Stretches
from hil.analysis.uncertainty.extremes import extreme_number, extreme_of
from hil.analysis.uncertainty.order_statistics import needed_samples, percentile
from hil.model.user_programs import ProgramOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.analysis.metric_sheet import MetricSheet
    from hil.model.captures import Capture, IntArray


def measure_callbacks(counters: Mapping[str, int], sheet: MetricSheet) -> None:
    """What callbacks took from the heap, and what failed for want of it.

    From the counters ``taken.METHOD`` (bytes in ``calls.METHOD`` calls), ``locked.METHOD`` (1: it
    runs with the heap locked), ``errors.METHOD`` (of ``errors_of.METHOD`` callbacks in the
    interrupt) and ``after.METHOD`` (calls of a callback that had been replaced).
    """
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
            sheet.mark_unavailable(
                metric, "the board refuses this kind of timer or section", method=method
            )


STOP_METHOD = "stop()"


def measure_calls_after_end(capture: Capture, sheet: MetricSheet) -> None:
    """Add ``callbacks_after_stop``: callbacks that came after the capture was cleaned up.

    From the counter ``strays``; the board watched for two periods, at most 100 ms. Nobody asks a
    user's own program to stop what it started, so of that it is no figure.
    """
    counters = capture.counters
    if "strays" in counters and ProgramOptions.of_plan(capture.plan) is None:
        calls = counters["strays"]
        longest = max((task.period_us for task in capture.plan.tasks), default=0)
        note = f"{EXACT}; watched for {min(2 * longest // 1000 + 1, 100)} ms after the end"
        bounds = Bounds(float(calls), float(calls))
        sheet.add("callbacks_after_stop", calls, max(1, len(capture.tracks)), bounds, note=note)


def measure_stops(
    counters: Mapping[str, int],
    stop_us: IntArray | None,
    phase_us: IntArray | None,
    step_us: float,
    read_cost_us: float,
    sheet: MetricSheet,
) -> None:
    """How a periodic operator stops and starts again, from the counters ``op_*``.

    ``stop_us``: from each call of stop() to the last callback, 0 if none came after it;
    ``phase_us``: from each start's intended first callback to the actual one. ``step_us`` is the
    clock's step. Both differences hold one read of the clock, ``read_cost_us``: the rest of the one
    before the call, and what of the callback's comes before its reading.
    """
    stops = counters.get("op_stops", 0)
    if stops <= 0:
        return
    after = counters.get("op_after", 0)
    bounds = Bounds(float(after), float(after))
    sheet.add("callbacks_after_stop", after, stops, bounds, note=EXACT, method=STOP_METHOD)
    for method, key, count in (
        (STOP_METHOD, "op_timer", stops),
        ("flag_only", "op_flag", counters.get("op_flag_stops", 0)),
    ):
        if count > 0:
            mean = counters.get(key, 0) / count
            note = f"in the two periods after each stop; {EXACT}"
            sheet.add("timer_after_stop", mean, count, Bounds(mean, mean), note=note, method=method)
    if stop_us is not None and stop_us.size:
        note = "0: no callback came after the call"
        largest = float(stop_us.max())
        latency = largest - read_cost_us if largest > 0.0 else 0.0
        worth = extreme_number(Stretches.of(stop_us.astype(np.float64)), stop_us.size)
        bounds = extreme_of(latency, worth, step_us)
        sheet.add("stop_latency_us", latency, stop_us.size, bounds, note=note, n_effective=worth)
    if phase_us is None or phase_us.size < needed_samples(0.5):
        sheet.mark_unavailable("restart_phase_us", f"needs {needed_samples(0.5)} starts")
        return
    ordered = np.sort(phase_us - read_cost_us)
    value, bounds = percentile(ordered, 0.5, float(phase_us.size), step_us, common=False)
    note = f"median; largest {ordered[-1]:.6g} us"
    sheet.add("restart_phase_us", value, phase_us.size, bounds, note=note)
