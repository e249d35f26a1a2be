"""One capture: everything that a running agent sends goes to the sink as it arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.model.errors import BoardTimeoutError, CaptureError
from hil.recording.clock_exchange import ClockExchange
from hil.recording.interfaces import END_OF_OUTPUT, REAL_CLOCK

if TYPE_CHECKING:
    from hil.recording.interfaces import CaptureSink, Clock, Companion, Deadline, Link, Observer

MAX_CAPTURE_BYTES = 2_000_000_000
_POLL_S = 0.05
_ANSWER_S = 0.0001
_INTERRUPT_EVERY_S = 1.0
INTERRUPT_KEY = b"\x03"
"""Ctrl-C."""


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
    Raises :class:`~hil.model.errors.BoardTimeoutError` on a deadline, and
    :class:`~hil.model.errors.CaptureError` when a board never stops sending.
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
            link.write(INTERRUPT_KEY)
        if observer is not None and deadline.elapsed_s - last_told >= _POLL_S:
            last_told = deadline.elapsed_s
            observer.advance(last_told, received)
