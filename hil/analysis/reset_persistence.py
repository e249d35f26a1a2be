"""What a stored schedule survives: jobs lost, run twice and run late over resets of a board.

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
    ROW_LENGTH,
    RUN,
)
from hil.model.reset_rows import reset_count as asked

if TYPE_CHECKING:
    from hil.analysis.metric_sheet import MetricSheet
    from hil.model.captures import Capture, IntArray

COUNTS = ("jobs_lost", "jobs_run_twice", "jobs_late")
_NOT_DONE = {
    KILL: "only the embedded board is killed: flash that was cut off in a write is not risked",
    DEEP_SLEEP: "deep sleep takes a board off its port; "
    "say deepsleep = true in its wiring file if it comes back by itself",
}
_FAR_US = 60e6


@dataclass(slots=True)
class ResetCounts:
    """What the rows of one way to end a life add up to.

    ``ended`` lives and ``inside`` of them with a save half done, ``runs`` told, ``jobs_lost`` jobs
    missing after a boot, ``runs_lost`` planned runs that neither came nor were made up for by a
    later one, ``twice`` runs told more than once, ``late`` runs a period late or more, ``reports``
    of a damaged file, ``lines_lost`` on the link. ``wake_us``: how long after the next run was due
    each boot from sleep came, in us of the board's clock.
    """

    ended: int = -1
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
    found = ResetCounts()
    planned: dict[int, int] = {}  # when the next run of each job is due
    told: Counter[tuple[int, int]] = Counter()
    asleep_until = -1
    stored = 0
    for kind, a, b, c, d in (
        rows[: rows.size // ROW_LENGTH * ROW_LENGTH].reshape(-1, ROW_LENGTH).tolist()
    ):
        if kind == BOOT:
            found.ended += 1
            found.inside += b
            found.jobs_lost += max(0, stored - a)
            if asleep_until >= 0 and c >= 0:
                found.wake_us.append((c - asleep_until * 1000) / max(1, speed))
            asleep_until = -1
        elif kind == PLANNED:
            stored = a
        elif kind == RUN:
            period = (a + 1) * 1000
            found.runs += 1
            told[a, b] += 1
            found.late += d >= period
            found.runs_lost += max(0, b - planned.get(a, b)) // period
            planned[a] = c
        elif kind == ASLEEP:
            asleep_until = a
        elif kind == REPORT:
            found.reports += 1
        elif kind == LOST:
            found.lines_lost += 1
    found.twice = sum(n - 1 for n in told.values())
    return found


def measure_reset_persistence(capture: Capture, sheet: MetricSheet) -> None:
    """Add ``jobs_lost``, ``jobs_run_twice``, ``jobs_late`` and, of deep sleep, ``wake_error_us``.

    The counts are bounded by what as many lives (for lost ones) or runs may show: a binomial
    proportion times their number (Clopper & Pearson 1934).
    """
    for mode in RESET_MODES:
        rows = capture.values.get(RESET_CHANNELS[mode])
        method = RESET_METHODS[mode]
        if rows is None:
            if asked(mode, capture.plan.options):
                sheet.refuse("jobs_lost", _why_not(mode, capture), method=method)
            continue
        speed = capture.values.get(f"{RESET_CHANNELS[mode]}.speed")
        lives = count_resets(rows, 1 if speed is None or not speed.size else int(speed[0]))
        if lives.lines_lost or lives.ended < 1:
            reason = "a line of the board's was lost on the link" if lives.lines_lost else ""
            for metric in COUNTS:
                sheet.refuse(metric, reason or "no life was ended", method=method)
            continue
        _counts(lives, method, sheet)
        if mode == DEEP_SLEEP:
            _wake(lives, method, sheet)


def _why_not(mode: str, capture: Capture) -> str:
    have = capture.board.capabilities
    if "fs" not in have:
        return "it has no file system to keep a plan in"
    return _NOT_DONE.get(mode, "its memory is too small for a plan, or it was not tried")


def _counts(lives: ResetCounts, method: str, sheet: MetricSheet) -> None:
    ended = f"{lives.ended} lives ended, {lives.inside} of them inside a save, {lives.runs} runs"
    damaged = f"; {lives.reports} damaged files reported" if lives.reports else ""
    lost = lives.jobs_lost + lives.runs_lost
    for metric, count, n, note in (
        (COUNTS[0], lost, max(lives.ended, lost), f"{ended}{damaged}"),
        (COUNTS[1], lives.twice, lives.runs, f"{ended}; runs whose save was cut off come again"),
        (COUNTS[2], lives.late, lives.runs, f"{ended}; late: by a period or more"),
    ):
        if n == 0:
            sheet.refuse(metric, "no run came", method=method)
            continue
        low, high = binomial_bounds(count, n, CONFIDENCE)
        sheet.add(metric, count, n, Bounds(low * n, high * n), note=note, method=method)


def _wake(lives: ResetCounts, method: str, sheet: MetricSheet) -> None:
    metric = "wake_error_us"
    errors = np.sort(np.asarray(lives.wake_us, np.float64))
    if not errors.size:
        sheet.refuse(
            metric,
            "needs a wall clock finer than seconds, and ticks that do not wrap soon",
            method=method,
        )
        return
    if np.abs(errors).max() > _FAR_US:
        reason = "the board's wall clock does not go on while it sleeps"
        sheet.refuse(metric, reason, method=method)
        return
    rank = sign_rank(errors.size)
    bounds = (
        Bounds(why_not="needs 6 sleeps for bounds")
        if rank is None
        else Bounds(float(errors[rank - 1]), float(errors[-rank]))
    )
    note = f"median; {errors[0]:.0f} to {errors[-1]:.0f} us; the start of the board is part of it"
    sheet.add(metric, float(np.median(errors)), errors.size, bounds, note=note, method=method)
