"""What comes while a window is open, decoded and shown by a thread of its own."""

from __future__ import annotations

from hil.cli import live_watch
from hil.cli.live_watch import StreamedWindow
from hil.protocol.encoder import StreamEncoder
from hil.recording.growing_capture import GrowingCapture
from hil.report.live_state import LiveBoard, LiveState
from tools.synthetic_captures import board, stream, stream_plan

N = 4000
PARTS = list(stream(N, tasks=2))


class Shown:
    def __init__(self):
        self.count = 0

    def show(self):
        self.count += 1

    def close(self):
        pass


def followed(parts):
    live = LiveBoard(LiveState("b", "timer_hard", "idle", 1000.0, 4.0))
    view = Shown()
    window = StreamedWindow(GrowingCapture(board(), stream_plan(N, tasks=2)), [], live, view)
    for number, part in enumerate(parts):
        window.rx(part, number)
        window.ping(number, number + 1)
        window.advance(number / 10, len(part))
    window.close()
    assert view.count
    return live.state


def test_all_that_came_is_in_the_last_state():
    state = followed(PARTS)
    assert state.phase == "over"
    assert state.stamps == 2 * N
    assert state.warnings == ()
    assert [task.n for task in state.figures.tasks] == [N, N]


def test_what_the_line_loses_is_counted_and_told():
    stamps = [number for number, part in enumerate(PARTS) if part.startswith(b"~S")]
    parts = [part for number, part in enumerate(PARTS) if number != stamps[2]]
    state = followed(parts)
    assert any("stamps are lost" in text for text in state.warnings)
    assert sum(task.figures["dropped"].value for task in state.figures.tasks) > 0


def test_a_board_that_says_nothing_is_a_warning(monkeypatch):
    monkeypatch.setattr(live_watch, "_SILENT_S", -1.0)
    state = followed(PARTS[:4])
    assert any("nothing has come from the board" in text for text in state.warnings)


def test_a_stream_of_something_else_has_no_figures():
    encoder = StreamEncoder()
    encoder.raw(b"\x00\xff garbage\n" * 100)
    state = followed([encoder.data])
    assert state.stamps == 0
    assert state.figures.tasks == ()
