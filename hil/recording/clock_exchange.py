"""Clock exchanges with a running agent: when a ping is sent, and when its answer arrived.

The agent asks for pings with an ``R`` frame (``n=<count>``) where they disturb nothing:
before and after the window; one byte goes out at a time and the next one only after its answer.
In long captures further single pings are sent while the window runs. Only the arrival times are
taken here; the board's own stamps travel in the answers and are paired when the capture is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.protocol import frames
from hil.protocol.log_lines import LineReader
from hil.recording.interfaces import REAL_CLOCK

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.recording.interfaces import Clock

PING = b"!"
_MAX_REQUEST = 10_000
_MAX_LINE = 4096


class ClockExchange:
    """Drives the exchanges of one capture from the bytes that arrive.

    ``send`` puts bytes on the link; ``record`` gets (sent, received) in nanoseconds of ``clock``.
    ``every_s`` is the spacing of single pings while the window runs, ``None`` for none.
    """

    def __init__(
        self,
        send: Callable[[bytes], None],
        record: Callable[[int, int], None],
        *,
        every_s: float | None = None,
        clock: Clock = REAL_CLOCK,
    ) -> None:
        self._clock = clock
        self._send = send
        self._record = record
        self._every_ns = None if every_s is None else round(every_s * 1e9)
        self._sent_ns: int | None = None
        self._left = 0
        self._rounds = 0
        self._lines = LineReader(_MAX_LINE)
        self._next_ns = self._opened_ns = 0
        self._window_open = False

    def feed(self, data: bytes, host_ns: int) -> None:
        """Look at what arrived at ``host_ns``, record answers, send what is due."""
        for line in self._lines.feed(data):
            self._see(line, host_ns)

    @property
    def window_open_s(self) -> float:
        """How long the window has been open, in seconds; 0 before and after it."""
        return (self._clock.now_ns() - self._opened_ns) / 1e9 if self._window_open else 0.0

    @property
    def window_open(self) -> bool:
        """Whether the window is open."""
        return self._window_open

    @property
    def waiting(self) -> bool:
        """Whether a ping is under way."""
        return self._sent_ns is not None

    def tick(self) -> None:
        """Between arrivals: send a single ping when one is due and none is under way."""
        if self._every_ns is None or not self._window_open:
            return
        now = self._clock.now_ns()
        if now >= self._next_ns and self._sent_ns is None:
            self._next_ns = now + self._every_ns
            self._ping()

    def _see(self, line: bytes, host_ns: int) -> None:
        content = line.rpartition(frames.MARK)[2]
        kind = content[:1]
        if kind not in (b"R", b"P") or not frames.is_sound(content):
            return
        if kind == b"R":
            self._requested(frames.body_of(content), host_ns)
        elif self._sent_ns is not None:
            self._record(self._sent_ns, host_ns)
            self._sent_ns = None
            if self._left:
                self._ping()

    def _requested(self, body: bytes, host_ns: int) -> None:
        """A round begins (``n`` > 0) or ends; the window lies between the first two rounds."""
        text = body.partition(b"=")[2]
        count = min(int(text), _MAX_REQUEST) if text.isdigit() and len(text) < 10 else 0
        self._left = count
        if count:
            self._rounds += 1
            self._window_open = False
            if self._sent_ns is None:
                self._ping()
            else:  # the window's last one is answered as this round's first
                self._left -= 1
        else:
            self._sent_ns = None
            self._window_open = self._rounds < 2
            self._opened_ns = host_ns
            self._next_ns = host_ns + (self._every_ns or 0)

    def _ping(self) -> None:
        self._left = max(0, self._left - 1)
        self._sent_ns = self._clock.now_ns()
        self._send(PING)
