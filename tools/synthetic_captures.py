"""Captures that no board sent: in memory, as the frames that a board would send, and as files.

:func:`capture` makes one of arrays of activation times, :func:`encode` is the inverse of decoding
and assembling, and :func:`receive` sends a capture that whole way. :func:`stream` is for captures
of any length, which no memory need hold.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hil.model.board import BoardIdentity, Source
from hil.model.captures import (
    Calibration,
    Capture,
    CapturePlan,
    EventSet,
    IntArray,
    Pings,
    TaskPlan,
    Track,
)
from hil.protocol import frames
from hil.protocol.bit_packing import pack
from hil.protocol.decoder import decode
from hil.protocol.encoder import StreamEncoder, encode_text
from hil.protocol.events import HostPing
from hil.protocol.reassembly import assemble
from hil.recording.capture_file import CaptureWriter

FloatArray = NDArray[np.float64]
PERIOD_US = 10_000
TICK_PERIOD = 1 << 30
HOST_NS = 10**15
"""The host's clock as the board's shows 0."""

STREAM_PERIOD_US = 1000
STREAM_SIGMA_US = 50.0
_BLOCK, _PATTERNS = 512, 500
_CALIBRATION = {"read": "read_us", "stamp": "stamp_us", "step": "step_us", "task": "full_us",
                "empty": "minimal_us", "set": "set_us", "keep": "keep_us", "rounds": "rounds_us",
                "at": "readings_us"}  # fmt: skip


def board(
    name: str = "synthetic", *, step_us: float | None = 1.0, source: Source = "sim"
) -> BoardIdentity:
    """A board with ticks of 30 bits whose clock steps by ``step_us``."""
    return BoardIdentity(
        name, "-", source, "none", "none", "0", TICK_PERIOD, tick_resolution_us=step_us
    )


def grid(n: int, period_us: int = PERIOD_US) -> IntArray:
    """Intended times of ``n`` activations from 0 on, (n,) int64 us."""
    return np.arange(n, dtype=np.int64) * period_us


def quantise(times_us: FloatArray, step_us: float = 1.0) -> IntArray:
    """What a clock that steps by ``step_us`` shows at ``times_us``: whole us, (n,) int64."""
    return np.floor(np.floor(times_us / step_us) * step_us).astype(np.int64)


def capture(
    lateness_us: Sequence[ArrayLike],
    *,
    of: BoardIdentity | None = None,
    technique: str = "timer_hard",
    load: str = "idle",
    period_us: int = PERIOD_US,
    origin_us: int = 0,
    numbered: bool = False,
    streaming: bool = False,
    events: tuple[EventSet, ...] = (),
    calibration: Calibration | None = None,
    log: tuple[str, ...] = (),
) -> Capture:
    """A capture whose activations come so much later than intended.

    ``lateness_us``: for each task (n,) us, rounded down to whole ones; the window has as many
    periods as the first task has activations. Stamps are in order of time. ``numbered``: the agent
    knows the release of each.
    """
    tracks = []
    window_us = len(np.asarray(lateness_us[0])) * period_us
    for index, late in enumerate(lateness_us):
        late = np.floor(np.asarray(late)).astype(np.int64)
        stamps = np.sort(origin_us + grid(late.size, period_us) + late)
        releases = np.arange(late.size, dtype=np.int64) if numbered else None
        end_us = origin_us + window_us
        tracks.append(Track(index, period_us, origin_us, end_us, stamps, releases=releases))
    tasks = tuple(TaskPlan(track.index, period_us) for track in tracks)
    plan = CapturePlan(technique, load, tasks, window_us, streaming)
    return Capture(of or board(), plan, tuple(tracks), events, calibration=calibration, log=log)


def clock_exchanges(
    read_us: FloatArray,
    out_us: ArrayLike,
    back_us: ArrayLike,
    *,
    held_us: ArrayLike = 0.0,
    skew_ppm: float = 0.0,
    board_us: float = 0.0,
) -> Pings:
    """Exchanges with a board whose clock steps by 1 us, is ``skew_ppm`` fast, ``board_us`` ahead.

    The board reads each at ``read_us`` of the host's time and holds it for ``held_us``; the ways
    take ``out_us`` and ``back_us``; all (n,) us.
    """
    rate = 1.0 + skew_ppm * 1e-6
    answered_us = read_us + held_us
    return Pings(
        host_tx_ns=np.rint((read_us - out_us) * 1000).astype(np.int64) + HOST_NS,
        board_rx_us=np.floor(read_us * rate + board_us).astype(np.int64),
        board_tx_us=np.floor(answered_us * rate + board_us).astype(np.int64),
        host_rx_ns=np.rint((answered_us + back_us) * 1000).astype(np.int64) + HOST_NS,
    )


def encode(capture: Capture) -> bytes:
    """The frames of a capture; its series, its faults and its log are not in them.

    A deferral that answers no interrupt of its method counts as lost, its slot is -1. Interrupts
    that were lost have no stimulus that could be sent.
    """
    ticks = capture.board.tick_period
    plan, tracks = capture.plan, capture.tracks
    start = min((track.origin_us for track in tracks), default=0)
    end = max((track.end_us for track in tracks), default=start + plan.duration_us)
    sent = StreamEncoder()
    sent.text("H", v=1, technique=plan.technique, load=plan.load, tp=ticks, tasks=len(tracks))
    if capture.pings is not None:
        both = zip(capture.pings.board_rx_us, capture.pings.board_tx_us, strict=True)
        for number, (rx, tx) in enumerate(both):
            sent.text("P", n=number, rx=int(rx) % ticks, tx=int(tx) % ticks)
    slots = {name: np.where(times < 0, -1, times % ticks) for name, times in _slots(capture)}
    values = dict(_values(capture))
    named = [(f"task{track.index}", "ticks") for track in tracks]
    named += [(name, "slots") for name in slots] + [(name, "value") for name in values]
    for index, (name, kind) in enumerate(named):
        sent.text("C", i=index, name=name, kind=kind)
    for track in tracks:
        offset, period = track.origin_us - start, round(track.period_us)
        answers = "numbered" if track.numbered else "order" if track.in_order else ""
        known = {"answers": answers} if answers else {}
        origin = start % ticks
        sent.text("G", task=track.index, origin=origin, offset=offset, period=period, **known)
    for index, track in enumerate(tracks):
        _send_track(sent, index, track, ticks)
    for index, stamps in enumerate(slots.values(), len(tracks)):
        sent.stamps(index, stamps)
        sent.text("T", i=index, n=len(stamps), dropped=0)
    for index, numbers in enumerate(values.values(), len(tracks) + len(slots)):
        sent.stamps(index, numbers, order=0)
        sent.text("T", i=index, n=len(numbers), dropped=0)
    ms0 = start // 1000 % ticks
    times = {"us0": start % ticks, "us1": end % ticks, "ms0": ms0}
    times["ms1"] = (ms0 + (end - start) // 1000) % ticks
    sent.text("E", **times, status="ok", **_counters(capture))
    return sent.data


def receive(capture: Capture) -> Capture:
    """The capture sent, decoded and assembled, its clock exchanges paired by time of arrival."""
    host: list[HostPing] = []
    if capture.pings is not None:
        times = zip(capture.pings.host_tx_ns, capture.pings.host_rx_ns, strict=True)
        host = [HostPing(int(tx), int(rx)) for tx, rx in times]
    decoded = decode(encode(capture))
    answers = (frame for frame in decoded.texts if frame.kind == "P")
    arrivals = {answer.line_end: ping.rx_ns for answer, ping in zip(answers, host, strict=True)}
    return assemble(decoded, capture.board, capture.plan, host, arrivals.__getitem__)


def store(path: Path, capture: Capture, *, piece: int = 60_000, status: str = "ok") -> None:
    """A capture file as a session would write it, from pieces of so many bytes.

    ``status``: what the session says of its end.
    """
    _store(path, capture.board, capture.plan, _pieces([encode(capture)], piece), status)


def store_stream(path: Path, n: int, *, tasks: int = 1, piece: int = 60_000) -> None:
    """:func:`stream` as a capture file; 60 kB are 5 s of a link of 115,200 baud."""
    _store(path, board(), stream_plan(n, tasks=tasks), _pieces(stream(n, tasks=tasks), piece))


def stream_plan(n: int, *, tasks: int = 1) -> CapturePlan:
    """The plan of :func:`stream`."""
    of_tasks = tuple(TaskPlan(task, STREAM_PERIOD_US) for task in range(tasks))
    return CapturePlan("timer_hard", "idle", of_tasks, n * STREAM_PERIOD_US, streaming=True)


def white_noise(n: int, seed: int = 1) -> IntArray:
    """Lateness of 200 us with 50 us of white noise, whole us, (n,) int64."""
    normal = np.random.default_rng(seed).normal(200.0, STREAM_SIGMA_US, n)
    return normal.round().astype(np.int64)


def stream(n: int, *, tasks: int = 1) -> Iterator[bytes]:
    """The frames of a 1 kHz capture of ``n`` stamps a task, with :func:`white_noise`.

    500 packed blocks come in turn, each at its own time, so that 1e8 stamps take seconds.
    """
    window = n * STREAM_PERIOD_US
    sequence = 0

    def text(kind: str, /, **fields: int | str) -> bytes:
        nonlocal sequence
        sequence += 1
        return encode_text(kind, sequence - 1, fields.items())

    yield text("H", v=1, technique="timer_hard", load="idle", tp=TICK_PERIOD, tasks=tasks)
    for task in range(tasks):
        yield text("C", i=task, name=f"task{task}", kind="ticks")
    for task in range(tasks):
        yield text("G", task=task, origin=0, offset=0, period=STREAM_PERIOD_US)
    noise = white_noise(_BLOCK * _PATTERNS).reshape(_PATTERNS, _BLOCK)
    packed = [_packed(row) for row in noise]
    first = row = 0
    while first < n:
        row = (row + 1) % _PATTERNS
        size = min(_BLOCK, n - first)
        at = first * STREAM_PERIOD_US + int(noise[row, 0])
        left = TICK_PERIOD - at % TICK_PERIOD
        if left <= size * STREAM_PERIOD_US + 10_000:  # a block has no difference over a wrap
            since = grid(size, STREAM_PERIOD_US) + noise[row, :size] - noise[row, 0]
            size = int(np.searchsorted(since, left))
        width, base, payload = packed[row] if size == _BLOCK else _packed(noise[row, :size])
        for task in range(tasks):
            body = (
                frames.digit(task)
                + frames.digit(1)
                + frames.word(size)
                + frames.number(first)
                + frames.digit(width)
                + frames.digit(0)
                + frames.snumber(at % TICK_PERIOD)
                + frames.snumber(base)
                + payload
            )
            yield frames.frame("S", sequence, body)
            sequence += 1
        first += size
    for task in range(tasks):
        yield text("T", i=task, n=n, dropped=0)
    us1, ms1 = window % TICK_PERIOD, window // 1000 % TICK_PERIOD
    yield text("E", us0=0, us1=us1, ms0=0, ms1=ms1, status="ok")


def _store(
    path: Path, of: BoardIdentity, plan: CapturePlan, pieces: Iterable[bytes], status: str = "ok"
) -> None:
    with CaptureWriter(path, of, plan) as writer:
        start = time.monotonic_ns()
        for piece in pieces:
            writer.rx(piece, start)
        writer.finish(status)


def _packed(noise: IntArray) -> tuple[int, int, bytes]:
    """Width, base and payload of a block of differences without exceptions."""
    steps = np.diff(noise) + STREAM_PERIOD_US
    base = int(steps.min()) if steps.size else 0
    width = int((steps - base).max()).bit_length() if steps.size else 0
    return width, base, pack(steps - base, width)


def _pieces(parts: Iterable[bytes], size: int) -> Iterator[bytes]:
    waiting = bytearray()
    for part in parts:
        waiting += part
        while len(waiting) >= size:
            yield bytes(waiting[:size])
            del waiting[:size]
    yield bytes(waiting)


def _send_track(sent: StreamEncoder, channel: int, track: Track, ticks: int) -> None:
    """A task's stamps, with the places of those that the wire lost left out, and its totals."""
    first = done = 0
    for gap in track.gaps:
        sent.stamps(channel, track.stamps_us[done : gap.position] % ticks, first_index=first)
        first += gap.position - done + gap.count
        done = gap.position
    sent.stamps(channel, track.stamps_us[done:] % ticks, first_index=first)
    count = first + len(track.stamps_us) - done
    sent.text("T", i=channel, n=count, dropped=track.dropped)


def _slots(capture: Capture) -> Iterator[tuple[str, IntArray]]:
    """Times of stimuli, interrupts and deferred calls by channel; -1 where one never ran."""
    of_isr = {events.method: events for events in capture.events if events.stage == "isr"}
    for method, events in of_isr.items():
        yield f"stim.{method}", events.stimulus_us
        yield f"isr.{method}", events.handler_us
    for events in capture.events:
        if events.stage == "defer":
            isr_us = of_isr[events.method].handler_us
            at = np.searchsorted(isr_us, events.stimulus_us, side="right") - 1
            slots = np.full((2, len(isr_us)), -1, np.int64)
            slots[:, at] = events.stimulus_us, events.handler_us
            if events.between == "schedule":
                yield f"sched.{events.method}", slots[0]
            yield f"defer.{events.method}", slots[1]


def _values(capture: Capture) -> Iterator[tuple[str, IntArray]]:
    yield from capture.values.items()
    calibration = capture.calibration
    if calibration is not None:
        for name, member in _CALIBRATION.items():
            yield f"cal.{name}", getattr(calibration, member)


def _counters(capture: Capture) -> dict[str, int]:
    batches: dict[str, int] = {}
    calibration: Calibration | None = capture.calibration
    if calibration is not None:
        batches["read_batch"] = calibration.read_batch
        batches["stamp_batch"] = calibration.stamp_batch
        batches["task_batch"] = calibration.loop_batch
        batches["rounds"] = calibration.rounds
        batches["back"] = calibration.steps_back
        batches["back_most"] = calibration.back_most_us
        batches["watched_us"] = calibration.watched_us
    return {**capture.counters, **batches}
