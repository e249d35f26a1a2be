"""The series that followed a capture's window: the same figures, each under its own method."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hil.analysis.activations import assign, latest_releases
from hil.analysis.estimates import Bounds, Sheet
from hil.analysis.track_metrics import EXACT, measure_task
from hil.metrics import NAIVE_METHODS, NAIVE_TECHNIQUES
from hil.records import Capture

METRICS = (
    *("lateness_p50_us", "lateness_p99_us", "lateness_max_us"),
    *("period_mean_us", "period_jitter_rms_us", "schedule_drift_ppm", "missed", "dropped"),
)
"""What is said of a series: it is too short for the rest."""


def measure_series(capture: Capture, tick_us: float, read_cost_us: float) -> list[Sheet]:
    """A sheet for each series, with its method; ``tick_us`` and ``read_cost_us`` as for tasks."""
    sheets = []
    technique = capture.plan.technique
    for one in capture.series:
        track = one.track
        if one.method in NAIVE_METHODS:
            track = replace(track, releases=np.arange(track.stamps_us.size), gaps=())
        elif technique not in NAIVE_TECHNIQUES and not track.gaps:
            track = replace(track, releases=latest_releases(track))
        sheet = measure_task(assign(track, technique), tick_us, read_cost_us)
        sheet.figures = [
            replace(figure, method=one.method)
            for figure in sheet.figures
            if figure.metric in METRICS
        ]
        sheet.reasons = [
            replace(reason, method=one.method)
            for reason in sheet.reasons
            if reason.metric in METRICS
        ]
        sheets.append(sheet)
    return sheets


def measure_callbacks(capture: Capture, sheet: Sheet) -> None:
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
