"""The clock of a board's session: the host's monotonic one, or the board's virtual one."""

from __future__ import annotations

import time
from typing import Literal, Protocol


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
