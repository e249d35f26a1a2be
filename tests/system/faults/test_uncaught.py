"""Code that fails on the board without the agent's knowledge must not leave a figure behind."""

import pytest

from hil.model.errors import RemoteCodeError
from hil.protocol.device_log import MAX_LOG_CHARACTERS, uncaught_exceptions
from hil.recording.validity import require_valid

from .conftest import stream

TRACE = b'Traceback (most recent call last):\n  File "x", line 1, in f\nValueError: soft bug\n'


def test_the_sound_stream_is_sound(stored):
    require_valid(stored(stream()))


@pytest.mark.parametrize(
    "log",
    [
        TRACE,
        TRACE * 50,
        b"uncaught exception in Timer callback\n" + TRACE,
        b"Unhandled exception in thread started by <function f at 0x7f>\n" + TRACE,
        b"Task exception wasn't retrieved\nfuture: <Task> coro= <f>\n" + TRACE,
    ],
)
def test_an_exception_that_nobody_caught_is_an_error_that_names_it(stored, log):
    with pytest.raises(RemoteCodeError, match="ValueError: soft bug") as caught:
        require_valid(stored(stream(log=b"a print\n" + log + b"another\n")))
    assert 'File "x", line 1' in caught.value.traceback
    assert "print" not in caught.value.traceback
    assert "another" not in caught.value.traceback


def test_memory_that_ran_out_is_named_even_without_a_traceback(stored):
    with pytest.raises(RemoteCodeError, match="MemoryError"):
        require_valid(stored(stream(log=b"MemoryError: memory allocation failed\nother\n")))


def test_a_storm_of_prints_does_not_hide_it(stored):
    storm = b"x" * 400 + b"\n"
    log = storm * (MAX_LOG_CHARACTERS // 400 + 10) + TRACE + storm
    with pytest.raises(RemoteCodeError, match="ValueError: soft bug"):
        require_valid(stored(stream(log=log)))


@pytest.mark.parametrize("line", ["ValueError: printed", "File x", "a Traceback (most", ""])
def test_what_a_program_prints_is_no_exception(line):
    assert uncaught_exceptions(("before", line, "after")) == ()


def test_many_are_counted_and_the_first_is_shown():
    log = [line.decode() for line in TRACE.splitlines()]
    lines = uncaught_exceptions(log + [line.replace("soft", "later") for line in log] * 3)
    assert lines[-1] == "ValueError: soft bug"
    assert lines[-2] == "... (and 3 more like this)"


def test_a_traceback_without_end_is_cut():
    lines = uncaught_exceptions(
        ["Traceback (most recent call last):", *["  File x"] * 1000, "E: x"]
    )
    assert len(lines) < 25
    assert lines[-1] == "E: x"
