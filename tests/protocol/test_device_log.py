"""What a board prints: in order, harmless, bounded, and its tracebacks kept to the last."""

import pytest

from hil.model.printable import escaped_bytes
from hil.protocol.device_log import MAX_LOG_CHARACTERS, MAX_LOG_LINE, DeviceLog, uncaught_exceptions

TRACE = (b"Traceback (most recent call last):", b'  File "x", line 1', b"ValueError: y")


def shown(log, frames=()):
    return log.lines(lambda suspect: suspect in frames)


def full():
    """A log without room, and how many lines it has."""
    log = DeviceLog()
    lines = MAX_LOG_CHARACTERS // 400
    for _ in range(lines):
        log.add(b"x" * 399)
    return log, lines


def test_a_line_of_just_the_limit_is_whole_and_one_beyond_is_cut():
    log = DeviceLog()
    log.add(b"a" * MAX_LOG_LINE)
    log.add(b"b" * (MAX_LOG_LINE + 3))
    assert shown(log) == ("a" * MAX_LOG_LINE, "b" * MAX_LOG_LINE + " ... (3 more bytes)")


def test_suspects_that_were_frames_are_not_shown():
    log = DeviceLog()
    log.add(b"print")
    log.add(b"~S...", 0)
    log.add(b"~ tilde", 6)
    assert shown(log, frames=(0,)) == ("print", "~ tilde")


def test_without_room_only_tracebacks_go_on():
    log, lines = full()
    for line in (b"late", *TRACE, b"some chatter", b"  indented", *TRACE):
        log.add(line)
    printed = shown(log)
    trace = tuple(line.decode() for line in TRACE)
    assert printed[lines:] == (*trace, *trace, "... (3 more lines)")


def test_the_last_line_that_fits_is_kept():
    log = DeviceLog()
    log.add(b"x" * 100)
    for _ in range(MAX_LOG_CHARACTERS // 400 - 1):
        log.add(b"x" * 399)
    log.add(b"y" * 297)  # 1 character is left: this one goes over, the next does not go in
    log.add(b"z")
    log.add(b"w")
    printed = shown(log)
    assert printed[-2:] == ("z", "... (1 more lines)")


@pytest.mark.parametrize(("last", "traceback_lines"), [(163, 1), (164, 0)])
def test_the_reserve_for_tracebacks_ends(last, traceback_lines):
    """10,000 characters less 35 of the head and 49 lines of 200, newlines counted, are 165."""
    log, lines = full()
    log.add(TRACE[0])
    for _ in range(49):
        log.add(b"  " + b"f" * 197)
    log.add(b" " * last)
    for _ in range(50):
        log.add(b"  " + b"f" * 197)
    shown_lines = shown(log)
    assert shown_lines[lines] == TRACE[0].decode()
    assert len(shown_lines) == lines + 1 + 49 + traceback_lines + 1
    assert shown_lines[-1] == f"... ({51 - traceback_lines} more lines)"


def test_how_many_more_there_are_is_said_before_the_last_line():
    trace = [line.decode() for line in TRACE]
    assert uncaught_exceptions([*trace, "print", *trace, *trace]) == (
        *trace[:-1],
        "... (and 2 more like this)",
        trace[-1],
    )


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"plain \xc3\xa9", "plain é"),
        (b"a\x1b[2Jb", "a\\x1b[2Jb"),
        (b"tab\tbell\x07", "tab\tbell\\x07"),
        (b"\xff", "\\xff"),
        ("x\u202ey".encode(), "x\\u202ey"),
    ],
)
def test_what_a_terminal_acts_on_is_escaped(raw, text):
    assert escaped_bytes(raw) == text


def test_an_exception_has_what_it_happened_in_before_it():
    log = ["uncaught exception in Timer callback", *(line.decode() for line in TRACE), "print"]
    assert uncaught_exceptions(log) == tuple(log[:-1])


def test_what_is_no_head_of_a_traceback_ends_after_four_lines():
    log = ["unhandled exception in thread", "1", "2", "3", "4", "5"]
    assert uncaught_exceptions(log)[:4] == ("unhandled exception in thread", "1", "2", "3")
    assert "5" not in uncaught_exceptions(log)


def test_at_most_twenty_lines_and_the_last_are_shown():
    trace = [TRACE[0].decode(), *(f"  line {k}" for k in range(1, 30)), "ValueError: y"]
    assert uncaught_exceptions(trace) == (*trace[:20], "ValueError: y")


@pytest.mark.parametrize("more", [1, 2])
def test_one_more_is_counted_as_well(more):
    trace = [line.decode() for line in TRACE]
    assert uncaught_exceptions(trace * (1 + more))[-2] == f"... (and {more} more like this)"
    assert uncaught_exceptions(trace) == tuple(trace)


def test_memory_that_ran_out_is_a_line_of_its_own():
    assert uncaught_exceptions(["MemoryError: no", "other"]) == ("MemoryError: no",)


def test_ctrl_c_in_a_callback_is_the_harness_s_own():
    trace = [line.decode() for line in TRACE]
    interrupt = [*trace[:2], "KeyboardInterrupt: "]
    assert uncaught_exceptions(interrupt) == ()
    assert uncaught_exceptions([*interrupt, *trace, *interrupt]) == tuple(trace)
