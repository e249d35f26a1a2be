"""The load ``web``: the tasks' lateness at each request rate, and what the requests took.

From two sources. On the board ``web.marks`` says when each rate began (three numbers a mark:
server, requests a second, ms from the first release of task 0). On the host
``web.latency.SERVER.RATE`` are the requests' times in us, from when each was due, and
``web.totals.SERVER.RATE`` the failed ones and the duration in us.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hil.analysis import limits
from hil.analysis.activations import Activations, assign, lateness_us
from hil.analysis.estimates import Bounds, Sheet
from hil.analysis.percentiles import add_percentiles
from hil.analysis.track_metrics import EXACT, extreme
from hil.analysis.uncertainty import rms_bounds
from hil.records import Capture

SERVERS = ("loop", "asyncio")
FASTEST = 9999
_HIGHEST = 9000
_LATENCY = "web.latency."


@dataclass(frozen=True, slots=True)
class Stretch:
    """Requests at one rate, from ``start_us`` to ``end_us`` of the board's time."""

    method: str
    start_us: float
    end_us: float


def method_name(server: str, rate: int) -> str:
    """How figures at one rate are named: ``web/loop/10``, ``web/asyncio/max``."""
    return f"web/{server}/{'max' if rate == FASTEST else rate}"


def stretches(capture: Capture) -> list[Stretch]:
    """The stretches of a capture under the load ``web``, in order; what can't be is left out."""
    marks = capture.values.get("web.marks")
    if marks is None or not capture.tracks:
        return []
    first = capture.tracks[0]
    whole = marks[: len(marks) // 3 * 3].reshape(-1, 3)
    starts = [*(first.origin_us + whole[:, 2] * 1000.0), float(first.end_us)]
    found = []
    for row, (server, rate, _) in enumerate(whole):
        known = 0 <= server < len(SERVERS) and (0 <= rate < _HIGHEST or rate == FASTEST)
        if known and starts[row] < starts[row + 1]:
            name = method_name(SERVERS[server], int(rate))
            found.append(Stretch(name, starts[row], starts[row + 1]))
    return found


def measure_web(capture: Capture, tick_us: float, read_cost_us: float) -> list[Sheet]:
    """A sheet for each task and one for the requests; none without the load ``web``."""
    parts = stretches(capture)
    sheets = []
    for track in capture.tracks if parts else ():
        activations = assign(track, capture.plan.technique)
        sheet = Sheet(track.index)
        for part in parts:
            _stretch(sheet, activations, part, track.origin_us, tick_us, read_cost_us)
        sheets.append(sheet)
    requests = _requests(capture)
    return [*sheets, requests] if requests.figures or requests.reasons else sheets


def _stretch(
    sheet: Sheet, act: Activations, part: Stretch, origin_us: int, tick_us: float, cost_us: float
) -> None:
    method = part.method
    low, high = ((end - origin_us) / act.period_us for end in (part.start_us, part.end_us))
    index, stamps = act.index, act.stamps_us
    inside = (index >= low) & (index < high)
    n = int(np.count_nonzero(inside))
    due = max(0, math.ceil(high) - max(0, math.ceil(low)))
    missed = float(max(0, due - int(np.unique(index[inside]).size) - act.lost))
    sheet.add("missed", missed, n, Bounds(missed, missed), note=EXACT, method=method)
    if n == 0:
        sheet.refuse("lateness_max_us", "no activation was recorded", method=method)
        return
    late = lateness_us(act)[inside] - cost_us
    add_percentiles(sheet, "lateness", late, step_us=tick_us, method=method)
    worst = int(np.argmax(late))
    sheet.add(
        "lateness_max_us",
        float(late[worst]),
        n,
        extreme(limits.covered_share(n)),
        where_us=float(stamps[inside][worst]),
        method=method,
    )
    gaps = np.diff(stamps)[act.joined & inside[1:] & inside[:-1]]
    if gaps.size < 2:
        sheet.refuse("period_jitter_rms_us", "needs three activations in a row", method=method)
        return
    away = np.square(gaps - gaps.mean())
    bounds = rms_bounds(away, 1, tick_us**2 / 6.0)
    value = math.sqrt(float(away.mean()))
    sheet.add("period_jitter_rms_us", value, int(gaps.size), bounds, method=method)


def _requests(capture: Capture) -> Sheet:
    sheet = Sheet(None)
    for name, totals in capture.values.items():
        _, totals_of, rest = name.partition("web.totals.")
        server, _, rate = rest.partition(".")
        if not totals_of or server not in SERVERS or not rate.isdecimal() or len(totals) != 2:
            continue
        method = method_name(server, int(rate))
        took = capture.values.get(f"{_LATENCY}{rest}", np.empty(0, np.int64)).astype(np.float64)
        errors, duration_us = (float(one) for one in totals)
        n = int(took.size)
        if int(rate) == 0:
            continue
        sheet.add(
            "request_errors",
            errors,
            n + int(errors),
            Bounds(errors, errors),
            note=EXACT,
            method=method,
        )
        if n == 0 or duration_us <= 0:
            sheet.refuse("request_latency_p50_us", "no request was answered", method=method)
            continue
        bounds = Bounds(why_not="no bounds: what the client asked for, or the server could")
        sheet.add("request_rate_hz", n / duration_us * 1e6, n, bounds, method=method)
        add_percentiles(sheet, "request_latency", took, step_us=1.0, common=False, method=method)
        sheet.add(
            "request_latency_max_us",
            float(took.max()),
            n,
            extreme(limits.covered_share(n)),
            method=method,
        )
    return sheet
