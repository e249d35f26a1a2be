from dataclasses import replace

import numpy as np
import pytest

from hil.errors import CaptureError, RemoteCodeError
from hil.records import BoardIdentity, Capture, CapturePlan, Fault, TaskPlan, Track
from hil.void import refuse_void
from hil.wire.assemble import assemble
from hil.wire.decoder import decode
from hil.wire.encode import StreamEncoder

BOARD = BoardIdentity("b", "p", "sim", "x", "x", "1.29", 1 << 30)
SOUND = Capture(
    BOARD,
    CapturePlan("timer_soft", "idle", (TaskPlan(0, 1000),), 10_000),
    (Track(0, 1000.0, 0, 10_000, np.arange(10, dtype=np.int64)),),
)


def test_a_sound_capture_passes_with_what_the_wire_lost():
    refuse_void(replace(SOUND, faults=(Fault("damaged", "one frame"), Fault("missing", "one"))))


def test_an_agent_that_failed_voids_its_capture():
    with pytest.raises(RemoteCodeError, match="ValueError") as caught:
        refuse_void(replace(SOUND, errors=("Traceback", "ValueError: x")))
    assert caught.value.traceback == "Traceback\nValueError: x"


@pytest.mark.parametrize("kind", ["wrap", "truncated", "clock", "incomplete", "agent"])
def test_what_cannot_be_trusted_voids_the_capture(kind):
    with pytest.raises(CaptureError, match=r"^the capture is void: why$"):
        refuse_void(replace(SOUND, faults=(Fault("damaged", "before"), Fault(kind, "why"))))


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


def test_what_a_board_sends_voids_its_capture_when_its_totals_or_its_agent_are_not_as_expected():
    refuse_void(sent())
    with pytest.raises(CaptureError, match="the totals of 'task0' are lost"):
        refuse_void(sent(totals=False))
    with pytest.raises(CaptureError, match="number of tasks is 2, not the 1"):
        refuse_void(sent(tasks=2))
    with pytest.raises(RemoteCodeError, match="ended with status 'full'"):
        refuse_void(sent(status="full"))


def test_a_task_without_a_track_voids_the_capture():
    with pytest.raises(CaptureError, match="task 0"):
        refuse_void(replace(SOUND, tracks=()))
