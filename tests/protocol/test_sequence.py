"""Sequence numbers of frames as they came: what is lost, repeated or of another stream."""

import numpy as np
import pytest

from hil.protocol.decoder import StreamDecoder, decode
from hil.protocol.encoder import encode_stamps, encode_text
from hil.protocol.frame_sequence import Loss, check_sequence
from hil.protocol.frames import SEQUENCE_PERIOD, check, frame


def checked(numbers, checks=None):
    numbers = np.array(numbers, np.int64)
    return check_sequence(numbers, numbers if checks is None else np.array(checks, np.int64))


def test_nothing_is_sound():
    order = checked([])
    assert (order.keep.tolist(), order.losses, order.repeated, order.conflict) == ([], (), (), None)


@pytest.mark.parametrize(
    ("numbers", "losses"),
    [
        ([0, 1, 2], ()),
        ([3, 4], (Loss(0, 3, -1, 0),)),
        ([0, 1, 5, 6, 8], (Loss(2, 3, 1, 2), Loss(7, 1, 3, 4))),
        ([0, 3, 2, 6], (Loss(1, 1, 0, 2), Loss(4, 2, 1, 3))),
        ([1, 0], ()),
        ([SEQUENCE_PERIOD // 2 - 1, SEQUENCE_PERIOD - 2, 1],
         (Loss(0, 4139, -1, 0), Loss(4140, 4139, 0, 1), Loss(8280, 2, 1, 2))),
    ],
)  # fmt: skip
def test_what_is_lost_has_its_place(numbers, losses):
    order = checked(numbers)
    assert order.losses == losses
    assert order.keep.all()
    assert (order.repeated, order.conflict) == ((), None)


def test_a_frame_that_came_twice_is_used_once():
    order = checked([0, 1, 1, 0, 2])
    assert order.keep.tolist() == [True, True, False, False, True]
    assert (order.repeated, order.losses, order.conflict) == ((2, 3), (), None)


def test_from_the_first_conflict_on_nothing_is_used():
    """The second frame 2 has another check; that of 0 behind it is of the other stream too."""
    order = checked([0, 2, 0, 2, 9, 0], [10, 12, 10, 99, 19, 77])
    assert order.conflict == 3
    assert order.keep.tolist() == [True, True, False, False, False, False]
    assert order.repeated == (2,)
    assert order.losses == (Loss(1, 1, 0, 1),)


def frames(*numbers):
    return [frame("R", number, b"n=%d" % number) for number in numbers]


def said(data):
    return [(fault.kind, fault.detail, fault.offset) for fault in decode(data).faults]


def test_each_loss_is_said_where_the_next_frame_begins():
    sent = frames(0, 1, 2, 4, 7)
    starts = np.cumsum([0, *map(len, sent)]).tolist()
    assert said(b"".join(sent)) == [
        ("missing", "1 frame lost from number 3 on", starts[3]),
        ("missing", "2 frames lost from number 5 on", starts[4]),
    ]


def test_of_three_frames_lost_one_is_seen_damaged():
    first, bad, last = frames(0, 2, 4)
    bad = bad.replace(b"n=2", b"n=3")
    assert said(first + bad + last) == [
        ("damaged", "a frame has a wrong checksum", len(first)),
        ("missing", "2 frames lost from number 1 on", len(first + bad)),
    ]


@pytest.mark.parametrize("length", [1, 5, 12])
def test_a_stream_that_ends_inside_a_frame_says_so(length):
    first, last = frames(0, 1)
    assert said(first + last[:length]) == [
        ("truncated", "the stream ends inside a frame", len(first))
    ]
    assert said(first + b"text" + last[:length]) == [
        ("truncated", "the stream ends inside a frame", len(first) + 4)
    ]
    assert decode(first + b"text" + last[:length]).log == ("text",)
    assert decode(first + last[:length]).log == ()


def test_behind_the_end_of_a_capture_nothing_is_missing():
    end = frame("E", 0, b"status=ok")
    assert said(end + b"~R##n=") == []


def test_a_frame_without_a_sequence_number_says_so():
    """Sound by its check, but no digit is below ``#``."""
    content = b"R!!n=1"
    assert said(b"~" + content + check(content) + b"\n") == [
        ("damaged", "a frame has no sequence number", 0)
    ]


@pytest.mark.parametrize("numbers", [[], [0], [0, 2, 2], [1, 0]])
def test_the_frames_to_use_are_flags(numbers):
    assert checked(numbers).keep.dtype == np.bool_


def test_a_damaged_last_frame_is_named_where_no_end_followed():
    first, bad = frames(0, 1)
    bad = bad.replace(b"n=1", b"n=2")
    assert said(first + bad) == [("damaged", "a frame has a wrong checksum", len(first))]


def test_more_than_a_thousand_faults_are_counted():
    sent = frames(*range(0, 2 * 1003, 2))
    faults = said(b"".join(sent))
    assert len(faults) == 1001
    assert faults[-1] == ("damaged", "and 2 more faults", -1)


def test_what_came_so_far_is_what_the_stream_would_be_if_it_ended_there():
    lines = [
        encode_text("H", 0, [("v", 1), ("tp", 1 << 30), ("tasks", 1)]),
        encode_text("C", 1, [("i", 0), ("name", "task0"), ("kind", "ticks")]),
        *encode_stamps(0, range(0, 3_000_000, 1000), sequence=2, block=50),
        b"a line of its own\n",
    ]
    stream = b"".join(lines)
    decoder = StreamDecoder()
    for at in range(0, len(stream), 997):
        decoder.feed(stream[at : at + 997])
        so_far, ended = decoder.so_far(), decode(stream[: at + 997])
        for own, other in ((so_far, ended), (decoder.so_far(), ended)):
            assert own.texts == other.texts
            assert (own.log, own.faults, own.frames) == (other.log, other.faults, other.frames)
            for name, channel in other.channels.items():
                assert own.channels[name].values.tolist() == channel.values.tolist()
                assert own.channels[name].gaps == channel.gaps
    whole = decoder.finish()
    assert whole.channels["task0"].values.tolist() == list(range(0, 3_000_000, 1000))
