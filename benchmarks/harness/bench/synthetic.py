"""Captures that no board sent: any number of stamps of a 1 kHz task, as a stream and as a file."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hil.records import BoardIdentity, Capture, CapturePlan, TaskPlan, Track
from hil.store import CaptureWriter
from hil.wire import frames
from hil.wire.encode import encode_text
from hil.wire.packing import pack

PERIOD_US = 1000
TICKS = 1 << 30
SIGMA_US = 50.0
_BLOCK = 512
_PATTERN = 500


def identity(name: str = "bench") -> BoardIdentity:
    """A board with 30-bit ticks."""
    return BoardIdentity(name, "", "sim", "", "", "", TICKS)


def plan_of(n: int, technique: str = "timer_hard", load: str = "idle") -> CapturePlan:
    """One task of 1 kHz for ``n`` periods."""
    return CapturePlan(technique, load, (TaskPlan(0, PERIOD_US),), n * PERIOD_US, streaming=True)


def jitter(n: int, seed: int = 1) -> np.ndarray:
    """Whole us, (n,) int64."""
    return np.random.default_rng(seed).normal(200.0, SIGMA_US, n).round().astype(np.int64)


def capture(n: int) -> Capture:
    """A capture in memory."""
    stamps = np.arange(n, dtype=np.int64) * PERIOD_US
    stamps += jitter(n)
    return Capture(identity(), plan_of(n), (Track(0, PERIOD_US, 0, n * PERIOD_US, stamps),))


def stream(n: int) -> Iterator[bytes]:
    """The frames of a whole capture: 500 blocks of noise in turn, each at its own time."""
    window = n * PERIOD_US
    sequence = 0

    def text(kind: str, /, **fields: int | str) -> bytes:
        nonlocal sequence
        sequence += 1
        return encode_text(kind, sequence - 1, fields.items())

    yield text("H", v=1, technique="timer_hard", load="idle", tp=TICKS, tasks=1, mode="streaming")
    yield text("C", i=0, name="task0", kind="ticks")
    yield text("G", task=0, origin=0, offset=0, period=PERIOD_US)
    noise = jitter(_BLOCK * _PATTERN).reshape(_PATTERN, _BLOCK)
    packed = [_packed(row) for row in noise]
    first = row = 0
    while first < n:
        row = (row + 1) % _PATTERN
        size = min(_BLOCK, n - first)
        at = first * PERIOD_US + int(noise[row, 0])
        left = TICKS - at % TICKS
        if left <= size * PERIOD_US + 10_000:  # a difference over a wrap begins a new block
            since = np.arange(size) * PERIOD_US + noise[row, :size] - noise[row, 0]
            size = int(np.searchsorted(since, left))
        width, base, payload = packed[row] if size == _BLOCK else _packed(noise[row, :size])
        body = (
            frames.digit(0)
            + frames.digit(1)
            + frames.word(size)
            + frames.number(first)
            + frames.digit(width)
            + frames.digit(0)
            + frames.snumber(at % TICKS)
            + frames.snumber(base)
            + payload
        )
        yield frames.frame("S", sequence, body)
        sequence += 1
        first += size
    yield text("T", i=0, n=n, dropped=0)
    yield text("E", us0=0, us1=window % TICKS, ms0=0, ms1=window // 1000 % TICKS, status="ok")


def _packed(noise: np.ndarray) -> tuple[int, int, bytes]:
    """A block of differences without exceptions."""
    steps = np.diff(noise) + PERIOD_US
    base = int(steps.min()) if steps.size else 0
    width = int((steps - base).max()).bit_length() if steps.size else 0
    return width, base, pack(steps - base, width)


def store(path: Path, n: int, chunk: int = 60_000) -> None:
    """A capture file as a streaming session would write it, 4 s of a 115,200 baud link a chunk."""
    with CaptureWriter(path, identity(), plan_of(n)) as writer:
        waiting = bytearray()
        start = time.monotonic_ns()
        for frame in stream(n):
            waiting += frame
            if len(waiting) >= chunk:
                writer.rx(bytes(waiting), start)
                waiting.clear()
        writer.rx(bytes(waiting), start)
        writer.finish("ok")
