"""The read loop, on a scripted link."""

import pytest

from hil.model.errors import BoardTimeoutError
from hil.protocol.encoder import encode_text
from hil.recording.capture_loop import run_capture
from hil.recording.interfaces import Deadline, Observer


class Script:
    """A link that sends what it is told, and more for each ping."""

    def __init__(self, *parts):
        self.parts = list(parts)
        self.sent = []

    def write(self, data):
        self.sent.append(data)
        self.parts.insert(0, encode_text("P", 1, [("n", len(self.sent)), ("rx", 1), ("tx", 2)]))

    def read(self, timeout_s):
        return self.parts.pop(0) if self.parts else b""


class Sink:
    def __init__(self):
        self.data = b""
        self.times = []
        self.pings = []

    def rx(self, data, host_ns):
        self.data += data
        self.times.append(host_ns)

    def ping(self, tx_ns, rx_ns):
        self.pings.append((tx_ns, rx_ns))


def run(*parts, overall_s=5.0, idle_s=0.05, **more):
    link, sink = Script(*parts), Sink()
    rest = run_capture(link, sink, Deadline(overall_s, idle_s), **more)
    return link, sink, rest


def test_every_byte_up_to_the_end_is_kept_and_what_follows_given_back():
    _, sink, rest = run(b"log\n~fra", b"me\nmore", b"\x04\x04>")
    assert sink.data == b"log\n~frame\nmore"
    assert rest == b"\x04>"
    assert sink.times == sorted(sink.times)


def test_pings_are_sent_when_asked_for_and_their_times_kept():
    link, sink, _ = run(encode_text("R", 0, [("n", 3)]), b"\x04")
    assert link.sent == [b"!"] * 3
    assert len(sink.pings) == 3
    for sent, received in sink.pings:
        assert sent <= received
        assert received in sink.times


def test_silence_says_what_was_expected_and_what_came():
    with pytest.raises(BoardTimeoutError, match=r"nothing came.*end of its output.*last words"):
        run(b"last words")


def test_a_board_that_never_ends_meets_the_overall_deadline():
    class Endless(Script):
        def read(self, timeout_s):
            return b"x" * 100

    with pytest.raises(BoardTimeoutError, match="not done after"):
        run_capture(Endless(), Sink(), Deadline(0.05, 0.05))


def test_the_observer_is_told_how_far_it_is():
    told = []

    class Told(Observer):
        def advance(self, elapsed_s, received_bytes):
            told.append((elapsed_s, received_bytes))

    class Slow(Script):
        def read(self, timeout_s):
            import time

            time.sleep(0.06)
            return super().read(timeout_s)

    run_capture(Slow(b"abc", b"de", b"\x04"), Sink(), Deadline(5.0, 5.0), observer=Told())
    assert [count for _, count in told] == [3, 5]


@pytest.mark.parametrize("drip", [b"x", b"temp=21.5\n", b"~Hx\n", b"\x00"])
def test_a_drip_of_something_else_keeps_no_capture_alive(drip):
    """The silence that is limited is the agent's: frames end it, other bytes do not."""

    class Dripping(Script):
        def read(self, timeout_s):
            return drip

    deadline = Deadline(5.0, 0.05)
    with pytest.raises(BoardTimeoutError, match="nothing came for"):
        run_capture(Dripping(), Sink(), deadline)
    assert deadline.elapsed_s < 2.5


def test_frames_in_pieces_keep_a_capture_alive():
    frame = encode_text("P", 1, [("n", 1), ("rx", 1), ("tx", 2)])

    class Slow(Script):
        def read(self, timeout_s):
            import time

            time.sleep(0.01)
            return super().read(timeout_s)

    pieces = [frame[k : k + 5] for _ in range(10) for k in range(0, len(frame), 5)]
    run_capture(Slow(*pieces, b"\x04"), Sink(), Deadline(60.0, 0.5))
