"""Streams of known stamps, put together: every time is right, or it is left out and said."""

import numpy as np
import pytest

from hil.records import BoardIdentity, Capture, CapturePlan, TaskPlan
from hil.wire.assemble import assemble
from hil.wire.decoder import decode
from hil.wire.encode import StreamEncoder
from hil.wire.pings import HostPing

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

    def grid(self, task: int, origin: int, offset: int = 0) -> None:
        origin %= self.period
        self.out.text("G", task=task, origin=origin, offset=offset, period=PERIOD_US)

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


def activations(start: int, n: int) -> np.ndarray:
    late = np.random.default_rng(4).integers(0, 900, n)
    return start + np.arange(n, dtype=np.int64) * PERIOD_US + late


@pytest.mark.parametrize("period", [2**16, 2**20, 2**24, 2**30, 2**62])
@pytest.mark.parametrize("duration_us", [100_000, 5_000_000, 2_000_000_000])
def test_a_track_is_where_it_was_whatever_wrapped(period, duration_us):
    start = 2**33 + 12_345
    device = Board(period, start, duration_us)
    truth = activations(start + 50, duration_us // PERIOD_US)
    device.grid(0, start + 20, 30)
    device.channel("task0", truth)
    device.end()
    capture = device.capture()
    assert capture.faults == ()
    track = capture.tracks[0]
    zero = start - start % period
    assert (track.stamps_us == truth - zero).all()
    assert track.origin_us == start + 50 - zero
    assert track.end_us == start + duration_us - zero
    assert (track.period_us, track.dropped, track.gaps) == (PERIOD_US, 0, ())


@pytest.mark.parametrize("period", [2**16, 2**20])
def test_a_lost_wrap_is_refused_not_placed_wrong(period):
    device = Board(period, duration_us=5_000_000)
    truth = activations(device.start, 400)
    truth[200:] += period  # the whole task stood still for one wrap: looks as if it had not
    device.grid(0, device.start)
    device.channel("task0", truth)
    device.end(length_us=400 * PERIOD_US + period)
    capture = device.capture()
    assert "wrap" in kinds(capture)
    assert capture.tracks == ()


def test_the_same_stall_is_no_problem_where_ticks_do_not_wrap():
    device = Board(2**30, duration_us=5_000_000)
    truth = activations(device.start, 400)
    truth[200:] += 2**20
    device.grid(0, device.start)
    device.channel("task0", truth)
    device.end(length_us=400 * PERIOD_US + 2**20)
    capture = device.capture()
    assert capture.faults == ()
    assert (capture.tracks[0].stamps_us == truth).all()


@pytest.mark.parametrize(("period", "lost", "placed"), [
    (2**30, 200, True), (2**20, 20, True), (2**20, 1000, False), (2**16, 1, True),
    (2**16, 100, False),
])  # fmt: skip
def test_times_behind_lost_frames_are_right_or_refused(period, lost, placed):
    n = 3000
    device = Board(period, duration_us=n * PERIOD_US)
    truth = activations(device.start, n)
    device.grid(0, device.start)
    device.out.text("C", i=0, name="task0", kind="ticks")
    device.out.stamps(0, truth[:700] % period)
    device.out.stamps(0, truth[700 + lost :] % period, first_index=700 + lost)
    device.out.text("T", i=0, n=n, dropped=0)
    device.end()
    capture = device.capture()
    if placed:
        track = capture.tracks[0]
        zero = device.start - device.start % period
        assert (track.stamps_us == np.delete(truth, np.s_[700 : 700 + lost]) - zero).all()
        assert [(gap.position, gap.count) for gap in track.gaps] == [(700, lost)]
    else:
        assert capture.tracks == ()
        assert kinds(capture) == ["wrap"]


def test_what_is_lost_is_counted_once():
    device = Board()
    truth = activations(device.start, 90)
    device.grid(0, device.start)
    device.channel("task0", truth, dropped=7, total=95)
    device.end()
    track = device.capture().tracks[0]
    assert track.dropped == 7
    assert [(gap.position, gap.count) for gap in track.gaps] == [(90, 5)]


def test_without_its_end_a_capture_is_truncated_and_keeps_its_stamps():
    device = Board()
    truth = activations(device.start, 90)
    device.grid(0, device.start)
    device.channel("task0", truth)
    capture = device.capture()
    assert kinds(capture) == ["truncated"]
    assert (capture.tracks[0].stamps_us == truth).all()


def test_without_its_end_a_short_counter_is_not_trusted():
    device = Board(2**16)
    device.grid(0, device.start)
    device.channel("task0", activations(device.start, 90))
    assert device.capture().tracks == ()


def test_tasks_without_grid_or_plan_are_left_out():
    device = Board()
    device.channel("task0", [1, 2])
    device.channel("task7", [1, 2])
    device.end()
    capture = device.capture()
    assert capture.tracks == ()
    assert sorted(kinds(capture)) == ["damaged", "missing"]


def test_events_are_paired_by_index_and_losses_counted():
    device = Board()
    s = device.start
    device.channel("stim.loopback/hard", [s, s + 1000, -1, s + 3000, s + 4000], "slots")
    device.channel("isr.loopback/hard", [s + 5, -1, s + 2005, s + 3007], "slots")
    device.channel("defer.loopback/hard", [s + 105, -1, -1, s + 3207], "slots")
    device.end()
    isr, defer = device.capture().events
    assert (isr.stage, isr.method, isr.lost) == ("isr", "loopback/hard", 2)
    assert isr.stimulus_us.tolist() == [s, s + 3000]
    assert (isr.handler_us - isr.stimulus_us).tolist() == [5, 7]
    assert (defer.stage, defer.lost) == ("defer", 1)
    assert (defer.handler_us - defer.stimulus_us).tolist() == [100, 200]


def test_latency_over_the_wrap_is_small():
    device = Board(2**16, start=2**16 - 3, duration_us=30_000)
    device.channel("stim.m", [2**16 - 1], "slots")
    device.channel("isr.m", [2**16 + 4], "slots")
    device.end()
    assert (lambda e: e.handler_us - e.stimulus_us)(device.capture().events[0]).tolist() == [5]


def test_pings_are_paired_by_the_time_of_their_arrival():
    device = Board()
    offsets = []
    for k, at in enumerate((2**30 - 5, 2**30 + 2_000_000, 2**30 + 3_000_000)):
        device.out.text("P", n=k, rx=at % 2**30, tx=(at + 9) % 2**30)
        offsets.append(len(device.out.data) - 1)
    device.end()
    arrivals = {offset: 10**12 + (k + 1) * 10**9 for k, offset in enumerate(offsets)}
    host = [HostPing(ns - 500_000, ns) for ns in arrivals.values()]
    pings = device.capture(pings=host[:1] + host[2:], arrival_ns=arrivals.__getitem__).pings
    assert pings.host_rx_ns.tolist() == [host[0].rx_ns, host[2].rx_ns]
    assert (pings.board_tx_us - pings.board_rx_us).tolist() == [9, 9]
    assert np.diff(pings.board_rx_us).tolist() == [3_000_005]


def test_calibration_and_counters():
    device = Board()
    device.channel("cal.read", [16, 17], "value")
    device.channel("cal.stamp", [33], "value")
    device.channel("cal.step", [1, 1], "value")
    device.end(read_batch=16, stamp_batch=8, background=99)
    capture = device.capture()
    assert capture.calibration.read_us.tolist() == [16, 17]
    assert (capture.calibration.read_batch, capture.calibration.stamp_batch) == (16, 8)
    assert capture.counters["background"] == 99


def test_an_agent_that_failed_says_so():
    device = Board()
    device.out.text("X", t="Traceback (most recent call last):")
    device.out.text("X", t="ValueError: a; b=c")
    device.end(status="error")
    capture = device.capture()
    assert capture.errors == ("Traceback (most recent call last):", "ValueError: a; b=c")
    assert kinds(capture) == ["agent"]


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("H", {"tp": "7"}),
        ("H", {"tp": "x"}),
        ("H", {"tp": 2**30, "tasks": 10**9}),
        ("G", {"task": 10**6, "origin": 0, "offset": 0, "period": 1}),
        ("G", {"task": 0, "origin": 0, "offset": 0, "period": 0}),
        ("G", {"task": 0, "origin": 2**31, "offset": 0, "period": 10}),
        ("T", {"i": 0, "n": -1, "dropped": 0}),
        ("T", {"i": 0, "n": 10**18, "dropped": 0}),
        ("P", {"n": 0, "rx": -1, "tx": 0}),
        ("E", {"us0": 1}),
        ("E", {"us0": 0, "us1": 0, "ms0": 0, "ms1": 0, "status": "ok", "x": "1e9"}),
        ("E", {"us0": 0, "us1": 10**30, "ms0": 0, "ms1": 0, "status": "ok"}),
    ],
)
def test_numbers_that_can_not_be_are_faults(kind, fields):
    encoder = StreamEncoder()
    encoder.text(kind, **fields)
    capture = assemble(decode(encoder.data), board(), plan(1000))
    assert capture.faults
    assert capture.tracks == ()


@pytest.mark.parametrize("claim", [2**30, 2**47])
def test_claims_of_many_lost_stamps_cost_nothing(claim):
    device = Board()
    device.grid(0, device.start)
    device.channel("task0", [device.start], first_index=claim, total=claim + 1)
    device.channel("stim.m", [5], "slots", first_index=claim, total=claim + 1)
    device.channel("isr.m", [5], "slots", first_index=claim, total=claim + 1)
    device.end()
    capture = device.capture()
    assert capture.tracks == ()
    assert capture.events == ()
    assert kinds(capture) == ["damaged", "damaged"]


def test_stamps_that_are_no_ticks_are_left_out():
    device = Board(2**16)
    device.grid(0, device.start)
    device.out.text("C", i=0, name="task0", kind="ticks")
    device.out.stamps(0, [5, 2**16 + 5])
    device.out.text("T", i=0, n=2, dropped=0)
    device.end()
    assert device.capture().tracks == ()
