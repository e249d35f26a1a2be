"""Latency of the requests of the load ``web``, and of the tasks beside them at each rate.

The board knows when each rate began, and the host how long each request took.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.activations import activations_of, lateness_us
from hil.analysis.late_samples import ArraySamples
from hil.analysis.metric_sheet import EXACT, Bounds, MetricSheet
from hil.analysis.uncertainty.correlated import rms_bounds
from hil.analysis.uncertainty.effective_number import Stretches
from hil.analysis.uncertainty.extremes import extreme_number, extreme_of
from hil.analysis.uncertainty.percentiles import add_percentiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hil.analysis.activations import Activations
    from hil.model.captures import Capture, IntArray

FASTEST = 9999
_HIGHEST = 9000


@dataclass(frozen=True, slots=True)
class RequestStretch:
    """Requests at one rate, from ``start_us`` to ``end_us`` of the board's time."""

    method: str
    start_us: float
    end_us: float


def request_method_name(server: str, rate: int) -> str:
    """How figures at one rate are named: ``web/loop/10``, ``web/asyncio/max``."""
    return f"web/{server}/{'max' if rate == FASTEST else rate}"


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests to one server at one rate: ``latency_us`` from when each was due, and ``failed``."""

    server: str
    rate: int
    latency_us: IntArray
    failed: int
    duration_us: int


def request_stretches(
    capture: Capture, marks: IntArray, servers: Sequence[str]
) -> list[RequestStretch]:
    """The stretches of a capture under the load ``web``, in order; what can't be is left out.

    ``marks``, of shape (n, 3), say when each rate began: the server's number in ``servers``,
    requests a second, ms from the first release of task 0.
    """
    if not capture.tracks:
        return []
    first = capture.tracks[0]
    starts = [*(first.origin_us + marks[:, 2] * 1000.0), float(first.end_us)]
    stretches = []
    for row, (server, rate, _) in enumerate(marks):
        known = 0 <= server < len(servers) and (0 <= rate < _HIGHEST or rate == FASTEST)
        if known and starts[row] < starts[row + 1]:
            name = request_method_name(servers[server], int(rate))
            stretches.append(RequestStretch(name, starts[row], starts[row + 1]))
    return stretches


def measure_tasks_by_rate(
    capture: Capture, stretches: Iterable[RequestStretch], tick_us: float, read_cost_us: float
) -> list[MetricSheet]:
    """A sheet for each task, with its figures at each rate of requests; none without stretches."""
    parts = tuple(stretches)
    sheets = []
    for track in capture.tracks if parts else ():
        activations = activations_of(capture, track)
        sheet = MetricSheet(track.index)
        for part in parts:
            _stretch(sheet, activations, part, track.origin_us, tick_us, read_cost_us)
        sheets.append(sheet)
    return sheets


def _stretch(
    sheet: MetricSheet,
    activations: Activations,
    part: RequestStretch,
    origin_us: int,
    tick_us: float,
    cost_us: float,
) -> None:
    method = part.method
    low, high = ((end - origin_us) / activations.period_us for end in (part.start_us, part.end_us))
    index, stamps = activations.index, activations.stamps_us
    inside = (index >= low) & (index < high)
    n = int(np.count_nonzero(inside))
    due = max(0, math.ceil(high) - max(0, math.ceil(low)))
    missed = float(max(0, due - int(np.unique(index[inside]).size) - activations.lost))
    sheet.add("missed", missed, n, Bounds(missed, missed), note=EXACT, method=method)
    if n == 0:
        sheet.mark_unavailable("lateness_max_us", "no activation was recorded", method=method)
        return
    late = lateness_us(activations)[inside] - cost_us
    samples = ArraySamples(late)
    add_percentiles(sheet, "lateness", samples, step_us=tick_us, method=method)
    worst = int(np.argmax(late))
    worth = extreme_number(Stretches.of_samples(samples), n)
    sheet.add(
        "lateness_max_us",
        float(late[worst]),
        n,
        extreme_of(float(late[worst]), worth, tick_us),
        where_us=float(stamps[inside][worst]),
        method=method,
        n_effective=worth,
    )
    gaps = np.diff(stamps)[activations.joined & inside[1:] & inside[:-1]]
    if gaps.size < 2:
        sheet.mark_unavailable(
            "period_jitter_rms_us", "needs three activations in a row", method=method
        )
        return
    away = np.square(gaps - gaps.mean())
    bounds = rms_bounds(away, 1, tick_us**2 / 6.0)
    value = math.sqrt(float(away.mean()))
    sheet.add("period_jitter_rms_us", value, int(gaps.size), bounds, method=method)


def measure_requests(requests: Iterable[Requests], sheet: MetricSheet) -> None:
    """Add rate, errors and latency of the requests at each rate; a rate of 0 has none."""
    for served in requests:
        if served.rate == 0:
            continue
        method = request_method_name(served.server, served.rate)
        took = served.latency_us.astype(np.float64)
        n = int(took.size)
        failed = float(served.failed)
        sheet.add(
            "request_errors",
            failed,
            n + served.failed,
            Bounds(failed, failed),
            note=EXACT,
            method=method,
        )
        if n == 0 or served.duration_us <= 0:
            sheet.mark_unavailable(
                "request_latency_p50_us", "no request was answered", method=method
            )
            continue
        bounds = Bounds(why_not="no bounds: what the client asked for, or the server could")
        sheet.add("request_rate_hz", n / served.duration_us * 1e6, n, bounds, method=method)
        samples = ArraySamples(took)
        worth = extreme_number(Stretches.of_samples(samples), n)
        add_percentiles(sheet, "request_latency", samples, step_us=1.0, common=False, method=method)
        sheet.add(
            "request_latency_max_us",
            float(took.max()),
            n,
            extreme_of(float(took.max()), worth, 1.0),
            method=method,
            n_effective=worth,
        )
