from dataclasses import replace

import numpy as np
import pytest

from hil.model.captures import Capture, CaptureIssue, CapturePlan, TaskPlan, Track
from hil.model.errors import RemoteCodeError
from hil.model.program_files import ProgramFile
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
        ("ValueError: Timer doesn't exist", "no timer of this number: write `Timer(-1)`"),
        ("ValueError: incompatible .mpy file", "the mpy-cross of this board's MicroPython"),
        (
            "ImportError: no module named 'ssd1306'",
            "or a package by its name, `# hil: require=ssd1306`",
        ),
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


SOURCE = b"# hil: period_ms=20\nimport helper\n\ndef work():\n    raise ValueError('no')\n"
HELPER = b"def fall():\n    return [][1]\n"
FILES = (
    ProgramFile("main.py", SOURCE),
    ProgramFile("lib/helper.py", HELPER),
    ProgramFile("lib/fast.mpy", b"M\x06\x00\x1f"),
)
FOLDER = ProgramOptions("main.py", "header")


def test_the_line_itself_is_shown_in_the_sentence_and_in_the_traceback():
    taken = capture(errors=(*TRACEBACK, "ValueError: no"), program_files=FILES, program=FOLDER)
    failure = find_program_failure(taken)
    assert failure.text == (
        "main.py, line 5, in work: ValueError: no; line 5 is `raise ValueError('no')`"
    )
    lines = failure.traceback.splitlines()
    assert lines[-3:] == [
        '  File "main.py", line 5, in work',
        "    raise ValueError('no')",
        "ValueError: no",
    ]


@pytest.mark.parametrize("name", ["/hil_program/lib/helper.py", "lib/helper.py", "helper.py"])
def test_a_module_of_the_program_is_named_by_its_path_in_the_folder(name):
    more = (f'  File "{name}", line 2, in fall', "IndexError: list index out of range")
    failure = find_program_failure(
        capture(errors=(*TRACEBACK, *more), program_files=FILES, program=FOLDER)
    )
    assert failure.text == (
        "lib/helper.py, line 2, in fall: IndexError: list index out of range; "
        "line 2 is `return [][1]`"
    )
    assert name == "lib/helper.py" or f'"{name}"' not in failure.traceback


def test_a_compiled_module_names_the_function():
    more = ('  File "fast.py", line 9, in spin', "ZeroDivisionError: divide by zero")
    failure = find_program_failure(
        capture(errors=(*TRACEBACK, *more), program_files=FILES, program=FOLDER)
    )
    assert failure.text == "lib/fast.mpy, in spin: ZeroDivisionError: divide by zero"


def test_a_line_that_is_not_in_the_file_is_left_out():
    lines = (TRACEBACK[0], '  File "<string>", line 999999999999, in work', "KeyError: 7")
    failure = find_program_failure(capture(errors=lines, program_files=FILES, program=FOLDER))
    assert failure.text == "main.py, line 999999999, in work: KeyError: 7"


def test_lines_of_the_harness_are_not_those_of_the_program():
    lines = (
        TRACEBACK[0],
        '  File "<string>", line 62, in hil_execute',
        '  File "<program>", line 5, in work',
        '  File "<string>", line 1, in asked',
        "TypeError: unsupported types for __add__: 'str', 'int'",
    )
    failure = find_program_failure(capture(errors=lines, program_files=FILES, program=FOLDER))
    assert failure.text.startswith("main.py, line 5, in work: TypeError: ")
    assert failure.text.endswith("line 5 is `raise ValueError('no')`")
    assert failure.traceback.count("main.py") == 1


def test_a_program_that_needs_too_much_memory_is_told_what_its_text_takes():
    lines = (*TRACEBACK, "MemoryError: memory allocation failed, allocating 1904 bytes")
    text = find_program_failure(capture(errors=lines, program_files=FILES, program=FOLDER)).text
    size = len(SOURCE) + len(HELPER) + 4
    assert f"the text of the program's 3 files takes {size} bytes" in text
    alone = find_program_failure(capture(errors=lines, program_files=FILES[:1], program=FOLDER))
    assert "the text of" not in alone.text
