"""A board that follows a script, on a clock of its own: minutes of time-outs pass in milliseconds.

What it sends comes from the reference encoder, what goes wrong with it is said by the case. The
capture loop, the store, the decoder and the analysis above it are the real ones.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from hil.model.captures import CapturePlan, IntArray, TaskPlan
from hil.protocol.encoder import encode_stamps, encode_text
from hil.protocol.frames import MAX_BLOCK

TICKS = 1 << 30
TRACE = (
    b'Traceback (most recent call last):\r\n  File "<stdin>", line 7, in act\r\n'
    b"ValueError: injected\r\n"
)
BANNER = b"\r\nMPY: soft reboot\r\nMicroPython v1.24 on 2026-01-01; board\r\n>>> "
_BYTE_S, _PATIENCE_S = 10 / 921_600, 2.0
_NEVER_S = 1e300
"""When what is at its end goes on; a program that hangs waits for a moment before that."""


class ScriptedClock:
    """The clock of a run with a scripted board: only waiting moves it on."""

    kind: Literal["real", "virtual"] = "real"

    def __init__(self) -> None:
        self.now = 1000.0
        self._step_at = self._step_s = 0.0

    def now_ns(self) -> int:
        return round(self.now * 1e9)

    def wall_s(self) -> float:
        return self.now + (self._step_s if self.now >= self._step_at else 0.0)

    def step_wall(self, at: float, seconds: float) -> None:
        """At that moment somebody sets the time of day."""
        self._step_at, self._step_s = at, seconds

    def sleep(self, seconds: float) -> None:
        self.now += max(0.0, seconds)


class ScriptedDevice:
    """What the port of a scripted board has of pyserial's names."""

    dtr = rts = True
    write_timeout = None

    def __init__(self, write: Callable[[bytes], int]) -> None:
        self.write = write

    def close(self) -> None:
        """The board stays as it is."""


@dataclass
class Script:
    """What one agent records and how it fails; ``at`` is the share of the run where it does."""

    plan: CapturePlan
    stamps: list[IntArray]  # raw ticks as sent, by task
    grid: int  # raw tick of the origin
    us0: int
    pings: int
    failure: str = ""
    at: float = 0.5
    step_us: int = 0
    dropped: int = 0
    sent: dict[int, list[int]] = field(default_factory=dict)


def make_script(chance: random.Random, failure: str = "", **options: int) -> Script:
    """A script with stamps about a grid, noise and a few stalls among them."""
    period = chance.choice((1_000, 10_000, 20_000))
    n = chance.randint(12, 400)
    duration = period * n + chance.randrange(period)
    technique = chance.choice(("timer_soft", "timer_hard", "thread", "asyncio_deadline"))
    streaming = chance.random() < 0.3
    plan = CapturePlan(
        technique, "idle", (TaskPlan(0, period), TaskPlan(1, period)), duration, streaming
    )
    us0 = chance.randrange(TICKS)
    noise = np.random.default_rng(chance.randrange(1 << 30))
    script = Script(plan, [], us0 + 40, us0, chance.choice((0, 5, 20)), failure, chance.random())
    script.step_us = options.get("step_us", 0)
    for _ in range(2):
        due = script.grid + period + period * np.arange(n - 1, dtype=np.int64)
        late = np.abs(noise.normal(20, 8, n - 1)).astype(np.int64)
        late[noise.random(n - 1) < 0.01] += period // 3
        script.stamps.append(due + late)
    return script


class ScriptedBoard:
    """Reads and writes as a port does, from a :class:`Script`; stops at Ctrl-C."""

    def __init__(self, script: Script, clock: ScriptedClock, chance: random.Random) -> None:
        self.script, self.clock, self.chance = script, clock, chance
        self.interrupted = False
        self._still_s = 0.0
        self._input = bytearray()
        self._out = bytearray()
        self._sequence = 0
        self._begin, self._zero = clock.now, script.us0
        self._steps = self._program()
        self._step: tuple[str, float] | None = None

    @property
    def told_all(self) -> bool:
        """Whether its program is at its end, read or not."""
        return self._step == ("until", _NEVER_S)

    @property
    def ended(self) -> bool:
        """Whether it is at its end and all that it said was read."""
        if self._step is None and not self._out:
            self._step = next(self._steps, ("until", _NEVER_S))
        return self.told_all and not self._out

    def stand_still(self, seconds: float) -> None:
        """What it does next comes so much later."""
        self._still_s += seconds

    def write(self, data: bytes) -> int:
        if b"\x03" in data and not self.interrupted:
            self.interrupted = True
            if self.script.failure == "irq storm":
                return len(data)  # the main program never runs again, so nothing hears it
            self._out += self._text("E", us0=0, us1=0, ms0=0, ms1=0, status="interrupted")
            self._out += b"\x04\x04"
            self._steps = iter(())
            self._step = None
        self._input += data
        return len(data)

    def read(self, timeout_s: float) -> bytes:
        end = self.clock.now + timeout_s
        while not self._out:
            if self._step is None:
                self._step = next(self._steps, ("until", _NEVER_S))
            kind, value = self._step
            if kind == "ping" and b"!" in self._input:
                self._input.clear()
                self.clock.now += self.chance.uniform(5e-5, 2e-4)
                tick = self._tick()
                self._out += self._text("P", n=int(value), rx=tick, tx=(tick + 30) % TICKS)
                self.clock.now += self.chance.uniform(5e-5, 2e-4)
                self._step = None
                continue
            due = value if kind == "until" else self._patience(value)
            due += self._still_s
            if due > end:
                self.clock.now = max(self.clock.now, end)
                return b""
            self.clock.now = max(self.clock.now, due)
            self._still_s = 0.0
            self._step = None
        size = self.chance.choice((1, 7, 64, 500, 4096))
        data = bytes(self._out[:size])
        del self._out[:size]
        self.clock.now += len(data) * _BYTE_S
        return data

    def _patience(self, number: float) -> float:
        if not hasattr(self, "_waiting") or self._waiting[0] != number:
            self._waiting = (number, self.clock.now + _PATIENCE_S)
        return self._waiting[1]

    def _tick(self) -> int:
        script = self.script
        jump = script.step_us if self.clock.now - self._begin > script.plan.duration_us / 2e6 else 0
        return (self._zero + round((self.clock.now - self._begin) * 1e6) + jump) % TICKS

    def _text(self, kind: str, /, **fields: int | str) -> bytes:
        line = encode_text(kind, self._sequence, fields.items())
        self._sequence += 1
        return line

    def hostile_frames(self) -> bytes:
        """Sound frames that claim more than there is, name what is not, and begin anew."""
        chance = self.chance
        many = np.zeros(MAX_BLOCK, np.int64)
        frames = [
            lambda: self._text("C", i=chance.randrange(90), name="x" * 3000, kind="ticks"),
            lambda: self._text("C", i=chance.randrange(90), name="<b>../\x1b[2J", kind="value"),
            lambda: self._text("T", i=chance.randrange(3), n=10**chance.randrange(19), dropped=0),
            lambda: self._text("G", task=0, origin=10**18, offset=-1, period=0),
            lambda: self._text("H", v=9, technique="?", tp=chance.choice((0, 3, 1 << 62)), tasks=9),
            lambda: self._text("P", n=chance.randrange(9), rx=-5, tx="x"),
            lambda: self._text("R", n=10**chance.randrange(12)),
            lambda: self._text("X", t="MemoryError: \x1b[31m<script>"),
        ]  # fmt: skip
        said = b"".join(chance.choice(frames)() for _ in range(chance.randint(1, 30)))
        for _ in range(chance.randint(0, 40)):
            lines = encode_stamps(
                chance.randrange(4), many, sequence=self._sequence,
                first_index=chance.choice((0, 400, 10**chance.randrange(17))), order=1,
            )  # fmt: skip
            self._sequence += len(lines)
            said += b"".join(lines)
        return said

    def _values(self, channel: int, numbers: list[int]) -> bytes:
        lines = encode_stamps(channel, numbers, sequence=self._sequence, order=0)
        self._sequence += len(lines)
        return b"".join(lines)

    def _stamps(self, task: int, start: int, stop: int) -> bytes:
        raw = self.script.stamps[task][start:stop] % TICKS
        lines = encode_stamps(task, raw, sequence=self._sequence, first_index=start, block=64)
        self._sequence += len(lines)
        return b"".join(lines)

    def _program(self) -> Iterator[tuple[str, float]]:
        script, plan = self.script, self.script.plan
        window_s = plan.duration_us / 1e6
        failure, at = script.failure, script.at
        self._out += self._text("H", v=1, technique=plan.technique, tp=TICKS, tasks=2)
        for task in (0, 1):
            self._out += self._text("C", i=task, name=f"task{task}", kind="ticks")
        yield from self._exchange()
        script_begin = self.clock.now
        self._window_at(self._tick())
        for task in (0, 1):
            self._out += self._text(
                "G", task=task, origin=script.grid % TICKS, offset=plan.tasks[0].period_us,
                period=plan.tasks[0].period_us,
            )  # fmt: skip
        total = len(script.stamps[0])
        done = 0
        blocks = list(range(64, total, 64)) if plan.streaming else []
        fail_at = int(at * total)
        yield ("until", script_begin + at * window_s)
        if failure == "hang":
            self._out += self._text("S")[:5]
            yield ("until", 1e18)
        elif failure == "irq storm":
            yield ("until", 1e18)
        elif failure == "watchdog":
            self._out += BANNER
            yield ("until", 1e18)
        elif failure == "restart":
            self._out += BANNER
            self._sequence = 0
            self._out += self._text("H", v=1, technique="other", tp=TICKS, tasks=2)
        elif failure in ("callback", "hard", "thread", "coroutine"):
            head = {
                "callback": b"",
                "hard": b"uncaught exception in Timer callback\r\n",
                "thread": b"Unhandled exception in thread started by <function>\r\n",
                "coroutine": b"Task exception wasn't retrieved\r\nfuture: <Task> coro= <f>\r\n",
            }[failure]
            self._out += head + TRACE
        for stop in blocks:
            when = script_begin + window_s * stop / total
            yield ("until", max(when, self.clock.now))
            for task in (0, 1):
                self._out += self._stamps(task, done, stop)
            done = stop
        yield ("until", script_begin + window_s)
        status = "ok"
        if failure == "memory":
            status, total = "error", max(done, fail_at)
        for task in (0, 1):
            self._out += self._stamps(task, done, total)
        for task in (0, 1):
            self._out += self._text("T", i=task, n=total, dropped=script.dropped)
        if failure == "memory":
            for line in ("Traceback (most recent call last):", "MemoryError: injected"):
                self._out += self._text("X", t=line)
        else:
            yield from self._exchange()
        us1 = script.us0 + plan.duration_us + script.step_us
        ms = (script.us0 // 1000) % TICKS
        self._out += self._text(
            "E", us0=script.us0 % TICKS, us1=us1 % TICKS, ms0=ms,
            ms1=(ms + (plan.duration_us + script.step_us) // 1000) % TICKS, status=status,
        )  # fmt: skip
        self._out += b"\x04\x04"

    def _window_at(self, tick: int) -> None:
        """The window begins now: what the script says of it is moved here."""
        script = self.script
        shift = (tick - script.us0) % TICKS
        script.us0 += shift
        script.grid += shift
        script.stamps = [stamps + shift for stamps in script.stamps]
        self._zero, self._begin = script.us0, self.clock.now

    def _exchange(self) -> Iterator[tuple[str, float]]:
        if not self.script.pings:
            return
        self._out += self._text("R", n=self.script.pings)
        for number in range(self.script.pings):
            yield ("ping", number + self._sequence * 1e-9)
        self._out += self._text("R", n=0)
