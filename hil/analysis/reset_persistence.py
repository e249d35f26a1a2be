"""Persistence of a stored schedule: jobs lost, run twice and run late over resets of a board.

From the rows of :mod:`hil.model.reset_rows`, for each way to reset. A run that the board did not
report before a reset is counted as one that did not happen.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.metric_sheet import Bounds
from hil.analysis.uncertainty.distributions import binomial_bounds
from hil.analysis.uncertainty.order_statistics import CONFIDENCE, sign_rank
from hil.model.reset_rows import (
    ASLEEP,
    BOOT,
    DEEP_SLEEP,
    KILL,
    LOST,
    PLANNED,
    REPORT,
    RESET_CHANNELS,
    RESET_METHODS,
    RESET_MODES,
    RUN,
    SOFT_RESET,
    SPEED_CHANNELS,
    reset_count,
)

if TYPE_CHECKING:
    from hil.analysis.metric_sheet import MetricSheet
    from hil.model.captures import Capture, IntArray

COUNTS = ("jobs_lost", "jobs_run_twice", "jobs_late")
_NOT_DONE = {
    KILL: "only the embedded board is killed: a write to flash that is interrupted is not risked",
    DEEP_SLEEP: "deep sleep takes a board off its port; "
    "say deepsleep = true in its wiring file if it comes back by itself",
}
_FAR_US = 60e6


@dataclass(slots=True)
class ResetCounts:
    """The sums of the rows of one way to reset.

    ``resets``, ``inside`` of them with a save half done, ``runs`` reported, ``jobs_lost`` jobs
    missing after a boot, ``runs_lost`` planned runs that neither came nor were made up for by a
    later one, ``twice`` runs reported more than once, ``late`` runs a period late or more,
    ``reports`` of a damaged file, ``lines_lost`` on the link. ``wake_us``: how long after the next
    run was due each boot from sleep came, in us of the board's clock.
    """

    resets: int = -1
    inside: int = 0
    runs: int = 0
    jobs_lost: int = 0
    runs_lost: int = 0
    twice: int = 0
    late: int = 0
    reports: int = 0
    lines_lost: int = 0
    wake_us: list[float] = field(default_factory=list)


def count_resets(rows: IntArray, speed: int = 1) -> ResetCounts:
    """Add up ``rows`` (n * 5,); a job's run is lost when the next one was planned for later."""
    counts = ResetCounts()
    planned: dict[int, int] = {}  # when the next run of each job is due
    reported: Counter[tuple[int, int]] = Counter()
    asleep_until = -1
    stored = 0
    for kind, a, b, c, d in RESET_CHANNELS[SOFT_RESET].rows(rows).tolist():
        if kind == BOOT:
            counts.resets += 1
            counts.inside += b
            counts.jobs_lost += max(0, stored - a)
            if asleep_until >= 0 and c >= 0:
                counts.wake_us.append((c - asleep_until * 1000) / max(1, speed))
            asleep_until = -1
        elif kind == PLANNED:
            stored = a
        elif kind == RUN:
            period = (a + 1) * 1000
            counts.runs += 1
            reported[a, b] += 1
            counts.late += d >= period
            counts.runs_lost += max(0, b - planned.get(a, b)) // period
            planned[a] = c
        elif kind == ASLEEP:
            asleep_until = a
        elif kind == REPORT:
            counts.reports += 1
        elif kind == LOST:
            counts.lines_lost += 1
    counts.twice = sum(n - 1 for n in reported.values())
    return counts


def measure_reset_persistence(capture: Capture, sheet: MetricSheet) -> None:
    """Add ``jobs_lost``, ``jobs_run_twice``, ``jobs_late`` and, of deep sleep, ``wake_error_us``.

    The counts are bounded by what as many resets (for lost ones) or runs may show: a binomial
    proportion times their number (Clopper & Pearson 1934).
    """
    for mode in RESET_MODES:
        rows = capture.numbers(RESET_CHANNELS[mode])
        method = RESET_METHODS[mode]
        if rows is None:
            if reset_count(mode, capture.plan.options):
                sheet.mark_unavailable("jobs_lost", _why_not(mode, capture), method=method)
            continue
        speed = capture.numbers(SPEED_CHANNELS[mode])
        counts = count_resets(rows, 1 if speed is None or not speed.size else int(speed[0]))
        if counts.lines_lost or counts.resets < 1:
            reason = "a line of the board's was lost on the link" if counts.lines_lost else ""
            for metric in COUNTS:
                sheet.mark_unavailable(metric, reason or "the board was never reset", method=method)
            continue
        _add_counts(counts, method, sheet)
        if mode == DEEP_SLEEP:
            _add_wake_error(counts, method, sheet)


def _why_not(mode: str, capture: Capture) -> str:
    have = capture.board.capabilities
    if "fs" not in have:
        return "it has no file system to keep a plan in"
    return _NOT_DONE.get(mode, "its memory is too small for a plan, or it was not tried")


def _add_counts(counts: ResetCounts, method: str, sheet: MetricSheet) -> None:
    resets = f"{counts.resets} resets, {counts.inside} of them inside a save, {counts.runs} runs"
    damaged = f"; {counts.reports} damaged files reported" if counts.reports else ""
    lost = counts.jobs_lost + counts.runs_lost
    for metric, count, n, note in (
        (COUNTS[0], lost, max(counts.resets, lost), f"{resets}{damaged}"),
        (
            COUNTS[1],
            counts.twice,
            counts.runs,
            f"{resets}; runs whose save was interrupted come again",
        ),
        (COUNTS[2], counts.late, counts.runs, f"{resets}; late: by a period or more"),
    ):
        if n == 0:
            sheet.mark_unavailable(metric, "no run came", method=method)
            continue
        low, high = binomial_bounds(count, n, CONFIDENCE)
        sheet.add(metric, count, n, Bounds(low * n, high * n), note=note, method=method)


def _add_wake_error(counts: ResetCounts, method: str, sheet: MetricSheet) -> None:
    metric = "wake_error_us"
    errors = np.sort(np.asarray(counts.wake_us, np.float64))
    if not errors.size:
        sheet.mark_unavailable(
            metric,
            "needs a wall clock finer than seconds, and ticks that do not wrap soon",
            method=method,
        )
        return
    if np.abs(errors).max() > _FAR_US:
        reason = "the board's wall clock does not go on while it sleeps"
        sheet.mark_unavailable(metric, reason, method=method)
        return
    rank = sign_rank(errors.size)
    bounds = (
        Bounds(why_not="needs 6 sleeps for bounds")
        if rank is None
        else Bounds(float(errors[rank - 1]), float(errors[-rank]))
    )
    note = f"median; {errors[0]:.0f} to {errors[-1]:.0f} us; the start of the board is part of it"
    sheet.add(metric, float(np.median(errors)), errors.size, bounds, note=note, method=method)
