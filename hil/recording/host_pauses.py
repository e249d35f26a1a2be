"""Whether the host itself stood still while it captured: suspended, stopped or frozen.

A suspended host shows in the difference of two of its clocks: one counts the time asleep, the other
does not. A process that was stopped (SIGSTOP, a frozen container, a debugger, a paused virtual
machine) comes back from a short wait much too late, without having used the processor and without
having waited for one. What a busy machine takes is told apart by these two.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.model.captures import HOST_PAUSES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hil.model.captures import Capture

LEAST_PAUSE_S = 0.5
"""A board's USB drops what it has when nobody read it for so long; shorter pauses lose nothing."""
LEAST_UNEXPLAINED_S = 1.5
"""The least where the host does not tell how long a thread waited for a processor."""
STOPPED, SUSPENDED, BOARD_STOPPED = 0, 1, 2
"""This process was stopped, or frozen with others; the host was suspended; a board that a process
of this host plays was stopped alone."""
LEAST_BOARD_S = 0.2
"""The least of a board: the embedded one is stopped for a moment at every Ctrl-C."""
_NS = 1_000_000_000
_BOARD_EVERY_NS = 20_000_000
_QUEUE_FILE = "/proc/thread-self/schedstat"


@dataclass(frozen=True, slots=True)
class HostTimes:
    """The host's clocks at one moment, all in nanoseconds.

    ``suspended_least`` and ``suspended_most`` bound how long the host was suspended since it was
    started; both are 0 where it does not tell. ``used`` is the processor time of this process,
    ``queued`` how long this thread was ready and had to wait for a processor, ``None`` where that
    is not known.
    """

    now: int
    suspended_least: int
    suspended_most: int
    used: int
    queued: int | None


class HostClocks:
    """Reads the clocks of this host, for the thread that it is made in."""

    def __init__(self) -> None:
        self._awake, self._always = _suspend_clocks()
        try:
            self._queue: int | None = os.open(_QUEUE_FILE, os.O_RDONLY)
        except OSError:
            self._queue = None

    def read(self) -> HostTimes:
        """What they say now."""
        least = most = 0
        now = time.monotonic_ns()
        if self._awake is not None and self._always is not None:
            # one reading between two others: whatever comes between them, the bounds hold
            before = time.clock_gettime_ns(self._awake)
            always = time.clock_gettime_ns(self._always)
            least, most = always - time.clock_gettime_ns(self._awake), always - before
        return HostTimes(now, least, most, time.process_time_ns(), self._queued())

    def close(self) -> None:
        """Close the file that is read."""
        if self._queue is not None:
            os.close(self._queue)
            self._queue = None

    def _queued(self) -> int | None:
        if self._queue is None:
            return None
        try:
            return int(os.pread(self._queue, 100, 0).split()[1])
        except (OSError, ValueError, IndexError):
            return None


def _suspend_clocks() -> tuple[int | None, int | None]:
    """A clock that stands still while the host is suspended, and one that does not."""
    if sys.platform == "darwin":
        return getattr(time, "CLOCK_UPTIME_RAW", None), getattr(time, "CLOCK_MONOTONIC_RAW", None)
    always = getattr(time, "CLOCK_BOOTTIME", None)
    return (None if always is None else time.CLOCK_MONOTONIC), always


@dataclass(frozen=True, slots=True)
class HostPause:
    """Something stood still for ``length_ns``; ``at_ns`` is the monotonic time when it went on.

    ``kind`` is :data:`STOPPED`, :data:`SUSPENDED` or :data:`BOARD_STOPPED`.
    """

    at_ns: int
    length_ns: int
    kind: int


class PauseWatch:
    """Looks again and again, from one thread, whether the host stood still since it last looked.

    ``read`` gives the host's times, ``board_stopped`` whether the board's processes are stopped,
    where it has any here.
    """

    def __init__(
        self, read: Callable[[], HostTimes], board_stopped: Callable[[], bool] | None = None
    ) -> None:
        self._pauses: list[HostPause] = []
        self._read = read
        self._before = read()
        self._board_stopped = board_stopped
        self._looked_at = self._before.now
        self._running_at: int | None = None  # when the board that stands still was last seen to run

    @property
    def pauses(self) -> list[HostPause]:
        """Those that were found so far, one that goes on among them."""
        return [*self._pauses, *self._board_pause(self._looked_at)]

    def look(self, waited_s: float | None) -> float:
        """Look; ``waited_s`` is the longest that was waited on purpose since the last time.

        ``None``: that is not known, so that only a suspended host shows. Returns how long this
        process stood still by the host's monotonic time, in seconds, else 0.
        """
        before, times = self._before, self._read()
        self._before = times
        suspended = max(0, times.suspended_least - before.suspended_most)
        if suspended < LEAST_PAUSE_S * _NS:
            suspended = 0
        stopped = 0 if waited_s is None else _stopped(before, times, round(waited_s * _NS))
        if stopped or suspended:
            kind = SUSPENDED if suspended else STOPPED
            self._pauses.append(HostPause(times.now, stopped + suspended, kind))
        if self._board_stopped is not None and times.now - self._looked_at >= _BOARD_EVERY_NS:
            self._look_at_board(times.now, self._board_stopped())
        return stopped / _NS

    def _look_at_board(self, now: int, stopped: bool) -> None:
        running_at, self._looked_at = self._looked_at, now
        if stopped and self._running_at is None:
            self._running_at = running_at
        elif not stopped and self._running_at is not None:
            self._pauses += self._board_pause(now)
            self._running_at = None

    def _board_pause(self, now: int) -> list[HostPause]:
        length = 0 if self._running_at is None else now - self._running_at
        enough = length >= LEAST_BOARD_S * _NS
        return [HostPause(now, length, BOARD_STOPPED)] if enough else []

    def numbers(self) -> list[int]:
        """The pauses as the numbers of the channel :data:`~hil.model.captures.HOST_PAUSES`."""
        return [
            number for pause in self.pauses for number in (pause.at_ns, pause.length_ns, pause.kind)
        ]


def _stopped(before: HostTimes, times: HostTimes, waited: int) -> int:
    """For how long this thread neither waited on purpose, nor ran, nor was about to; 0 if short."""
    least_s, excused = LEAST_UNEXPLAINED_S, waited + times.used - before.used
    if times.queued is not None and before.queued is not None:
        least_s = LEAST_PAUSE_S
        excused += times.queued - before.queued
    stopped = times.now - before.now - excused
    return stopped if stopped >= least_s * _NS else 0


def host_sleep(capture: Capture) -> str | None:
    """That the host slept during ``capture``, for how long and what to do; ``None`` if not.

    How the capture ended is told with it, where it did not end well.
    """
    numbers = capture.numbers(HOST_PAUSES)
    if numbers is None:
        return None
    rows = HOST_PAUSES.rows(numbers)
    pauses = [HostPause(int(at), int(length), int(kind)) for at, length, kind in rows]
    if not pauses:
        return None
    ending = f"; then: {capture.errors[-1].removeprefix('error: ')}" if capture.errors else ""
    return describe_pauses(pauses) + ending


def describe_pauses(pauses: Sequence[HostPause]) -> str:
    """One line on the pauses of a capture, at least one."""
    total_s = sum(pause.length_ns for pause in pauses) / _NS
    times = "" if len(pauses) == 1 else f" in {len(pauses)} pauses"
    kinds = {pause.kind for pause in pauses}
    if kinds == {BOARD_STOPPED}:
        return (
            f"the board stood still for {total_s:.3g} s{times} during the capture: its process on "
            "this host was stopped (a signal, a debugger)"
        )
    if SUSPENDED in kinds:
        why = "it was suspended; keep it awake during a run (systemd-inhibit, caffeinate)"
    else:
        why = (
            "this process was stopped, frozen or held up (Ctrl-Z, a debugger, a paused container "
            "or virtual machine, its terminal or disk)"
        )
    return f"the host slept for {total_s:.3g} s{times} during the capture: {why}"
