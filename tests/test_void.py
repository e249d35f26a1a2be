from dataclasses import replace

import numpy as np
import pytest

from hil.errors import CaptureError, RemoteCodeError
from hil.records import BoardIdentity, Capture, CapturePlan, Fault, TaskPlan, Track
from hil.void import refuse_void

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


@pytest.mark.parametrize("kind", ["wrap", "truncated", "clock"])
def test_times_that_cannot_be_trusted_void_the_capture(kind):
    with pytest.raises(CaptureError, match="why"):
        refuse_void(replace(SOUND, faults=(Fault(kind, "why"),)))


def test_a_task_without_a_track_voids_the_capture():
    with pytest.raises(CaptureError, match="task 0"):
        refuse_void(replace(SOUND, tracks=()))
