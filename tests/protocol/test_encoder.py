"""The reference encoder at its limits, and what the decoder makes of the ends of a stream."""

from itertools import combinations

import numpy as np
import pytest

from hil.protocol import frames
from hil.protocol.decoder import StreamDecoder, decode
from hil.protocol.encoder import StreamEncoder, encode_stamps, encode_text
from hil.protocol.stamp_blocks import parse_block


def blocks(values, **more):
    return [parse_block(line[1:-1], 0, 0) for line in encode_stamps(7, values, **more)]


@pytest.mark.parametrize(("outliers", "width"), [(0, 0), (90, 0), (91, 21)])
def test_up_to_ninety_values_are_exceptions(outliers, width):
    """Of 512 equal values some are 2**20 more: with 21 bits around the middle all fit."""
    values = np.full(512, 1000, np.int64)
    values[:outliers] += (1 << 20) - 1
    (block,) = blocks(values, order=0)
    assert (block.width, len(block.exceptions)) == (width, outliers if width == 0 else 0)
    assert block.channel == 7


@pytest.mark.parametrize(("step", "count"), [((1 << 28) - 1, 1), (1 << 28, 2), (-(1 << 28), 2)])
def test_a_block_of_differences_ends_before_one_of_2_to_the_28(step, count):
    parsed = blocks([5, 6, 6 + step, 7 + step])
    assert len(parsed) == count
    assert [block.first_index for block in parsed] == [0, 2][:count]
    assert [block.size for block in parsed] == ([4] if count == 1 else [2, 2])


def test_blocks_are_of_512_values_and_numbered_on():
    lines = encode_stamps(7, range(1025), sequence=4, first_index=10)
    parsed = [parse_block(line[1:-1], 0, 0) for line in lines]
    assert [(block.first_index, block.size) for block in parsed] == [
        (10, 512),
        (522, 512),
        (1034, 1),
    ]
    assert [frames.sequence_of(line[1:-1]) for line in lines] == [4, 5, 6]


def test_a_character_that_no_frame_holds_is_a_question_mark():
    line = encode_text("X", 0, [("t", "a~\x7f\x1f b}\u00e9")])
    assert frames.body_of(line[1:-1]) == b"t=a??? b}?"


def test_what_a_user_prints_stands_between_the_frames():
    encoder = StreamEncoder()
    encoder.text("R", n=1)
    encoder.raw(b"hello\n")
    encoder.text("R", n=2)
    got = decode(encoder.data)
    assert got.log == ("hello",)
    assert (got.frames, got.faults, got.received_bytes) == (2, (), len(encoder.data))


def test_stamps_are_counted_as_they_come():
    decoder = StreamDecoder()
    for line in encode_stamps(7, range(1300)):
        decoder.feed(line)
    assert decoder.stamps == 1300


@pytest.mark.parametrize("tail", [b"", b"abc", b"~"])
def test_every_byte_is_counted_the_unfinished_line_too(tail):
    data = frames.frame("R", 0, b"n=1") + tail
    assert decode(data).received_bytes == len(data)


def test_a_long_frame_may_still_come_behind_what_was_printed():
    """As much as 8192 characters of it wait; of one more nothing does."""
    for waiting, whole in ((frames.MAX_FRAME, True), (frames.MAX_FRAME + 1, False)):
        line = frames.frame("X", 0, b"t=" + b"x" * frames.MAX_FRAME)
        decoder = StreamDecoder()
        decoder.feed(b"printed" + line[:waiting])
        decoder.feed(line[waiting:])
        got = decoder.finish()
        assert (got.frames == 1) is whole
        assert got.log[0] == "printed"


def test_checks_of_different_frames_differ():
    """A frame that comes again with other content is told by the number made of its check."""
    lines = [frames.frame("R", 0, b"n=%d" % k) for k in range(40)]
    for first, second in combinations(lines, 2):
        (fault,) = decode(first + second).faults
        assert "came again with other content" in fault.detail
        assert (fault.kind, fault.offset) == ("duplicate", len(first))
    again = decode(frames.frame("R", 0, b"n=0") * 2).faults
    assert [(fault.kind, fault.detail) for fault in again] == [("duplicate", "frame 0 came twice")]


@pytest.mark.parametrize(
    ("body", "kind", "detail"),
    [
        (b"i=91;name=x;kind=ticks", "damaged", "channel index '91' is not 0..90"),
        (b"i=090;name=x;kind=ticks", "damaged", "channel index '090' is not 0..90"),
        (b"i=;name=x;kind=ticks", "damaged", "channel index '' is not 0..90"),
        (b"name=x;kind=ticks", "damaged", "channel index '' is not 0..90"),
        (b"i=-1;name=x;kind=ticks", "damaged", "channel index '-1' is not 0..90"),
        (b"i=5;name=x;kind=tock", "damaged", "channel 5 has no name or the unknown kind 'tock'"),
        (b"i=5;kind=ticks", "damaged", "channel 5 has no name or the unknown kind 'ticks'"),
        (b"i=1;name=y;kind=ticks", "duplicate", "channel 1 ('y') was announced before"),
        (b"i=2;name=one;kind=ticks", "duplicate", "channel 2 ('one') was announced before"),
    ],
)
def test_a_channel_that_can_not_be_is_named(body, kind, detail):
    first = frames.frame("C", 0, b"i=1;name=one;kind=slots")
    got = decode(first + frames.frame("C", 1, body))
    assert [(fault.kind, fault.detail, fault.offset) for fault in got.faults] == [
        (kind, detail, len(first))
    ]
    assert [(channel.index, channel.kind) for channel in got.channels.values()] == [(1, "slots")]


def test_the_last_channel_is_90():
    got = decode(frames.frame("C", 0, b"i=90;name=x;kind=value"))
    assert got.faults == ()
    assert got.channels["x"].index == 90


def test_stamps_of_a_channel_that_nobody_announced_are_left_out():
    (line,) = encode_stamps(4, [1, 2])
    got = decode(line)
    assert [(fault.kind, fault.detail, fault.offset) for fault in got.faults] == [
        ("incomplete", "stamps of channel 4, which was never announced, are left out", 0)
    ]
    assert got.channels == {}
