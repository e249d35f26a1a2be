from dataclasses import replace

import numpy as np
import pytest

from hil.model.board import BoardIdentity
from hil.model.captures import Capture, CaptureIssue, CapturePlan, Pings, TaskPlan, Track
from hil.model.errors import CaptureError, RemoteCodeError
from hil.protocol.decoder import decode
from hil.protocol.encoder import StreamEncoder
from hil.protocol.reassembly import assemble
from hil.recording.validity import clock_step, require_valid

BOARD = BoardIdentity("b", "p", "sim", "x", "x", "1.29", 1 << 30)
SOUND = Capture(
    BOARD,
    CapturePlan("timer_soft", "idle", (TaskPlan(0, 1000),), 10_000),
    (Track(0, 1000.0, 0, 10_000, np.arange(10, dtype=np.int64)),),
)


def test_a_sound_capture_passes_with_what_the_wire_lost():
    require_valid(
        replace(
            SOUND, faults=(CaptureIssue("damaged", "one frame"), CaptureIssue("missing", "one"))
        )
    )


@pytest.mark.parametrize("kind", ["damaged", "missing"])
def test_frames_that_a_chips_log_destroyed_are_no_dropped_stamps(kind):
    """A line of the log that came in pieces; where nothing is lost it does no harm."""
    log = ("hello", "\\x1b[0;32mI (4711) wifi:state: run")
    require_valid(replace(SOUND, log=log))
    lost = (CaptureIssue(kind, "one frame"),)
    require_valid(replace(SOUND, faults=lost, log=("a program's (4711) own: text",)))
    with pytest.raises(CaptureError, match=r"esp\.osdebug\(None\)"):
        require_valid(replace(SOUND, faults=lost, log=log))


def test_an_agent_that_failed_invalidates_its_capture():
    with pytest.raises(RemoteCodeError, match="ValueError") as caught:
        require_valid(replace(SOUND, errors=("Traceback", "ValueError: x")))
    assert caught.value.traceback == "Traceback\nValueError: x"


@pytest.mark.parametrize("kind", ["wrap", "truncated", "clock", "incomplete", "agent"])
def test_what_cannot_be_trusted_invalidates_the_capture(kind):
    with pytest.raises(CaptureError, match=r"^the capture is invalid: why$"):
        require_valid(
            replace(SOUND, faults=(CaptureIssue("damaged", "before"), CaptureIssue(kind, "why")))
        )


def sent(*, tasks=1, totals=True, status="ok"):
    """What a board sends of ten stamps on time, with one thing in it that it should not say."""
    encoder = StreamEncoder()
    encoder.text("H", v=1, tp=1 << 30, tasks=tasks)
    encoder.text("C", i=0, name="task0", kind="ticks")
    encoder.text("G", task=0, origin=0, offset=0, period=1000)
    encoder.stamps(0, range(0, 10_000, 1000))
    if totals:
        encoder.text("T", i=0, n=10, dropped=0)
    encoder.text("E", us0=0, us1=10_000, ms0=0, ms1=10, status=status)
    return assemble(decode(encoder.data), BOARD, SOUND.plan)


def test_unexpected_totals_or_another_agent_invalidate_the_capture():
    require_valid(sent())
    with pytest.raises(CaptureError, match="the totals of 'task0' are lost"):
        require_valid(sent(totals=False))
    with pytest.raises(CaptureError, match="number of tasks is 2, not the 1"):
        require_valid(sent(tasks=2))
    with pytest.raises(RemoteCodeError, match="ended with status 'full'"):
        require_valid(sent(status="full"))


def test_a_task_without_a_track_invalidates_the_capture():
    with pytest.raises(CaptureError, match="task 0"):
        require_valid(replace(SOUND, tracks=()))


def exchanges(board, round_trip_us=1_000_000):
    sent = np.arange(len(board)) * 1_000_000
    received = sent + round_trip_us * 1000
    there = np.array(board, np.int64)
    return Pings(sent, there, there + 1, received)


@pytest.mark.parametrize(("back", "sound"), [(1, True), (2, False)])
def test_a_clock_may_seem_to_go_back_by_one_step_between_two_exchanges(back, sound):
    """Round trips of a second say nothing of the rate; the order of the readings still counts."""
    assert (clock_step(exchanges([5, 5, 5 - back, 5]), 1.0) is None) is sound


def test_four_exchanges_are_needed():
    assert clock_step(exchanges([900, 600, 300]), 1.0) is None
    assert clock_step(exchanges([900, 600, 300, 0]), 1.0) is not None


@pytest.mark.parametrize(("longer_us", "told"), [(0, True), (1, False)])
def test_exchanges_more_than_ten_times_apart_begin_another_block(longer_us, told):
    """Within a block the clock jumps forth and back by half a second, which its ends don't show."""
    board_us = np.array([0, 1_500_000, 2_000_000, 12_000_000 + longer_us])
    sent_us = np.array([0, 1_000_000, 2_000_000, board_us[3]])
    pings = Pings(sent_us * 1000, board_us, board_us + 1, sent_us * 1000 + 1_000_000)
    assert (clock_step(pings, 1.0) is not None) is told


@pytest.mark.parametrize("error", ["error: no room", "interrupted by the user"])
def test_a_capture_that_ended_otherwise_says_how(error):
    text = error.removeprefix("error: ")
    with pytest.raises(CaptureError, match=f"^the capture is invalid: {text}$"):
        require_valid(replace(SOUND, errors=("first", error)))
    with pytest.raises(CaptureError):
        require_valid(replace(SOUND, errors=(error,)))
    require_valid(SOUND)


def test_stamps_that_go_back_are_said_with_the_largest_step():
    track = replace(SOUND.tracks[0], stamps_us=np.array([0, 50, 20, 90, 85]))
    text = "the board's clock went back by 30 us between two stamps of task 0"
    with pytest.raises(CaptureError, match=text):
        require_valid(replace(SOUND, tracks=(track,)))


def test_a_task_that_is_absent_is_said_with_the_first_fault():
    plan = replace(SOUND.plan, tasks=(TaskPlan(0, 1000), TaskPlan(2, 1000), TaskPlan(1, 1000)))
    fault = CaptureIssue("missing", "5 frames lost")
    with pytest.raises(CaptureError, match=r"no stamps of task 1 \(5 frames lost\)$"):
        require_valid(replace(SOUND, plan=plan, faults=(fault,)))
    with pytest.raises(CaptureError, match=r"no stamps of task 1$"):
        require_valid(replace(SOUND, plan=plan))
