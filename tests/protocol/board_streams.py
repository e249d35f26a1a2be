"""Streams of a board whose true times are known, for the tests of the protocol."""

import numpy as np

from hil.model.board import BoardIdentity
from hil.model.captures import Capture, CapturePlan, TaskPlan
from hil.protocol.decoder import decode
from hil.protocol.encoder import StreamEncoder
from hil.protocol.reassembly import assemble

PERIOD_US = 10_000


def board(period: int = 2**30) -> BoardIdentity:
    return BoardIdentity("sim", "p", "sim", "linux", "m", "1.29", period)


def plan(duration_us: int, tasks: int = 1) -> CapturePlan:
    each = tuple(TaskPlan(k, PERIOD_US) for k in range(tasks))
    return CapturePlan("timer_soft", "idle", each, duration_us)


class Board:
    """A board that records true times and sends them wrapped."""

    def __init__(self, period: int = 2**30, start: int = 123_456, duration_us: int = 1_000_000):
        self.period = period
        self.start = start
        self.duration_us = duration_us
        self.out = StreamEncoder()
        self.channels = 0
        self.out.text("H", v=1, technique="x", load="idle", tp=period, tasks=1, mode="buffered")

    def grid(self, task: int, origin: int, offset: int = 0, **more) -> None:
        origin %= self.period
        self.out.text("G", task=task, origin=origin, offset=offset, period=PERIOD_US, **more)

    def channel(self, name, times, kind="ticks", dropped=0, total=None, first_index=0):
        index = self.channels
        self.channels += 1
        times = np.asarray(times, np.int64)
        raw = np.where(times < 0, times, times % self.period) if kind != "value" else times
        self.out.text("C", i=index, name=name, kind=kind)
        self.out.stamps(index, raw, first_index=first_index)
        self.out.text("T", i=index, n=len(raw) if total is None else total, dropped=dropped)

    def end(self, status="ok", length_us=None, **counters):
        us1 = self.start + (self.duration_us if length_us is None else length_us)
        us, ms = (lambda t: t % self.period), (lambda t: t // 1000 % self.period)
        self.out.text(
            "E",
            us0=us(self.start),
            us1=us(us1),
            ms0=ms(self.start),
            ms1=ms(us1),
            status=status,
            **counters,
        )

    def capture(self, **more) -> Capture:
        return assemble(decode(self.out.data), board(self.period), plan(self.duration_us), **more)


def kinds(capture: Capture) -> list[str]:
    return [fault.kind for fault in capture.faults]
