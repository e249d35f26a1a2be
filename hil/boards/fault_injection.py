"""Link faults on purpose: the grammar of ``--hil-faults``, and what it does to the bytes.

It sits directly on the port: what is above it (REPL, capture, store) can't know of it. All chance
comes from the seed, and depends on the bytes alone, not on how the reads divided them.
"""

from __future__ import annotations

import errno
import math
import random
import time
from collections import Counter, deque
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from hil.model.errors import ConfigurationError
from hil.model.known_names import unknown_name
from hil.model.numbers import finite_float, within
from hil.recording.interfaces import seconds

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from hil.recording.interfaces import Clock


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """Faults on the way from the board; all numbers are 0 for none.

    Chances for every byte: ``drop`` it is lost, ``flip`` one bit is wrong, ``dup`` a block comes
    twice, ``reorder`` two blocks change places, ``garbage`` a burst of random bytes comes,
    ``storm`` a program's prints come in between, ``delay`` everything waits ``delay_ms``.
    At a byte of a capture, once: ``silence_at`` nothing comes any more, ``lost_at`` the port is
    gone for ``gone_s`` seconds, ``reset_at`` the board is reset (Ctrl-C, Ctrl-D), ``stall_at``
    nothing is read for ``stall_s`` seconds, so that the flow stops. ``echo=1``: what is sent to
    the board comes back. ``always=1``: not only in captures. ``seed``: of all chances.
    """

    drop: float = 0.0
    flip: float = 0.0
    dup: float = 0.0
    reorder: float = 0.0
    garbage: float = 0.0
    storm: float = 0.0
    delay: float = 0.0
    delay_ms: float = 50.0
    silence_at: int = 0
    lost_at: int = 0
    gone_s: float = 2.0
    reset_at: int = 0
    stall_at: int = 0
    stall_s: float = 2.0
    echo: int = 0
    always: int = 0
    seed: int = 1


CHANCES = ("drop", "flip", "dup", "reorder", "garbage", "storm", "delay")
POSITIONS = ("silence_at", "lost_at", "reset_at", "stall_at")
_DEFAULT = FaultSpec()
_LONGEST_NUMBER = 100
_KNOWN = tuple(field.name for field in fields(FaultSpec))
_TOP = {
    **dict.fromkeys(CHANCES, 0.5),
    **dict.fromkeys(POSITIONS, 1 << 40),
    **dict.fromkeys(("echo", "always"), 1),
    **{"delay_ms": 60_000, "gone_s": 3600, "stall_s": 3600, "seed": (1 << 32) - 1},
}


def parse_faults(text: str) -> FaultSpec:
    """Read ``"drop=0.001,seed=7"``.

    Raises :class:`~hil.model.errors.ConfigurationError` that names the option and what it may be.
    """
    values: dict[str, Any] = {}
    for part in (part.strip() for part in text.split(",")):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if name not in _KNOWN:
            raise ConfigurationError(f"--hil-faults: {unknown_name('fault', name, _KNOWN)}")
        if name in values:
            raise ConfigurationError(f"--hil-faults: {name} is given twice")
        if not equals or not value:
            raise ConfigurationError(f"--hil-faults: {name} needs a value, as in {name}=...")
        values[name] = _number(name, value)
    if not any(values.get(name) for name in (*CHANCES, *POSITIONS, "echo")):
        raise ConfigurationError(
            f"--hil-faults={text[:60]}: no fault is asked for; as in drop=0.001 or lost_at=5000"
        )
    return FaultSpec(**values)


def format_faults(spec: FaultSpec) -> str:
    """The shortest text that :func:`parse_faults` reads back to the same faults."""
    parts = []
    for name in _KNOWN:
        value = getattr(spec, name)
        if value != getattr(_DEFAULT, name):
            parts.append(f"{name}={value!r}" if isinstance(value, int) else f"{name}={value:.17g}")
    return ",".join(parts)


def _number(name: str, text: str) -> float | int:
    whole = isinstance(getattr(_DEFAULT, name), int)
    try:
        value: float | int = int(text[:_LONGEST_NUMBER]) if whole else finite_float(text)
    except ValueError:
        kind = "a whole number" if whole else "a number"
        raise ConfigurationError(f"--hil-faults: {name}={text[:40]!r} must be {kind}") from None
    if len(text) > _LONGEST_NUMBER or not within(value, 0, _TOP[name]):
        raise ConfigurationError(f"--hil-faults: {name}={text[:40]} must be 0 to {_TOP[name]:g}")
    return value


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
        positions = {name: int(getattr(self.spec, name)) for name in POSITIONS}
        self._left = {name: self._draw(name) for name in CHANCES if getattr(self.spec, name)}
        self._left |= {name: at for name, at in positions.items() if at}

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
                if fault in POSITIONS:
                    del self._left[fault]
                    self._strike_position(fault)
                    if fault == "lost_at":
                        return  # what was under way is gone with the port
                else:
                    at = self._strike(fault, data, at)
                    self._left[fault] = self._draw(fault)

    def _keep(self, data: bytes) -> None:
        if data:
            self._queue.append((self._hold, data))

    def _strike_position(self, fault: str) -> None:
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
        """Apply a fault at ``data[at]``; returns the position of the next byte."""
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
