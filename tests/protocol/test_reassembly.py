"""Streams of known stamps, put together: every time is right, or it is left out and said."""

import re
from dataclasses import replace

import numpy as np
import pytest
from board_streams import PERIOD_US, Board, board, kinds, plan

from hil.protocol.decoder import decode
from hil.protocol.encoder import StreamEncoder
from hil.protocol.events import HostPing
from hil.protocol.reassembly import assemble


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
    assert [(fault.kind, fault.detail) for fault in capture.faults] == [
        ("missing", "task 0 has stamps but no grid (it never began, or it is lost)"),
        ("damaged", "'task7' is no task of this capture"),
    ]


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
    assert pings.board_rx_us.tolist() == [-5, 3_000_000]
    assert pings.host_tx_ns.tolist() == [host[0].tx_ns, host[2].tx_ns]


def test_calibration_and_counters():
    device = Board()
    device.channel("cal.read", [16, 17], "value")
    device.channel("cal.stamp", [33], "value")
    device.channel("cal.step", [1, 1], "value")
    device.end(read_batch=16, stamp_batch=8, background=99)
    capture = device.capture()
    assert capture.calibration.read_us.tolist() == [16, 17]
    assert (capture.calibration.read_batch, capture.calibration.stamp_batch) == (16, 8)
    assert capture.calibration.stamp_us.tolist() == [33]
    assert capture.calibration.step_us.tolist() == [1, 1]
    assert capture.counters == {"read_batch": 16, "stamp_batch": 8, "background": 99}


def test_an_agent_that_failed_says_so():
    device = Board()
    device.out.text("X", t="Traceback (most recent call last):")
    device.out.text("X", t="ValueError: a; b=c")
    device.end(status="error")
    capture = device.capture()
    assert capture.errors == ("Traceback (most recent call last):", "ValueError: a; b=c")
    assert kinds(capture) == ["agent"]


NO_END = ("truncated", "the capture has no end: the board stopped or the link broke", -1)


@pytest.mark.parametrize(
    ("kind", "fields", "fault"),
    [
        ("H", {"tp": "7"}, ("damaged", "the begin frame: tp=7 is not between 1024 and 2**62")),
        ("H", {"tp": "x"}, ("damaged", "the begin frame: tp='x' is not an integer")),
        ("H", {"tp": 2**30, "tasks": 10**9},
         ("agent", "the agent's number of tasks is 1000000000, not the 1 that was expected")),
        ("H", {"tp": 2**29},
         ("agent", "the agent's tick period is 536870912, not the 1073741824 that was expected")),
        ("G", {"task": 10**6, "origin": 0, "offset": 0, "period": 1},
         ("damaged", "the grid of a task: task=1000000 is not between 0 and 0")),
        ("G", {"task": 0, "origin": 0, "offset": 0, "period": 0},
         ("damaged", "the grid of a task: period=0 is not between 1 and 2**40")),
        ("G", {"task": 0, "origin": 0, "offset": -(2**40) - 1, "period": 1},
         ("damaged", "the grid of a task: offset=-1099511627777 is not between -2**40 and 2**40")),
        ("G", {"task": 0, "origin": 2**30, "offset": 0, "period": 10},
         ("damaged", "the grid of a task: origin=1073741824 is not between 0 and 2**30-1")),
        ("T", {"i": 0, "n": -1, "dropped": 0},
         ("damaged", "the totals of a channel: n=-1 is not between 0 and 2**48")),
        ("T", {"i": 0, "n": 2**48 + 1, "dropped": 0},
         ("damaged", "the totals of a channel: n=281474976710657 is not between 0 and 2**48")),
        ("T", {"i": 0, "n": 0, "dropped": 2**48 + 1},
         ("damaged",
          "the totals of a channel: dropped=281474976710657 is not between 0 and 2**48")),
        ("T", {"i": 91, "n": 0, "dropped": 0},
         ("damaged", "the totals of a channel: i=91 is not between 0 and 90")),
        ("T", {"i": 90, "n": 2**48, "dropped": 2**48},
         ("missing", "there are totals of a channel that was never announced")),
        ("P", {"n": 0, "rx": -1, "tx": 0},
         ("damaged", "the answer to a ping: rx=-1 is not between 0 and 2**30-1")),
        ("P", {"n": 0, "rx": 0, "tx": 2**30},
         ("damaged", "the answer to a ping: tx=1073741824 is not between 0 and 2**30-1")),
        ("E", {"us0": 1, "status": "ok"}, ("damaged", "the end frame: us1 is missing")),
        ("E", {"us0": 0, "us1": 2**30, "ms0": 0, "ms1": 0, "status": "ok"},
         ("damaged", "the end frame: us1=1073741824 is not between 0 and 2**30-1")),
        ("E", {"us0": 0, "us1": 0, "ms0": 0, "ms1": 0, "status": "ok", "x": "1e9"},
         ("damaged", "the counters can't be read: x='1e9' is not an integer")),
        ("E", {"us0": 0, "us1": 0, "ms0": 0, "ms1": 0, "status": "ok", "x": -(2**62) - 1},
         ("damaged", "the counters can't be read: "
          "x=-4611686018427387905 is not between -2**62 and 2**62-1")),
        ("E", {"us0": 0, "us1": 0, "ms0": 0, "ms1": 0, "status": "full"},
         ("agent", "the agent ended with status 'full'")),
        ("E", {"us0": 0, "us1": 500_000, "ms0": 0, "ms1": 1, "status": "ok"},
         ("wrap", "the board's ticks_us and ticks_ms disagree about the window: "
          "500000 us against 1 ms")),
    ],
)  # fmt: skip
def test_numbers_that_can_not_be_are_faults(kind, fields, fault):
    encoder = StreamEncoder()
    encoder.text("R", n=1)
    offset = len(encoder.data)
    encoder.text(kind, **fields)
    capture = assemble(decode(encoder.data), board(), plan(1000))
    expected = {(fault[0], re.sub(r"2\*\*[0-9]+(-1)?", power, fault[1]), offset)}
    if kind != "E":
        expected.add(NO_END)
    assert {(fault.kind, fault.detail, fault.offset) for fault in capture.faults} == expected
    assert capture.tracks == ()


def power(match):
    """``2**30-1`` as its digits."""
    exponent, _, less = match[0][3:].partition("-")
    return str(2 ** int(exponent) - int(less or 0))


def test_the_last_tick_before_the_wrap_is_one():
    for start, duration in ((2**16 - 1, 10_000), ((2**16 - 1) * 1000, 10_000), (5, 2**16 - 6)):
        device = Board(2**16, start=start, duration_us=duration)
        device.end()
        assert device.capture().faults == ()


def test_two_grids_of_a_task_are_a_fault_and_the_first_counts():
    device = Board()
    device.grid(0, device.start, 7)
    offset = len(device.out.data)
    device.grid(0, device.start, 8)
    device.channel("task0", [device.start])
    device.end()
    capture = device.capture()
    assert [(fault.kind, fault.detail, fault.offset) for fault in capture.faults] == [
        ("duplicate", "task 0 has two grids; the first is used", offset)
    ]
    assert capture.tracks[0].origin_us == device.start + 7


def test_the_totals_of_a_channel_that_are_lost_are_said_where_the_capture_ended():
    device = Board()
    device.out.text("C", i=0, name="x" * 50, kind="value")
    device.out.stamps(0, [1])
    device.end()
    detail = f"the totals of '{'x' * 40}' are lost: its last stamps may be too"
    assert [(fault.kind, fault.detail) for fault in device.capture().faults] == [
        ("incomplete", detail)
    ]


def test_more_stamps_than_the_board_counted_are_damage():
    device = Board()
    device.grid(0, device.start)
    device.channel("task0", [device.start, device.start + 10], total=1)
    device.end()
    capture = device.capture()
    assert [(fault.kind, fault.detail) for fault in capture.faults] == [
        ("damaged", "'task0' has more stamps than the board counted")
    ]
    assert (capture.tracks[0].dropped, capture.tracks[0].gaps) == (0, ())
    device = Board()
    device.channel("x" * 50, [1, 2], "value", total=1)
    device.end()
    text = f"'{'x' * 40}' has more stamps than the board counted"
    assert [fault.detail for fault in device.capture().faults] == [text]


def test_at_most_200_lines_of_a_traceback_are_kept():
    device = Board()
    for k in range(203):
        device.out.text("X", t=f"line {k}")
    device.end()
    errors = device.capture().errors
    assert errors == (*(f"line {k}" for k in range(200)), "... (3 more lines)")


def test_a_failed_agent_without_a_traceback_is_still_an_error():
    device = Board()
    device.end(status="x" * 50)
    text = f"the agent ended with status '{'x' * 40}' and no traceback"
    assert device.capture().errors == (text,)


@pytest.mark.parametrize("beyond", [0, 1])
def test_stamps_a_second_and_a_period_outside_of_the_window_are_no_times(beyond):
    """The window is of 1 s and the period of 10 ms: up to 1.01 s before it and behind it."""
    for time in (-1_010_000 - beyond, 2_010_000 + beyond):
        device = Board(start=5_000_000)
        device.grid(0, device.start)
        device.channel("task0", [device.start + time])
        device.end()
        said = [(fault.kind, fault.detail) for fault in device.capture().faults]
        assert said == [("clock", "task 0 has stamps from outside of the window")] * beyond


def test_counted_latencies_have_no_stimulus_of_their_own():
    device = Board()
    device.channel("count.timer/2", [0, 3, 999_999], "value")
    device.channel("count.bad", [1, 1_000_000], "value")
    device.channel("count.worse", [-1], "value")
    device.end()
    capture = device.capture()
    (events,) = capture.events
    told = (events.stage, events.method, events.lost, events.between, events.counter_cost_us)
    assert told == ("isr", "timer/2", 0, "counter", None)
    assert events.handler_us.tolist() == [0, 3, 999_999]
    assert events.stimulus_us.tolist() == [0, 0, 0]
    assert [(fault.kind, fault.detail) for fault in capture.faults] == [
        ("damaged", "'count.bad' holds what can't be a latency"),
        ("damaged", "'count.worse' holds what can't be a latency"),
    ]


def test_events_over_gaps_keep_their_index():
    """Slots 3 and 4 of the answers are lost on the wire, and the board had none for slot 0."""
    device = Board()
    s = device.start
    device.channel("stim.m", [s + 1000 * k for k in range(7)], "slots")
    device.out.text("C", i=1, name="isr.m", kind="slots")
    device.out.stamps(1, [-1, s + 1001, s + 2002])
    device.out.stamps(1, [s + 5005, s + 6006], first_index=5)
    device.out.text("T", i=1, n=7, dropped=0)
    device.end()
    (events,) = device.capture().events
    assert events.stimulus_us.tolist() == [s + 1000, s + 2000, s + 5000, s + 6000]
    assert (events.handler_us - events.stimulus_us).tolist() == [1, 2, 5, 6]
    assert events.lost == 3


def test_events_keep_their_index_over_several_gaps():
    """Of ten answers those to 2, 5, 6 and 8 are lost, in three gaps."""
    device = Board()
    start = device.start
    device.channel("stim.m", [start + 1000 * k for k in range(10)], "slots")
    device.out.text("C", i=1, name="isr.m", kind="slots")
    for indices in ([0, 1], [3, 4], [7], [9]):
        answers = [start + 1001 * k for k in indices]
        device.out.stamps(1, answers, first_index=indices[0])
    device.out.text("T", i=1, n=10, dropped=0)
    device.end()
    (events,) = device.capture().events
    assert (events.handler_us - events.stimulus_us).tolist() == [0, 1, 3, 4, 7, 9]
    assert events.stimulus_us.tolist() == [start + 1000 * k for k in (0, 1, 3, 4, 7, 9)]
    assert events.lost == 4


def test_an_answer_a_quarter_of_the_period_early_is_early_and_not_late():
    """Latencies lie in [-1/4, 3/4) of the period."""
    device = Board(2**16, start=20_000, duration_us=40_000)
    device.channel("stim.m", [40_000, 40_000], "slots")
    device.channel("isr.m", [40_000 - 16_384, 40_000 - 16_385], "slots")
    device.end()
    (events,) = device.capture().events
    assert (events.handler_us - events.stimulus_us).tolist() == [-16_384, 49_151]


def test_a_stamp_of_the_tick_zero_is_a_stamp():
    device = Board(2**16, start=2**16 - 100, duration_us=10_000)
    device.channel("stim.m", [2**16, 2**16 + 100], "slots")
    device.channel("isr.m", [2**16, 2**16 + 107], "slots")
    device.end()
    (events,) = device.capture().events
    assert (events.handler_us - events.stimulus_us).tolist() == [0, 7]
    assert events.lost == 0


def test_events_that_no_board_has_are_left_out_by_name():
    device = Board(2**16, duration_us=30_000)
    device.channel("stim.m", [2**16], "value")
    device.channel("isr.m", [5], "slots")
    device.end()
    assert [(fault.kind, fault.detail) for fault in device.capture().faults] == [
        ("damaged", "events of 'm' are left out: a stamp is no tick of this board")
    ]
    device = Board(2**16, start=0, duration_us=5_000_000)
    device.channel("stim.m", [5], "slots")
    device.channel("isr.m", [6], "slots")
    device.end()
    (fault,) = device.capture().faults
    assert fault.kind == "wrap"
    assert fault.detail.startswith("events of 'm' are left out: the last stamp is ")


@pytest.mark.parametrize(("lost", "given"), [(1_000_000, True), (1_000_001, False)])
def test_a_million_events_in_a_row_may_be_lost(lost, given):
    device = Board()
    method = "m" * 50
    for name in (f"stim.{method}", f"isr.{method}"):
        times = [device.start]
        device.channel(name, times, "slots", first_index=lost, total=lost + 1)
    device.end()
    capture = device.capture()
    assert len(capture.events) == given
    text = f"events of '{'m' * 40}' are left out: 1000002 events can't be"
    assert [fault.detail for fault in capture.faults] == ([] if given else [text])


def test_calibration_of_the_loop():
    device = Board()
    device.channel("cal.task", [160], "value")
    device.channel("cal.empty", [32], "value")
    device.channel("note", [1, 2], "value")
    device.end(task_batch=16, stamp_batch=0)
    capture = device.capture()
    calibration = capture.calibration
    assert (
        calibration.full_us.tolist(),
        calibration.minimal_us.tolist(),
        calibration.loop_batch,
    ) == (
        [160],
        [32],
        16,
    )
    assert (calibration.read_us.tolist(), calibration.read_batch, calibration.stamp_batch) == (
        [],
        1,
        1,
    )
    arrays = (
        calibration.read_us,
        calibration.stamp_us,
        calibration.step_us,
        calibration.full_us,
        calibration.minimal_us,
    )
    assert {array.dtype for array in arrays} == {np.dtype(np.int64)}
    assert {name: values.tolist() for name, values in capture.values.items()} == {"note": [1, 2]}


def test_without_calibration_there_is_none():
    device = Board()
    device.end()
    assert device.capture().calibration is None


@pytest.mark.parametrize(
    ("more_ms", "detail"),
    [(6, None), (7, "+7"), (-6, None), (-7, "-7")],
)
def test_a_board_whose_clock_jumps_says_how_far_its_clocks_are_apart(more_ms, detail):
    """Up to 5 ms and a thousandth of the window, here 1 ms, they may be."""
    device = Board()
    us1, ms1 = device.start + 1_000_000, 123 + 1000 + more_ms
    device.out.text("E", us0=device.start, us1=us1, ms0=123, ms1=ms1, status="ok")
    jumpy = replace(board(), clock_jump_us=65_536)
    capture = assemble(decode(device.out.data), jumpy, plan(1_000_000))
    text = (
        f"the board's ticks_ms counted {detail} ms more than its ticks_us in 1000 ms; "
        "times are by ticks_us"
    )
    assert [(fault.kind, fault.detail) for fault in capture.faults] == (
        [("clock_jump", text)] if detail else []
    )


@pytest.mark.parametrize(("less_us", "kinds"), [(0, ["clock_jump"]), (1, ["wrap"])])
def test_clocks_that_jump_may_differ_by_an_eighth_of_a_wrap_more(less_us, kinds):
    """Else 5 ms and a thousandth of the window, 135 s by the clock of milliseconds."""
    device = Board()
    length_us = 135_000_000 - (5_000 + 135_000 + device.period // 8) - less_us
    us1 = device.start + length_us
    device.out.text("E", us0=device.start, us1=us1, ms0=123, ms1=123 + 135_000, status="ok")
    jumpy = replace(board(), clock_jump_us=65_536)
    capture = assemble(decode(device.out.data), jumpy, plan(1_000_000))
    assert [fault.kind for fault in capture.faults] == kinds


def test_pings_by_order_need_as_many_answers_as_questions():
    device = Board()
    for k in range(2):
        device.out.text("P", n=k, rx=device.start + 1000 * k, tx=device.start + 1000 * k + 5)
    device.end()
    host = [HostPing(10**9 + k * 10**6, 10**9 + k * 10**6 + 400_000) for k in range(3)]
    assert device.capture(pings=()).pings is None
    assert device.capture(pings=()).faults == ()
    few = device.capture(pings=host)
    assert few.pings is None
    assert [(fault.kind, fault.detail) for fault in few.faults] == [
        ("missing", "3 pings but 2 answers: no clock comparison")
    ]
    pings = device.capture(pings=host[:2]).pings
    assert pings.host_tx_ns.tolist() == [exchange.tx_ns for exchange in host[:2]]
    assert pings.host_rx_ns.tolist() == [exchange.rx_ns for exchange in host[:2]]
    assert pings.board_rx_us.tolist() == [device.start, device.start + 1000]
    assert pings.board_tx_us.tolist() == [device.start + 5, device.start + 1005]


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
    assert [(fault.kind, fault.detail) for fault in capture.faults] == [
        ("damaged", f"task 0 claims {claim + 1} stamps, which can't be"),
        ("damaged", f"events of 'm' are left out: {claim + 1} events can't be"),
    ]


def test_stamps_that_are_no_ticks_are_left_out():
    device = Board(2**16)
    device.grid(0, device.start)
    device.out.text("C", i=0, name="task0", kind="ticks")
    device.out.stamps(0, [5, 2**16 + 5])
    device.out.text("T", i=0, n=2, dropped=0)
    device.end()
    capture = device.capture()
    assert capture.tracks == ()
    assert [(fault.kind, fault.detail) for fault in capture.faults] == [
        ("damaged", "task 0 has stamps that are no ticks of this board")
    ]


def test_counted_latencies_that_cannot_be_leave_the_others():
    device = Board()
    device.channel("op.stop", [1], "value")
    device.channel("count.bad", [1_000_000], "value")
    device.channel("count.timer/3", [7], "value")
    device.end()
    capture = device.capture()
    (events,) = capture.events
    assert (events.method, events.handler_us.tolist()) == ("timer/3", [7])
    assert [fault.kind for fault in capture.faults] == ["damaged"]


def test_the_times_of_events_are_whole():
    device = Board()
    device.channel("stim.m", [device.start + 10], "slots")
    device.channel("isr.m", [device.start + 15], "slots")
    device.end()
    (events,) = device.capture().events
    assert events.stimulus_us.dtype == events.handler_us.dtype == np.int64
