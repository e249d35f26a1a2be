from dataclasses import replace

import numpy as np
import pytest

from hil.model.captures import Capture, CaptureIssue, CapturePlan, TaskPlan, Track
from hil.model.errors import RemoteCodeError
from hil.model.user_programs import ProgramOptions
from hil.recording.program_failures import find_program_failure
from hil.recording.validity import require_valid
from tools.synthetic_captures import board

P, WINDOW = 20_000, 5_000_000


def track():
    return Track(0, float(P), 0, WINDOW, np.arange(0, WINDOW, P))


HEADER = ProgramOptions("blink.py", "header")


def capture(*tracks, program=HEADER, **more):
    options = {} if program is None else program.as_options()
    plan = CapturePlan(
        "blink", "idle", tuple(TaskPlan(0, P) for _ in tracks), WINDOW, options=options
    )
    return Capture(board(), plan, tracks, **more)


TRACEBACK = (
    "Traceback (most recent call last):",
    '  File "<stdin>", line 4, in hil_execute',
    '  File "<string>", line 12, in <module>',
    '  File "<string>", line 5, in work',
)


def planned(taken, *periods):
    tasks = tuple(TaskPlan(index, period) for index, period in enumerate(periods))
    return replace(taken, plan=replace(taken.plan, tasks=tasks))


def test_an_exception_is_named_with_file_line_and_function():
    failure = find_program_failure(capture(errors=(*TRACEBACK, "ValueError: no")))
    assert failure.text == "blink.py, line 5, in work: ValueError: no"
    assert 'File "blink.py", line 12, in <module>' in failure.traceback
    failure = find_program_failure(capture(errors=(*TRACEBACK[:3], "KeyError: 7")))
    assert failure.text == "blink.py, line 12: KeyError: 7"


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("MemoryError: memory allocation failed, heap is locked", "a hard callback can't"),
        ("ImportError: no module named 'ssd1306'", "only this one file is sent"),
    ],
)
def test_common_exceptions_say_what_to_do(said, hint):
    assert hint in find_program_failure(capture(errors=(*TRACEBACK, said))).text


def test_an_error_that_is_not_the_programs_is_left_to_others():
    assert find_program_failure(capture(errors=(*TRACEBACK[:2], "ValueError: no"))) is None
    assert find_program_failure(capture(track())) is None
    assert find_program_failure(capture(program=None, errors=(*TRACEBACK, "E: no"))) is None


def test_no_stamp_at_all():
    taken = planned(capture(), P)
    assert "blink.py never called stamp() in 5.00 s: it ran to the end" in (
        find_program_failure(taken).text
    )
    ended = planned(capture(counters={"program_ended_ms": 20}), P)
    assert "it ended after 20.0 ms and left nothing running" in find_program_failure(ended).text


def test_one_of_several_tasks_that_was_never_marked():
    failure = find_program_failure(planned(capture(track()), P, 50_000))
    assert failure.text == (
        "blink.py never called stamps[1]() for its period of 50 ms (task 0 250 times): mark it, or "
        "take the period out of the header"
    )


def test_stamps_that_may_have_been_lost_on_the_way_are_no_fault_of_the_program():
    lost = planned(capture(faults=(CaptureIssue("missing", "a frame"),)), P)
    assert find_program_failure(lost) is None
    assert find_program_failure(planned(capture(program=ProgramOptions("b", "header")), P))


def test_a_capture_of_such_a_program_is_not_valid():
    with pytest.raises(RemoteCodeError, match=r"blink\.py, line 5, in work: V") as caught:
        require_valid(capture(track(), errors=(*TRACEBACK, "ValueError: no")))
    assert 'File "blink.py", line 5' in caught.value.traceback
    require_valid(capture(track()))
