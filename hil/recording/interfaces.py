"""What recording needs of the layers above: the link, the clock, a sink and an observer.

Protocols, and the deadline that every wait obeys.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from typing import Literal


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


END_OF_OUTPUT = b"\x04"
