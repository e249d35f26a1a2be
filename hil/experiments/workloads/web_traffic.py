"""The load ``web``: an HTTP client that keeps its rates.

The agent announces its server in a ``W`` frame. A thread then asks for the page, its status and its
controls at one rate after the other, telling the board at each step (``POST /mark``) so that the
board's stamps can be told apart by rate. How long the requests took goes into the capture.

Requests at a set rate are due on a grid and their latency counts from there: a server that falls
behind is late for the ones that wait, too (no coordinated omission).

The server is the board's or none: the address is checked (:mod:`hil.experiments.bench_network`)
before a byte goes there, and a board that names another one has no valid capture. What it announces
lasts no longer than the window that was planned.
"""

from __future__ import annotations

import threading
import time
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hil.analysis.metric_sheet import MetricSheet
from hil.experiments.bench_network import address_check
from hil.experiments.wifi import wifi_config
from hil.experiments.workload import AgentSetup, Workload
from hil.experiments.workloads.web_exchange import exchange
from hil.model.captures import Channel
from hil.model.errors import CaptureError, HilError
from hil.protocol.frames import integer_field, is_sound, parse_fields
from hil.protocol.log_lines import LineReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hil.analysis.clock import Instrument
    from hil.analysis.request_latency import Requests
    from hil.experiments.bench_network import AddressCheck
    from hil.experiments.plan import Case
    from hil.experiments.workload import ChannelWriter, MeasuredBoard, Options
    from hil.model.captures import Capture

WINDOW = "window_us"
WEB_LOAD = "web"
"""The name of the load."""
WEB_MARKS = Channel("rates of requests", "web.marks", "1", "records", ("server", "rate_hz", "ms"))
"""When each rate began, in ms from the first release of task 0; the board's."""
MOST_MARKS = 64
"""Twice what a board has room for; each is an analysis of its own."""
WEB_LATENCY = Channel("latency of requests", "web.latency.{server}.{rate}", "us", "values")
"""From when each request was due; the host's."""
WEB_TOTALS = Channel(
    "totals of requests", "web.totals.{server}.{rate}", "1", "records", ("failed", "duration_us")
)
"""One row; the host's."""
_MAX_LINE = 4096
SERVERS = ("loop", "asyncio")
"""The servers by their number in a mark."""
RATE_STEPS: tuple[tuple[int, float], ...] = (
    (0, 0.1),
    (1, 0.25),
    (10, 0.25),
    (50, 0.25),
    (9999, 0.15),
)
"""Requests a second and share of the time; 0 is none at all, 9999 as fast as it answers."""
_OVER = 9998
"""What the board is told at the end: no rate of its own."""
TIMEOUT_S = 2.0
MOST_REQUESTS_A_SECOND = 5000
_END_S = 0.1
_BEGINS_S = 20.0
"""So long after the window that was announced its beginning is still waited for."""
_SOON, _SOON_S, _LATER_S = 500, 0.01, 0.1
_REQUESTS = (
    ("GET", "/"),
    ("GET", "/status"),
    ("POST", "/pin?level=1"),
    ("POST", "/servo?angle=90"),
    ("POST", "/start?period_ms=100"),
    ("GET", "/status"),
    ("POST", "/pin?level=0"),
    ("POST", "/servo?angle=0"),
    ("POST", "/stop"),
)


@dataclass(slots=True)
class Served:
    """What came of the requests at one rate: latencies in us, and how many failed."""

    server: str
    rate: int
    latency_us: array[int] = field(default_factory=lambda: array("q"))
    errors: int = 0
    duration_us: int = 0

    def keep(self, keep: ChannelWriter) -> None:
        """Store it in the channels of this server and rate."""
        keep(WEB_LATENCY.of(server=self.server, rate=self.rate), self.latency_us)
        totals = (self.errors, self.duration_us)
        keep(WEB_TOTALS.of(server=self.server, rate=self.rate), totals)


class WebClient:
    """Follows a capture's bytes, drives each server that is announced, keeps what came of it.

    ``check`` refuses an address that is not the board's; no server lasts longer than ``window_s``.
    """

    def __init__(
        self,
        check: AddressCheck,
        window_s: float,
        steps: Sequence[tuple[int, float]] = RATE_STEPS,
        *,
        slowness: float = 1.0,
    ) -> None:
        self._check = check
        self._window_s = window_s
        self._steps = tuple(steps)
        self._timeout_s = TIMEOUT_S * slowness
        self._refusal: HilError | None = None
        self._lines = LineReader(_MAX_LINE)
        self._threads: list[threading.Thread] = []
        self._stop = threading.Event()
        self.served: list[Served] = []

    def feed(self, data: bytes) -> None:
        """Look for announcements in what arrived.

        Raises :class:`~hil.model.errors.HilError` for one that is refused, or was meanwhile.
        """
        for line in self._lines.feed(data):
            _, mark, frame = line.rpartition(b"~")
            if mark and frame[:1] == b"W" and is_sound(frame):
                self._announced(frame[3:-6])
        self._raise_refusal()

    def close(self) -> None:
        """End every request that is under way and wait for the threads."""
        self._stop.set()
        for thread in self._threads:
            thread.join(self._timeout_s + 1)

    def keep(self, keep: ChannelWriter) -> None:
        """Store what came of it, rate by rate; raises as :meth:`feed`."""
        self._raise_refusal()
        for served in self.served:
            served.keep(keep)

    def _raise_refusal(self) -> None:
        if self._refusal is not None:
            raise self._refusal

    def _announced(self, body: bytes) -> None:
        try:
            fields = parse_fields(body)
            port = integer_field(fields, "port", low=1, high=65_535)
            ms = integer_field(fields, "ms")
        except ValueError as error:
            raise CaptureError(f"the board announced a web server that can't be: {error}") from None
        server, host = fields.get("server", ""), fields.get("host", "")
        if server not in SERVERS:
            raise CaptureError(
                f"the board announced an unknown kind of web server, {server[:40]!r}"
            )
        if len(self._threads) >= len(SERVERS):
            raise CaptureError(f"the board announced more than {len(SERVERS)} web servers")
        seconds = min(ms / 1000, self._window_s)
        thread = threading.Thread(
            target=self._checked, args=(server, host, port, seconds), name="hil-web", daemon=True
        )
        self._threads.append(thread)
        thread.start()

    def _checked(self, server: str, host: str, port: int, seconds: float) -> None:
        """In a thread of its own: looking at this computer's sockets may take a while."""
        waited = time.monotonic() + seconds + _BEGINS_S
        try:
            while not self._check(host, port):
                if self._stop.wait(_SOON_S) or time.monotonic() > waited:
                    return
        except HilError as error:
            self._refusal = error
            return
        self._drive(server, host, port, seconds, waited)

    def _drive(self, server: str, host: str, port: int, seconds: float, waited: float) -> None:
        asked = 0
        while not self._mark(host, port, self._steps[0][0]):
            asked += 1
            # not listening yet, or the window has not begun
            pause_s = _SOON_S if asked < _SOON else _LATER_S
            if self._stop.wait(pause_s) or time.monotonic() > waited:
                return
        start = time.monotonic()
        until = 0.0
        for number, (rate, share) in enumerate(self._steps):
            until += share * max(0.0, seconds - _END_S)
            if self._stop.is_set() or (number and not self._mark(host, port, rate)):
                return
            served = Served(server, rate)
            self.served.append(served)
            begun = time.monotonic()
            self._keep_rate(served, host, port, start + until)
            served.duration_us = round((time.monotonic() - begun) * 1e6)
        self._mark(host, port, _OVER)

    def _keep_rate(self, served: Served, host: str, port: int, until: float) -> None:
        begun = time.monotonic()
        number = 0
        most = MOST_REQUESTS_A_SECOND * (1 + self._window_s)
        while not self._stop.is_set() and number < most:
            due = (
                begun + (number + 0.5) / served.rate if 0 < served.rate < 9999 else time.monotonic()
            )
            if due >= until or served.rate == 0:
                self._stop.wait(max(0.0, until - time.monotonic()))
                return
            if self._stop.wait(max(0.0, due - time.monotonic())):
                return
            if time.monotonic() >= until:  # behind its grid: the requests that wait are failures
                served.errors += 1
                number += 1
                continue
            if self._request(host, port, *_REQUESTS[number % len(_REQUESTS)]) in (200, 409):
                served.latency_us.append(round((time.monotonic() - due) * 1e6))
            else:
                served.errors += 1
            number += 1

    def _mark(self, host: str, port: int, rate: int) -> bool:
        return self._request(host, port, "POST", f"/mark?rate={rate}") == 200

    def _request(self, host: str, port: int, method: str, target: str) -> int | None:
        return exchange(host, port, method, target, self._timeout_s)


class WebTraffic(Workload):
    """The requests of an HTTP client under the load ``web``, and the tasks at each of its rates."""

    name = "web traffic"
    channels = (WEB_MARKS, WEB_LATENCY, WEB_TOTALS)

    def chosen(self, case: Case) -> Options | None:
        """In every case under this load; how long its window is, is no option of the board's."""
        return {WINDOW: case.plan.duration_us} if case.plan.load == WEB_LOAD else None

    def setup(self, board: MeasuredBoard, case: Case) -> AgentSetup:
        """The Wi-Fi, for a board that is not on the host's own network."""
        return AgentSetup(wifi_config() if board.traits.network == "wifi" else {})

    def companion(self, board: MeasuredBoard, options: Options) -> WebClient:
        """The client."""
        connection = board.connection
        check = address_check(board.traits, connection.port)
        return WebClient(check, int(options[WINDOW]) / 1e6, slowness=connection.slowness)

    def analyse(self, capture: Capture, cost: Instrument) -> Iterable[MetricSheet]:
        """The tasks' figures at each rate, then the requests'; of several windows, of the last."""
        from hil.analysis.request_latency import (  # late: numpy
            measure_requests,
            measure_tasks_by_rate,
            request_stretches,
        )

        capture = capture.windows[-1] if capture.windows else capture  # whose time the marks have
        marks = capture.numbers(WEB_MARKS)
        if marks is not None:
            rows = WEB_MARKS.rows(marks)[:MOST_MARKS]
            stretches = request_stretches(capture, rows, SERVERS)
            yield from measure_tasks_by_rate(capture, stretches, cost.tick_us, cost.read_cost_us)
        sheet = MetricSheet()
        measure_requests(requests_of(capture), sheet)
        if sheet.figures or sheet.reasons:
            yield sheet


def requests_of(capture: Capture) -> Iterator[Requests]:
    """The requests to each server at each rate, in the order in which they are stored."""
    from hil.analysis.request_latency import Requests  # late: numpy

    for name, totals in capture.values.items():
        parts = WEB_TOTALS.parts(name)
        if parts is None or parts["server"] not in SERVERS or not parts["rate"].isdecimal():
            continue
        if len(totals) == len(WEB_TOTALS.columns):
            latency_us = capture.numbers(WEB_LATENCY.of(**parts))
            yield Requests(
                parts["server"],
                int(parts["rate"]),
                totals[:0] if latency_us is None else latency_us,
                *totals.tolist(),
            )
