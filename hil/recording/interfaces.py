"""What recording needs of the layers above: link, prompt, clock, stamp source, sink, observer.

Protocols, and the deadline that every wait obeys.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    from hil.model.captures import CapturePlan
    from hil.model.edges import EdgeRecording


class Link(Protocol):
    """Bytes to and from a board; reading waits at most the given time."""

    def write(self, data: bytes) -> None:
        """Send everything or raise :class:`~hil.model.errors.TransportError`."""

    def read(self, timeout_s: float) -> bytes:
        """What has arrived, waiting up to ``timeout_s`` for the first byte; empty on time-out."""


class Clock(Protocol):
    """Time as a session sees it; every wait and every time-out of the session goes by it."""

    @property
    def kind(self) -> Literal["real", "virtual"]:
        """Whether this time passes by itself or only where the session lets it."""

    def now_ns(self) -> int:
        """Nanoseconds since an arbitrary moment."""

    def wall_s(self) -> float:
        """The time of day in seconds since 1970, UTC."""

    def sleep(self, seconds: float) -> None:
        """Wait for so long."""


class MonotonicClock:
    """The host's clock."""

    kind: Literal["real", "virtual"] = "real"

    def now_ns(self) -> int:
        """Nanoseconds of the host's monotonic clock."""
        return time.monotonic_ns()

    def wall_s(self) -> float:
        """The host's time of day."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait for so long."""
        time.sleep(seconds)


REAL_CLOCK = MonotonicClock()


def seconds(clock: Clock) -> float:
    """The clock's time in seconds."""
    return clock.now_ns() / 1e9


class Deadline:
    """Two limits for one wait, on ``clock``.

    ``overall_s`` limits the whole wait, ``idle_s`` the silence since the last :meth:`touch`.
    """

    __slots__ = ("_clock", "_idle_s", "_last", "_overall_s", "_start")

    def __init__(
        self, overall_s: float, idle_s: float | None = None, clock: Clock = REAL_CLOCK
    ) -> None:
        self._clock = clock
        self._start = self._last = seconds(clock)
        self._overall_s = overall_s
        self._idle_s = overall_s if idle_s is None else idle_s

    def touch(self) -> None:
        """Something arrived: the idle limit starts anew."""
        self._last = seconds(self._clock)

    def extend(self, seconds: float) -> None:
        """Both limits end so much later: the time did not pass for who waits."""
        self._start += seconds
        self._last += seconds

    @property
    def expired(self) -> bool:
        """Whether either limit has passed."""
        return self.remaining_s <= 0

    @property
    def remaining_s(self) -> float:
        """Seconds until the nearer limit; zero or less once it has passed."""
        now = seconds(self._clock)
        return min(self._start + self._overall_s - now, self._last + self._idle_s - now)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the wait began."""
        return seconds(self._clock) - self._start

    def describe(self) -> str:
        """Which limit it was, for an error message."""
        idle = seconds(self._clock) - self._last
        if idle >= self._idle_s and self._idle_s < self._overall_s:
            return f"nothing came for {idle:.1f} s"
        return f"not done after {self.elapsed_s:.1f} s"


class Prompt(Link, Protocol):
    """A :class:`Link` at whose other end code runs: the raw REPL of a board.

    Every method raises the kinds of :class:`~hil.model.errors.TransportError`. Time-outs are those
    of a usual board; those that a caller names are multiplied by ``slowness`` by the caller, except
    in :meth:`exec`.
    """

    @property
    def port(self) -> str:
        """What was opened, for messages."""

    @property
    def clock(self) -> Clock:
        """The time of the board, which every wait goes by."""

    @property
    def slowness(self) -> float:
        """The factor on every time-out, 1 for a usual board."""

    @property
    def upload_numbers(self) -> Iterator[int]:
        """A number for each upload, from 1 to 65520: two in a row differ."""

    @property
    def disturbance(self) -> str:
        """What foreign bytes came since code was last sent, who else reads, and what stops it.

        Empty if nothing is known to disturb the link.
        """

    def enter(self, *, soft_reset: bool = True, booting: bool = False) -> None:
        """Interrupt what runs and wait for the prompt, by default from a fresh start.

        ``booting`` says that the board has just been reset.
        """

    def interrupt(self) -> None:
        """Send Ctrl-C as a person would; a line that was begun is not executed."""

    def exec(self, code: str, *, timeout_s: float = 10.0) -> bytes:
        """Run ``code`` to its end and return what it printed.

        Raises :class:`~hil.model.errors.RemoteCodeError` with the board's traceback if it raised.
        """

    def start(self, code: str) -> None:
        """Send ``code`` and let it run; its output is then read with ``read``."""

    def finish(self, deadline: Deadline) -> bytes:
        """Read the rest of a started program's output, up to its end; errors as for ``exec``."""

    def end_of_program(self, deadline: Deadline) -> None:
        """After the program's output ended: raise what it raised, if anything."""

    def unread(self, data: bytes) -> None:
        """Give back what was read too far; the next read returns it first."""

    def deadline(self, overall_s: float, idle_s: float | None = None) -> Deadline:
        """A deadline on the board's clock."""


class CaptureSink(Protocol):
    """Where a capture goes: the writer of a capture file, or a test's list."""

    def rx(self, data: bytes, host_ns: int) -> None:
        """Take bytes that arrived at a monotonic host time."""

    def ping(self, host_tx_ns: int, host_rx_ns: int) -> None:
        """Take the host's times of one clock exchange."""

    def edges(self, recording: EdgeRecording) -> None:
        """Take the edges that an instrument saw during the window, all of them at once."""


class StampSource(Protocol):
    """Where stamps of a capture come from: the board's own recorder, or an instrument.

    ``name`` is the ``source`` of the tracks and figures that come of it, ``resolution_us`` the
    least step between two of its stamps, in microseconds.
    """

    @property
    def name(self) -> str:
        """``board`` for the board's own recorder, else the instrument's name."""

    @property
    def resolution_us(self) -> float:
        """The least step between two stamps, in microseconds."""

    def begin(self, plan: CapturePlan, sink: CaptureSink) -> None:
        """Start recording what ``plan`` asks for; what comes goes to ``sink`` as it comes.

        Raises :class:`~hil.model.errors.HilError` kinds, also from the other methods.
        """

    def poll(self, timeout_s: float) -> bool:
        """Take what has come, waiting at most so long for it; false once the source is at its end.

        A source that has nothing to wait for returns at once.
        """

    def end(self) -> None:
        """Stop recording and let go of what :meth:`begin` took; also after an error."""


class Companion(Protocol):
    """Reads along while an agent runs, for example to drive its web server."""

    def feed(self, data: bytes) -> None:
        """Called with what arrived; must not wait."""


class Observer(Protocol):
    """Is told how far a capture has got and what came, and may end its window early.

    Implement it by inheriting: what has a body here need not be written anew. Nothing of it waits.
    """

    wants_end: bool = False
    """Set, the window is closed soon, and the capture goes on to its regular end."""

    def advance(self, elapsed_s: float, received_bytes: int) -> None:
        """Called some twenty times a second."""

    def rx(self, data: bytes, host_ns: int) -> None:  # noqa: ARG002
        """Bytes of the board were stored, which arrived at a monotonic host time."""
        return

    def ping(self, host_tx_ns: int, host_rx_ns: int) -> None:  # noqa: ARG002
        """A clock exchange was stored."""
        return


END_OF_OUTPUT = b"\x04"
