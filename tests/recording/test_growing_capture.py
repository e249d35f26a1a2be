"""A capture that is still being taken."""

from __future__ import annotations

import pytest

from hil.analysis.summary import summarise_tasks
from hil.recording.growing_capture import GrowingCapture
from tools.synthetic_captures import STREAM_PERIOD_US, board, stream, stream_plan

N = 2000
PARTS = list(stream(N, tasks=2))


def grown(parts):
    growing = GrowingCapture(board(), stream_plan(N, tasks=2))
    for number, part in enumerate(parts):
        growing.feed(part, number)
    return growing


def test_nothing_has_come_yet():
    assert grown([]).so_far() == (None, ())
    assert grown(PARTS[:2]).so_far().capture is None


def test_every_task_ends_at_its_last_stamp_as_long_as_more_comes():
    growing = GrowingCapture(board(), stream_plan(N, tasks=2))
    seen = 0
    for number, part in enumerate(PARTS[:-4]):
        growing.feed(part, number)
        capture = growing.so_far().capture
        if capture is None:
            continue
        for track in capture.tracks:
            assert track.end_us == track.stamps_us[-1]
        figures = {(m.task, m.metric): m.value for m in summarise_tasks(capture)}
        assert figures[0, "missed"] == 0
        now = sum(track.stamps_us.size for track in capture.tracks)
        assert now >= seen
        seen = now
    assert seen > N


def test_at_its_end_it_is_the_capture_that_is_stored():
    so_far = grown(PARTS).so_far()
    assert so_far.warnings == ()
    assert [track.stamps_us.size for track in so_far.capture.tracks] == [N, N]
    assert so_far.capture.tracks[0].end_us >= (N - 1) * STREAM_PERIOD_US
    assert not so_far.capture.faults


def test_what_is_lost_or_printed_is_a_warning():
    parts = PARTS[:5] + PARTS[6:]
    parts.insert(4, b"Traceback (most recent call last):\n  File x\nValueError: \x1b[31mno\n")
    warnings = grown(parts).so_far().warnings
    assert any("frame" in text for text in warnings)
    assert any("ValueError" in text for text in warnings)
    assert not any("\x1b" in text for text in warnings)


@pytest.mark.parametrize("part", [b"", b"\xff" * 10_000, b"~S" * 5000, b"\n" * 1000])
def test_garbage_gives_no_figures_and_no_exception(part):
    growing = grown([part])
    growing.ping(1, 2)
    assert growing.so_far().capture is None
