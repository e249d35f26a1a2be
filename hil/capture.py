"""One capture: everything a running agent sends goes to the store as it arrives."""

from __future__ import annotations

from typing import Protocol

from hil.clock_sync import ClockExchange
from hil.errors import BoardTimeoutError, CaptureError
from hil.transport.clock import REAL_CLOCK, Clock
from hil.transport.deadline import Deadline
from hil.transport.link import Link
from hil.transport.raw_repl import END_OF_OUTPUT

MAX_CAPTURE_BYTES = 2_000_000_000
_POLL_S = 0.05
_ANSWER_S = 0.0001
_INTERRUPT_EVERY_S = 1.0
INTERRUPT = b"\x03"
"""Ctrl-C."""


class CaptureSink(Protocol):
    """Where a capture goes: the store's writer, or a test's list."""

    def rx(self, data: bytes, host_ns: int) -> None:
        """Keep bytes that arrived at a monotonic host time."""

    def ping(self, host_tx_ns: int, host_rx_ns: int) -> None:
        """Keep the host's times of one clock exchange."""


class Companion(Protocol):
    """Who follows what the agent says while it runs, for example to drive its web server."""

    def feed(self, data: bytes) -> None:
        """Called with what arrived; must not wait."""


class Observer(Protocol):
    """Who is told how far a capture is."""

    def advance(self, elapsed_s: float, received_bytes: int) -> None:
        """Called some twenty times a second."""


def run_capture(
    link: Link,
    sink: CaptureSink,
    deadline: Deadline,
    *,
    observer: Observer | None = None,
    companion: Companion | None = None,
    ping_every_s: float | None = None,
    interrupt_after_s: float | None = None,
    clock: Clock = REAL_CLOCK,
) -> bytes:
    """Read a started agent's output up to its end, keeping every byte and answering its pings.

    ``interrupt_after_s``: send Ctrl-C when the window has been open for so long, and again every
    second until it closes: for a program that does not end by itself. ``clock`` is the one that
    arrivals are stamped with.

    Returns what came behind the end of the output, for the REPL to go on with.
    Raises :class:`~hil.errors.BoardTimeoutError` on a deadline, and
    :class:`~hil.errors.CaptureError` when a board never stops sending.
    """
    exchange = ClockExchange(link.write, sink.ping, every_s=ping_every_s, clock=clock)
    received = 0
    tail = b""
    last_told = 0.0
    wait_s = _POLL_S
    while True:
        # a program in step runs on to the end of a wait, whatever it said: an answer comes late
        soon = exchange.waiting and clock.kind == "virtual"
        wait_s = _ANSWER_S if soon and wait_s == _POLL_S else min(2 * wait_s, _POLL_S)
        data = link.read(min(wait_s, max(0.0, deadline.remaining_s)))
        if data:
            now = clock.now_ns()
            body, mark, rest = data.partition(END_OF_OUTPUT)
            sink.rx(body, now)
            if mark:
                return rest
            deadline.touch()
            received += len(body)
            tail = (tail + body)[-200:]
            exchange.feed(body, now)
            if companion is not None:
                companion.feed(body)
            if received > MAX_CAPTURE_BYTES:
                raise CaptureError(
                    f"the board sent more than {MAX_CAPTURE_BYTES // 1_000_000} MB without an end"
                )
        if deadline.expired:  # also while data comes: a board that never stops must not win
            raise BoardTimeoutError(
                f"the agent did not finish: {deadline.describe()}",
                expected="the end of its output",
                received=tail,
            )
        exchange.tick()
        if interrupt_after_s is not None and exchange.window_open_s > interrupt_after_s:
            interrupt_after_s = exchange.window_open_s + _INTERRUPT_EVERY_S
            link.write(INTERRUPT)
        if observer is not None and deadline.elapsed_s - last_told >= _POLL_S:
            last_told = deadline.elapsed_s
            observer.advance(last_told, received)
