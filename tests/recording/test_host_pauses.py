"""Pauses of the host, from made-up clocks."""

import itertools
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from hil.model.captures import HOST_PAUSES, Capture
from hil.model.errors import BoardTimeoutError, CaptureError, HostSleptError
from hil.recording.capture_file import CaptureWriter
from hil.recording.capture_loop import CountingSink, follow_sources
from hil.recording.capture_reader import read_capture
from hil.recording.host_pauses import (
    BOARD_STOPPED,
    STOPPED,
    SUSPENDED,
    HostClocks,
    HostPause,
    HostTimes,
    PauseWatch,
    describe_pauses,
    host_sleep,
)
from hil.recording.interfaces import Deadline
from hil.recording.stopped_processes import any_stopped
from hil.recording.stored_run import CaptureStream, read_run
from hil.recording.validity import require_valid
from tools import synthetic_captures as synthetic

MS = 1_000_000
START = HostTimes(5_000 * MS, 700 * MS, 701 * MS, 40 * MS, 3 * MS)


def later(*, now=0, suspended=0, used=0, queued=0, start=START):
    """The clocks so many ms later."""
    return HostTimes(
        start.now + now * MS,
        start.suspended_least + suspended * MS,
        start.suspended_most + suspended * MS,
        start.used + used * MS,
        None if start.queued is None else start.queued + queued * MS,
    )


def pauses_seen(*times, waited_s=0.05, start=START):
    readings = iter((start, *times))
    watch = PauseWatch(lambda: next(readings))
    stood_s = [watch.look(waited_s) for _ in times]
    return [(round(p.length_ns / MS), p.kind == SUSPENDED) for p in watch.pauses], stood_s


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ({"now": 50}, []),
        ({"now": 2050}, [(2000, False)]),  # stopped
        ({"now": 2050, "used": 2000}, []),  # it ran itself
        ({"now": 2050, "queued": 2000}, []),  # a busy machine
        ({"now": 2050, "queued": 700, "used": 700}, [(600, False)]),
        ({"now": 540}, []),  # less than any board minds
        ({"now": 551}, [(501, False)]),
        ({"now": 40, "suspended": 9000}, [(8999, True)]),  # the clocks are read one by one
        ({"now": 40, "suspended": 400}, []),
        ({"now": 3050, "suspended": 9000}, [(11999, True)]),
    ],
)
def test_a_pause_is_what_neither_work_nor_waiting_explains(change, seen):
    assert pauses_seen(later(**change))[0] == seen


def test_where_the_host_does_not_tell_who_waited_only_a_long_pause_counts():
    unknown = replace(START, queued=None)
    assert pauses_seen(later(now=1400, start=unknown), start=unknown)[0] == []
    assert pauses_seen(later(now=2050, start=unknown), start=unknown)[0] == [(2000, False)]


def test_after_a_wait_of_unknown_length_only_a_suspended_host_shows():
    assert pauses_seen(later(now=60_000), waited_s=None)[0] == []
    assert pauses_seen(later(now=60_000, suspended=3000), waited_s=None)[0] == [(2999, True)]


def test_a_pause_is_told_once_and_how_long_the_process_stood():
    first = later(now=2050)
    seen, stood_s = pauses_seen(first, later(now=50, start=first))
    assert seen == [(2000, False)]
    assert stood_s == [2.0, 0.0]


def test_a_suspended_host_stops_no_deadline():
    assert pauses_seen(later(now=40, suspended=9000))[1] == [0.0]  # monotonic time stood still


def test_the_clocks_of_this_host_go_forward_and_their_file_is_closed():
    clocks = HostClocks()
    readings = [clocks.read() for _ in range(3)]
    clocks.close()
    for before, after in itertools.pairwise(readings):
        assert before.now <= after.now
        assert before.used <= after.used
        assert after.suspended_least - before.suspended_most < 100 * MS
    assert clocks.read().queued is None


def test_one_line_says_how_long_why_and_what_to_do():
    stopped = HostPause(0, 2000 * MS, STOPPED)
    assert "the host slept for 2 s during the capture: " in describe_pauses([stopped])
    assert "stopped, frozen or held up" in describe_pauses([stopped])
    both = describe_pauses([stopped, HostPause(0, 500 * MS, SUSPENDED)])
    assert "the host slept for 2.5 s in 2 pauses" in both
    assert "suspended; keep it awake" in both


def board_pauses(*states):
    """What is found where the board is looked at every 50 ms, and is stopped or not."""
    times = itertools.count(0, 50 * MS)
    stopped = iter(states)
    watch = PauseWatch(lambda: HostTimes(next(times), 0, 0, 0, 0), lambda: next(stopped))
    stood_s = [watch.look(0.05) for _ in states]
    assert stood_s == [0.0] * len(states)  # a board that stands still is waited for as any other
    return [(round(p.length_ns / MS), p.kind) for p in watch.pauses]


def test_a_board_that_was_stopped_alone_stood_still_from_when_it_was_last_seen_to_run():
    assert board_pauses(False, *[True] * 3, False, False) == [(200, BOARD_STOPPED)]
    twice = board_pauses(*[True] * 3, False, *[True] * 4, False)
    assert twice == [(200, BOARD_STOPPED), (250, BOARD_STOPPED)]
    assert board_pauses(False, False) == []


def test_the_moment_for_which_a_board_is_stopped_at_ctrl_c_is_no_pause():
    assert board_pauses(False, True, False, True, True, False) == []


def test_a_board_that_still_stands_still_is_told():
    assert board_pauses(False, *[True] * 5) == [(250, BOARD_STOPPED)]
    text = describe_pauses([HostPause(0, 2000 * MS, BOARD_STOPPED)])
    assert text.startswith("the board stood still for 2 s during the capture: its process")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_a_stopped_process_and_one_that_it_has_started():
    code = "import subprocess,sys; print(subprocess.Popen(['sleep','60']).pid, flush=True); input()"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        child = int(process.stdout.readline())
        try:
            assert not any_stopped(process.pid)
            for pid in (process.pid, child):
                os.kill(pid, signal.SIGSTOP)
                assert waited_for(lambda: any_stopped(process.pid))
                os.kill(pid, signal.SIGCONT)
                assert waited_for(lambda: not any_stopped(process.pid))
        finally:
            os.kill(child, signal.SIGKILL)
            process.kill()
    assert not any_stopped(process.pid)


def waited_for(condition):
    end = time.monotonic() + 10.0
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


class Clock:
    kind = "real"

    def __init__(self):
        self.ns = 0

    def now_ns(self):
        return self.ns


class Board:
    """Says something at each poll, the last time its end; the host stops before the second."""

    def __init__(self, clock, times):
        self.clock, self.times = clock, times

    def poll(self, timeout_s):
        step_ms = self.times.pop(0)
        self.clock.ns += step_ms * MS
        return bool(self.times)


class Nothing:
    def rx(self, data, host_ns): ...


def follow(times, *, watched):
    clock = Clock()
    sink, deadline = CountingSink(Nothing()), Deadline(5.0, 5.0, clock)
    watch = PauseWatch(lambda: HostTimes(clock.ns, 0, 0, 0, 0)) if watched else None
    follow_sources([Board(clock, times)], sink, deadline, watch=watch)
    return watch


def test_a_stopped_host_is_no_board_that_is_late():
    watch = follow([40, 60_000, 40, 40], watched=True)
    assert [round(p.length_ns / MS) for p in watch.pauses] == [59_950]
    with pytest.raises(BoardTimeoutError):
        follow([40, 60_000, 40, 40], watched=False)


def test_a_pause_is_seen_where_the_port_gives_up_first():
    class Impatient(Board):
        def poll(self, timeout_s):
            super().poll(timeout_s)
            raise BoardTimeoutError("the board answers too slowly")

    clock = Clock()
    watch = PauseWatch(lambda: HostTimes(clock.ns, 0, 0, 0, 0))
    sink = CountingSink(Nothing())
    with pytest.raises(BoardTimeoutError):
        follow_sources([Impatient(clock, [60_000])], sink, Deadline(5.0, 5.0, clock), watch=watch)
    assert [round(p.length_ns / MS) for p in watch.pauses] == [59_950]


def test_a_pause_at_the_very_end_is_seen():
    assert len(follow([40, 2000], watched=True).pauses) == 1


def sound() -> Capture:
    return synthetic.capture([np.zeros(20)])


def slept(capture: Capture, *pauses: HostPause) -> Capture:
    watch = PauseWatch(lambda: START)
    watch._pauses += pauses
    return replace(capture, values={HOST_PAUSES.stored: np.array(watch.numbers(), np.int64)})


def test_a_capture_during_which_the_host_slept_is_invalid_and_says_so():
    capture = sound()
    require_valid(capture)
    assert host_sleep(capture) is None
    invalid = slept(capture, HostPause(7, 2000 * MS, STOPPED))
    with pytest.raises(HostSleptError, match="the host slept for 2 s"):
        require_valid(invalid)
    failed = replace(invalid, errors=("error: the agent did not finish",))
    with pytest.raises(HostSleptError, match="; then: the agent did not finish"):
        require_valid(failed)


PAUSE = HostPause(7, 2000 * MS, STOPPED)


def stored(folder, *captures):
    folder.mkdir()
    for number, capture in enumerate(captures):
        path = folder / f"{number:03d}_x.hilcap"
        with CaptureWriter(path, capture.board, capture.plan) as writer:
            writer.rx(synthetic.encode(replace(capture, values={})), 1)
            if (numbers := capture.numbers(HOST_PAUSES)) is not None:
                writer.values(HOST_PAUSES.stored, numbers.tolist())
            writer.finish("ok")
    return folder


def test_a_board_can_not_say_that_the_host_slept(tmp_path):
    path = tmp_path / "0_x.hilcap"
    synthetic.store(path, slept(sound(), PAUSE))
    capture = read_capture(path)
    assert capture.numbers(HOST_PAUSES) is None
    require_valid(capture)


def test_a_stored_window_that_was_captured_again_counts_once(tmp_path):
    invalid = slept(sound(), PAUSE)
    folder = stored(tmp_path / "capture", invalid, sound())
    (capture,) = read_run(folder).captures
    require_valid(capture)
    assert [text.partition(" during")[0] for text in capture.set_aside] == [
        "the host slept for 2 s"
    ]
    stream = CaptureStream(folder)
    assert [c.set_aside for c in stream] == [capture.set_aside]
    assert stream.left_out == []


def test_a_host_that_slept_twice_leaves_no_capture_of_the_window(tmp_path):
    invalid = slept(sound(), PAUSE)
    run = read_run(stored(tmp_path / "capture", invalid, invalid))
    (case,) = run.cases
    assert case.checked()[0] is None
    assert len(run.captures) == 1


def test_two_sound_captures_of_a_window_are_refused(tmp_path):
    folder = stored(tmp_path / "capture", sound(), sound())
    with pytest.raises(CaptureError, match="two captures of"):
        read_run(folder)
    with pytest.raises(CaptureError, match="two captures of"):
        list(CaptureStream(folder))
