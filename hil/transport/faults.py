"""A link that does to the bytes of a board what bad cables, hubs and hosts do, on purpose.

It sits directly on the port: what is above it (REPL, capture, store) can't know of it. All chance
comes from the seed, and depends on the bytes alone, not on how they were cut into reads.
"""

from __future__ import annotations

import errno
import math
import random
import time
from collections import Counter, deque
from collections.abc import Callable

from hil.transport.clock import Clock, seconds
from hil.transport.faults_spec import CHANCES, PLACES, FaultSpec

_BLOCK, _BURST, _STORM_LINES = 64, 200, 20
_READ_S = 0.05


class LinkFaults:
    """The faults of one link; active only between :meth:`arm` and :meth:`disarm`.

    ``done`` counts the faults by name. ``clock`` and ``sleep`` are those of :mod:`time`.
    """

    def __init__(
        self,
        spec: FaultSpec,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.spec = spec
        self.done: Counter[str] = Counter()
        self._clock, self._sleep = clock, sleep
        self._chance = random.Random(spec.seed)
        self._armed = False
        self._left: dict[str, int] = {}  # bytes until each fault strikes
        self._queue: deque[tuple[float, bytes]] = deque()  # when due, what
        self._hold = self._gone_until = self._stalled_until = 0.0
        self._silent = self._reset = False
        if spec.always:
            self.arm()

    def follow(self, clock: Clock) -> None:
        """Count time by the clock of the link."""
        self._clock, self._sleep = lambda: seconds(clock), clock.sleep

    def arm(self) -> None:
        """Begin: places are counted from the next byte on."""
        if self._armed and self.spec.always:
            return
        self._armed, self._silent = True, False
        places = {name: int(getattr(self.spec, name)) for name in PLACES}
        self._left = {name: self._draw(name) for name in CHANCES if getattr(self.spec, name)}
        self._left |= {name: at for name, at in places.items() if at}

    def disarm(self) -> None:
        """Let everything through again; what was delayed comes at once."""
        if not self.spec.always:
            self._armed = self._silent = False
            self._hold = 0.0

    def pull(self, read: Callable[[float], bytes], timeout_s: float) -> bytes:
        """What ``read`` gives, with faults; waits up to ``timeout_s`` for the first byte."""
        end = self._clock() + timeout_s
        while True:
            now = self._clock()
            due = self._due(now)
            if due:
                return due
            self._check_port(now)
            wait = max(0.0, min(end - now, _READ_S))
            if now < self._stalled_until:
                self._sleep(min(wait, self._stalled_until - now))
            else:
                data = read(min(wait, self._queue[0][0] - now) if self._queue else wait)
                if data:
                    self._take(data)
                    continue
            if self._clock() >= end:
                return self._due(self._clock())

    def push(self, write: Callable[[bytes], object], data: bytes) -> None:
        """Send ``data``; comes back where the board's terminal echoes."""
        self._check_port(self._clock())
        write(data)
        if self._armed and self.spec.echo:
            self.done["echo"] += 1
            self._queue.append((self._hold, bytes(data)))

    def wants_reset(self) -> bool:
        """Whether the board is to be reset now; asking takes the wish back."""
        wish, self._reset = self._reset, False
        return wish

    def _check_port(self, now: float) -> None:
        if now < self._gone_until:
            raise OSError(errno.EIO, "Input/output error")

    def _due(self, now: float) -> bytes:
        if not self._armed:
            data = b"".join(part for _, part in self._queue)
            self._queue.clear()
            return data
        parts = []
        while self._queue and self._queue[0][0] <= now:
            parts.append(self._queue.popleft()[1])
        return b"".join(parts)

    def _take(self, data: bytes) -> None:
        if not self._armed:
            self._queue.append((0.0, data))
            return
        at = 0
        while at < len(data) and not self._silent:
            fault = min(self._left, key=self._left.__getitem__, default="")
            ahead = min(self._left.get(fault, len(data)), len(data) - at)
            self._keep(data[at : at + ahead])
            at += ahead
            for name in self._left:
                self._left[name] -= ahead
            if fault and self._left[fault] <= 0 and at < len(data):
                self.done[fault] += 1
                if fault in PLACES:
                    del self._left[fault]
                    self._place(fault)
                    if fault == "lost_at":
                        return  # what was under way is gone with the port
                else:
                    at = self._strike(fault, data, at)
                    self._left[fault] = self._draw(fault)

    def _keep(self, data: bytes) -> None:
        if data:
            self._queue.append((self._hold, data))

    def _place(self, fault: str) -> None:
        now = self._clock()
        if fault == "silence_at":
            self._silent = True
        elif fault == "lost_at":
            self._gone_until = now + self.spec.gone_s
        elif fault == "stall_at":
            self._stalled_until = now + self.spec.stall_s
        else:
            self._reset = True

    def _strike(self, fault: str, data: bytes, at: int) -> int:
        """Apply a fault at ``data[at]``; returns the place of the next byte."""
        chance = self._chance
        size = chance.randint(1, _BLOCK)
        first, second = data[at : at + size], data[at + size : at + 2 * size]
        match fault:
            case "drop":
                return at + 1
            case "flip":
                self._keep(bytes((data[at] ^ 1 << chance.randrange(8),)))
                return at + 1
            case "dup":
                self._keep(first + first)
                return at + len(first)
            case "reorder":
                self._keep(second + first)
                return at + len(first) + len(second)
            case "garbage":
                self._keep(chance.randbytes(chance.randint(1, _BURST)))
            case "storm":
                for number in range(chance.randint(1, _STORM_LINES)):
                    self._keep(b"line %d of a program that prints\r\n" % number)
            case "delay":
                self._hold = max(self._hold, self._clock()) + self.spec.delay_ms / 1000
        return at

    def _draw(self, fault: str) -> int:
        """Bytes before the next one that is hit: geometric."""
        share = float(getattr(self.spec, fault))
        return 1 + int(math.log(1.0 - self._chance.random()) / math.log(1.0 - share))
