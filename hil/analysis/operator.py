"""How periodic work ends and begins again: after a stop nothing may come."""

from __future__ import annotations

import numpy as np

from hil.analysis.estimates import Bounds, Sheet
from hil.analysis.limits import covered_share, needed_samples
from hil.analysis.track_metrics import EXACT, extreme
from hil.analysis.uncertainty import percentile
from hil.records import Capture

STOP = "stop()"


def measure_endings(capture: Capture, sheet: Sheet) -> None:
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
    sheet.add("callbacks_after_stop", after, stops, bounds, note=EXACT, method=STOP)
    for method, key, count in (
        (STOP, "op_timer", stops),
        ("flag_only", "op_flag", counters.get("op_flag_stops", 0)),
    ):
        if count > 0:
            mean = counters.get(key, 0) / count
            note = f"in the two periods after each stop; {EXACT}"
            sheet.add("timer_after_stop", mean, count, Bounds(mean, mean), note=note, method=method)
    _values(capture, sheet)


def _values(capture: Capture, sheet: Sheet) -> None:
    stop = capture.values.get("op.stop")
    if stop is not None and stop.size:
        bounds = extreme(covered_share(stop.size))
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
