"""Heads of stamp frames at their limits: what can be is read, what can't be is named."""

import numpy as np
import pytest

from hil.protocol import frames
from hil.protocol.bit_packing import pack
from hil.protocol.decoder import decode
from hil.protocol.encoder import StreamEncoder, encode_stamps
from hil.protocol.frames import digit, number, snumber, word

NAMED = frames.frame("C", 0, b"i=3;name=x;kind=value")


def body(
    *,
    channel=3,
    order=0,
    count=2,
    first_index=0,
    width=4,
    exceptions=(),
    surplus=None,
    first=b"",
    base=10,
    payload=None,
    tail=b"",
):
    """Two values of four bits above ten: 11 and 15, unless told otherwise."""
    if payload is None:
        payload = pack(np.array([1, 5]), 4)
    return b"".join(
        (
            digit(channel),
            digit(order),
            word(count),
            number(first_index),
            digit(width),
            digit(len(exceptions) if surplus is None else surplus),
            first,
            snumber(base),
            payload,
            *(word(index) + snumber(high) for index, high in exceptions),
            tail,
        )
    )


def read(content):
    return decode(NAMED + frames.frame("S", 1, content))


def test_the_sound_block_is_read():
    got = read(body())
    assert got.faults == ()
    assert got.channels["x"].values.tolist() == [11, 15]


@pytest.mark.parametrize(
    ("values", "exceptions"),
    [([27, 15], [(0, 1)]), ([11, -1], [(1, -1)]), ([11 + (7 << 4), 15 - 32], [(0, 7), (1, -2)])],
)
def test_exceptions_add_what_is_above_the_width(values, exceptions):
    got = read(body(exceptions=exceptions))
    assert got.faults == ()
    assert got.channels["x"].values.tolist() == values


@pytest.mark.parametrize(
    ("more", "detail"),
    [
        ({"order": 2}, "order 2 is unknown"),
        ({"count": 0}, "a block of 0 values"),
        ({"count": 513}, "a block of 513 values"),
        ({"width": 29}, "a width of 29 bits"),
        ({"first_index": 1 << 48}, "an index is out of range"),
        ({"first_index": 1 << 63}, "a number is out of range"),
        ({"exceptions": [(1, 1), (0, 1)]}, "exceptions are out of place"),
        ({"exceptions": [(1, 1), (1, 1)]}, "exceptions are out of place"),
        ({"exceptions": [(2, 1)]}, "exceptions are out of place"),
        ({"exceptions": [(0, 1 << 58)]}, "an exception is out of range"),
        ({"exceptions": [(0, -(1 << 58) - 1)]}, "an exception is out of range"),
        ({"tail": b"#"}, "it has not the length it says"),
        ({"surplus": 1}, "a word is missing or malformed"),
        ({"payload": b"", "tail": b"#"}, "it has not the length it says"),
    ],
)
def test_a_block_that_can_not_be_is_named(more, detail):
    got = read(body(**more))
    assert [(fault.kind, fault.detail, fault.offset) for fault in got.faults] == [
        ("damaged", f"frame 1 (S) is malformed: {detail}", len(NAMED))
    ]
    assert got.channels["x"].values.tolist() == []


def test_a_block_that_ends_in_its_head_is_named():
    whole = body()
    for end in range(7):
        got = read(whole[:end])
        assert len(got.faults) == 1
        assert "malformed: " in got.faults[0].detail
    assert "it ends early" in read(whole[:5]).faults[0].detail
    assert "it ends early" in read(whole[:6]).faults[0].detail


def test_the_limits_themselves_are_read():
    got = read(body(first_index=(1 << 48) - 1))
    assert (got.faults, got.channels["x"].end_index) == ((), (1 << 48) + 1)
    got = read(body(exceptions=[(0, (1 << 58) - 1)]))
    assert got.faults == ()
    assert got.channels["x"].values.tolist() == [11 + (((1 << 58) - 1) << 4), 15]


@pytest.mark.parametrize("width", range(29))
@pytest.mark.parametrize("count", [1, 12, 13, 14, 512])
def test_every_width_and_size_comes_back(width, count):
    top = (1 << width) - 1
    values = [k * 0x9E3779B1 & top for k in range(count - 1)] + [top]
    packed = read(body(count=count, width=width, payload=pack_all(values, width)))
    assert packed.faults == ()
    assert packed.channels["x"].values.tolist() == [10 + value for value in values]


def pack_all(values, width):
    """13 bits a word, the least significant first, from one large number."""
    stream = sum(value << k * width for k, value in enumerate(values))
    words = -(-len(values) * width // 13)
    return b"".join(word(stream >> 13 * k & 0x1FFF) for k in range(words))


def test_a_word_of_the_payload_above_13_bits_is_damage():
    """8191 is the last of 13 bits; the alphabet goes to 8280."""
    assert read(body(payload=word(8191))).faults == ()
    got = read(body(payload=word(8192)))
    assert [fault.kind for fault in got.faults] == ["damaged"]
    assert got.channels["x"].values.tolist() == []


def test_many_blocks_of_mixed_shapes_come_back_in_order():
    """More than are unpacked at a time, those of one shape not always side by side."""
    encoder = StreamEncoder()
    encoder.text("C", i=3, name="x", kind="value")
    sent = []
    for block in range(200):
        part = [1000 * block + k * (1 + block % 3) for k in range(3 + block % 2)]
        encoder.stamps(3, part, order=block % 2, first_index=len(sent))
        sent += part
    got = decode(encoder.data)
    assert got.faults == ()
    assert got.channels["x"].values.tolist() == sent


def test_more_exceptions_than_a_frame_holds_are_several_frames():
    """No two of these are within 28 bits: of 400 all but one are exceptions, 90 at most fit."""
    values = [k << 30 for k in range(400)]
    lines = encode_stamps(3, values, sequence=1, order=0)
    assert len(lines) >= 400 / 91
    got = decode(NAMED + b"".join(lines))
    assert got.faults == ()
    assert got.channels["x"].values.tolist() == values
