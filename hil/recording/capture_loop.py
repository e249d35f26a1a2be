"""One capture: everything that its stamp sources send goes to the sink as it arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from hil.model.errors import BoardTimeoutError, CaptureError, HilError
from hil.recording.boot_messages import DOUBTED_S, ResetWatch
from hil.recording.clock_exchange import ClockExchange
from hil.recording.frame_watch import FrameWatch
from hil.recording.interfaces import END_OF_OUTPUT, REAL_CLOCK

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hil.model.edges import EdgeRecording
    from hil.recording.host_pauses import PauseWatch
    from hil.recording.interfaces import CaptureSink, Clock, Companion, Deadline, Link, Observer

MAX_CAPTURE_BYTES = 2_000_000_000
_POLL_S = 0.05
_ANSWER_S = 0.0001
INTERRUPT_EVERY_S = 1.0
INTERRUPT_KEY = b"\x03"
"""Ctrl-C."""
END_KEY = b"."
"""Ends the window of an agent that reads while it streams, as the end of its time would."""


class CountingSink:
    """A sink in front of another one: counts what the board sent, and keeps the last of it.

    ``frames`` counts the arrivals that a frame ended in. The ``observer`` is told of what was
    passed on.
    """

    def __init__(self, sink: CaptureSink, observer: Observer | None = None) -> None:
        self._sink = sink
        self.observer = observer
        self._watch = FrameWatch()
        self.received_bytes = self.frames = 0
        self.tail = b""

    def rx(self, data: bytes, host_ns: int) -> None:
        """Pass on bytes of the board."""
        self._sink.rx(data, host_ns)
        if self.observer is not None:
            self.observer.rx(data, host_ns)
        self.frames += self._watch.feed(data) is not None
        self.received_bytes += len(data)
        self.tail = (self.tail + data)[-200:]

    def ping(self, host_tx_ns: int, host_rx_ns: int) -> None:
        """Pass on a clock exchange."""
        self._sink.ping(host_tx_ns, host_rx_ns)
        if self.observer is not None:
            self.observer.ping(host_tx_ns, host_rx_ns)

    def edges(self, recording: EdgeRecording) -> None:
        """Pass on what an instrument saw."""
        self._sink.edges(recording)


class AgentOutput:
    """A started agent's output, put into ``sink`` byte by byte as it arrives.

    Pings that the agent asks for are answered. ``companions`` follow what it says.
    ``interrupt_after_s``: send Ctrl-C when the window has been open for so long, and again every
    ``interrupt_every_s`` until it closes: for a program that does not end by itself. ``clock`` is
    the one that arrivals are stamped with. ``rest`` is what came behind the end of the output, for
    the REPL to go on with. ``name`` is the board's in messages. For ``window_s`` an agent may say
    nothing, ``None`` if it sends its stamps at once: then a single line as of a boot may be a
    program's own.
    """

    def __init__(
        self,
        link: Link,
        sink: CaptureSink,
        *,
        name: str = "the board",
        window_s: float | None = None,
        companions: Sequence[Companion] = (),
        ping_every_s: float | None = None,
        interrupt_after_s: float | None = None,
        interrupt_every_s: float = INTERRUPT_EVERY_S,
        clock: Clock = REAL_CLOCK,
    ) -> None:
        self.rest = b""
        self._link = link
        self._sink = sink
        self._companions = companions
        self._interrupt_after_s = interrupt_after_s
        self._interrupt_every_s = interrupt_every_s
        self._clock = clock
        self._exchange = ClockExchange(link.write, sink.ping, every_s=ping_every_s, clock=clock)
        self._wait_s = _POLL_S
        self._window_s = window_s
        self._frames = FrameWatch()
        self._resets = ResetWatch(name, clock)

    def end_window(self) -> None:
        """Let the window end now: by a key that the agent reads, or by Ctrl-C if it reads none."""
        if self._interrupt_after_s is None:
            self._link.write(END_KEY)
        else:
            self._interrupt_after_s = 0.0

    def poll(self, timeout_s: float) -> bool:
        """Read what has arrived; ``False`` at the end of the output.

        Raises :class:`~hil.model.errors.BoardResetError` when the board says that it was reset,
        and nothing of the agent follows.
        """
        exchange = self._exchange
        # a program in step runs on to the end of a wait, whatever it said: an answer comes late
        soon = exchange.waiting and self._clock.kind == "virtual"
        first = soon and self._wait_s == _POLL_S
        self._wait_s = _ANSWER_S if first else min(2 * self._wait_s, _POLL_S)
        data = self._link.read(min(self._wait_s, timeout_s))
        if data:
            now = self._clock.now_ns()
            body, mark, self.rest = data.partition(END_OF_OUTPUT)
            self._sink.rx(body, now)
            if mark:
                return False
            exchange.feed(body, now)
            behind = self._frames.feed(body)
            if behind is not None:
                self._resets.clear()
            self._resets.feed(body if behind is None else behind)
            for companion in self._companions:
                companion.feed(body)
        exchange.tick()
        self._resets.check(when="while it was captured from", silent_s=self._silent_s())
        limit_s = self._interrupt_after_s
        if limit_s is not None and exchange.window_open_s > limit_s:
            self._interrupt_after_s = exchange.window_open_s + self._interrupt_every_s
            self._link.write(INTERRUPT_KEY)
        return True

    def _silent_s(self) -> float:
        """How long nothing needs to come of an agent that runs."""
        if self._window_s is None or not self._exchange.window_open:
            return DOUBTED_S
        return max(0.0, self._window_s - self._exchange.window_open_s)


class Polled(Protocol):
    """A stamp source that has begun."""

    def poll(self, timeout_s: float) -> bool:
        """As of :class:`~hil.recording.interfaces.StampSource`."""


def follow_sources(
    sources: Sequence[Polled],
    sink: CountingSink,
    deadline: Deadline,
    *,
    watch: PauseWatch | None = None,
    end_window: Callable[[], None] | None = None,
) -> None:
    """Take what the sources send until the first of them is at its end; they have begun.

    Pauses of the host are found by ``watch``; no limit runs while the host stands still.
    ``end_window`` is called once when the sink's observer wants the window to end.
    Raises :class:`~hil.model.errors.BoardTimeoutError` on a deadline, and
    :class:`~hil.model.errors.CaptureError` when a board never stops sending.
    """
    try:
        _follow(sources, sink, deadline, watch, end_window)
    except HilError:
        if watch is not None:  # the port may have given up first
            watch.look(_POLL_S)
        raise


def _follow(
    sources: Sequence[Polled],
    sink: CountingSink,
    deadline: Deadline,
    watch: PauseWatch | None,
    end_window: Callable[[], None] | None,
) -> None:
    main, others = sources[0], list(sources[1:])
    observer = sink.observer
    received = seen = 0
    last_report_s = 0.0
    while True:
        going_on = main.poll(min(_POLL_S, max(0.0, deadline.remaining_s)))
        if watch is not None and (paused_s := watch.look(_POLL_S)):
            deadline.extend(paused_s)
        if not going_on:
            break
        others = [source for source in others if source.poll(0.0)]
        if sink.received_bytes != received:
            received = sink.received_bytes
        if sink.frames != seen:  # a drip of something else keeps nothing alive
            seen = sink.frames
            deadline.touch()
        if received > MAX_CAPTURE_BYTES:
            raise CaptureError(
                f"the board sent more than {MAX_CAPTURE_BYTES // 1_000_000} MB without an end"
            )
        if deadline.expired:  # also while data comes: a board that never stops must not win
            raise BoardTimeoutError(
                f"the agent did not finish: {deadline.describe()}",
                expected="the end of its output",
                received=sink.tail,
            )
        if observer is not None and deadline.elapsed_s - last_report_s >= _POLL_S:
            last_report_s = deadline.elapsed_s
            observer.advance(last_report_s, received)
        if end_window is not None and observer is not None and observer.wants_end:
            end_window()
            end_window = None


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
    name: str = "the board",
    window_s: float | None = None,
) -> bytes:
    """Read a started agent's output up to its end; arguments as for :class:`AgentOutput`.

    Returns what came behind the end of the output. Errors as for :func:`follow_sources`.
    """
    counting = CountingSink(sink, observer)
    output = AgentOutput(
        link,
        counting,
        companions=() if companion is None else (companion,),
        ping_every_s=ping_every_s,
        interrupt_after_s=interrupt_after_s,
        clock=clock,
        name=name,
        window_s=window_s,
    )
    follow_sources((output,), counting, deadline)
    return output.rest
