"""A deadline is an object: every wait has an idle limit and an overall limit."""

from __future__ import annotations

from hil.transport.clock import REAL_CLOCK, Clock, seconds


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
