"""What a bad link does to a stream: never a wrong stamp, and a fault with its place."""

import random

import numpy as np
import pytest

from hil.protocol import frames
from hil.protocol.decoder import decode
from hil.protocol.encoder import StreamEncoder

STAMPS = [1000, 2003, 2999, 4001, 40_000, 41_000, 42_001, 43_000]


def encode() -> tuple[list[bytes], dict[str, dict[int, int]]]:
    """Frames of two channels, and what index has what value."""
    encoder = StreamEncoder()
    encoder.text("H", v=1, tp=1 << 30)
    encoder.text("C", i=0, name="a", kind="ticks")
    encoder.text("C", i=1, name="b", kind="slots")
    for at in (0, 4):
        encoder.stamps(0, STAMPS[at : at + 4], first_index=at)
        encoder.stamps(1, [-1, 7, 8, -1], first_index=at)
    encoder.text("E", status="ok")
    truth = {"a": dict(enumerate(STAMPS)), "b": dict(enumerate([-1, 7, 8, -1] * 2))}
    return encoder.data.splitlines(keepends=True), truth


LINES, TRUTH = encode()
STREAM = b"".join(LINES)


def by_index(channel) -> dict[int, int]:
    values = {}
    index = 0
    gaps = {gap.position: gap.count for gap in channel.gaps}
    for position, value in enumerate(channel.values.tolist()):
        index += gaps.get(position, 0)
        values[index] = value
        index += 1
    return values


def assert_only_true_stamps(got) -> int:
    count = 0
    for name, channel in got.channels.items():
        values = by_index(channel)
        assert values.items() <= TRUTH[name].items()
        count += len(values)
    return count


def test_the_stream_itself_is_whole():
    got = decode(STREAM)
    assert got.faults == ()
    assert assert_only_true_stamps(got) == 16


def test_cut_at_every_byte():
    ends = np.cumsum([len(line) for line in LINES]).tolist()
    for at in range(len(STREAM)):
        got = decode(STREAM[:at])
        assert_only_true_stamps(got)
        inside = at not in [0, *ends] and at + 1 not in ends  # without its newline it is whole
        assert [f.kind for f in got.faults] == (["truncated"] if inside else []), at
        if inside:
            assert got.faults[0].offset == max(end for end in [0, *ends] if end < at)


def test_every_bit_flipped_is_found_and_named():
    for at in range(len(STREAM)):
        for bit in range(8):
            damaged = bytearray(STREAM)
            damaged[at] ^= 1 << bit
            got = decode(bytes(damaged))
            stamps = assert_only_true_stamps(got)
            ended = got.texts and got.texts[-1].kind == "E"  # its absence is a fault of the capture
            whole = len(got.texts) == 4 and stamps == 16
            assert got.faults or not ended or whole, (at, bit)
            assert not whole or STREAM[at : at + 1] == b"\n", (at, bit)


@pytest.mark.parametrize("lost", range(len(LINES) - 1))
def test_a_lost_frame_is_missing_by_number_and_by_index(lost):
    got = decode(b"".join(LINES[:lost] + LINES[lost + 1 :]))
    assert_only_true_stamps(got)
    assert got.faults[0].kind == "missing"
    assert f"number {lost} on" in got.faults[0].detail
    assert got.faults[0].offset == sum(map(len, LINES[:lost]))
    if lost == 3:
        gap = got.channels["a"].gaps[0]
        assert (gap.position, gap.count) == (0, 4)


def test_damage_and_loss_side_by_side_are_told_apart():
    flipped = LINES[4].replace(b"~S", b"~S}", 1)
    got = decode(b"".join([*LINES[:4], flipped, *LINES[6:]]))
    kinds = [(f.kind, f.offset) for f in got.faults]
    at = sum(map(len, LINES[:4]))
    assert kinds == [("damaged", at), ("missing", at + len(flipped))]
    assert got.log == ()


def test_a_print_that_looks_like_a_frame_stays_a_print_where_nothing_is_lost():
    got = decode(b"".join([*LINES[:3], b"~Temperature=20 degrees\n", *LINES[3:]]))
    assert got.faults == ()
    assert got.log == ("~Temperature=20 degrees",)


def test_a_repeated_frame_counts_once():
    got = decode(b"".join([*LINES[:5], LINES[3], *LINES[5:]]))
    assert assert_only_true_stamps(got) == 16
    assert [(f.kind, f.offset) for f in got.faults] == [("duplicate", sum(map(len, LINES[:5])))]


def test_frames_out_of_order_find_their_place():
    got = decode(b"".join([*LINES[:3], LINES[5], LINES[6], LINES[3], LINES[4], LINES[7]]))
    assert got.faults == ()
    assert assert_only_true_stamps(got) == 16


def test_a_second_stream_behind_the_first_is_left_out():
    other = StreamEncoder()
    other.text("H", v=1, tp=1 << 30)
    other.text("C", i=0, name="a", kind="ticks")
    other.text("C", i=1, name="b", kind="slots")
    other.stamps(0, [5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])
    got = decode(b"".join(LINES[:5]) + other.data)
    assert assert_only_true_stamps(got) == 8
    assert [f.kind for f in got.faults] == ["duplicate"] * 4
    assert "another stream" in got.faults[-1].detail


def test_more_frames_than_the_sequence_has_numbers():
    encoder = StreamEncoder()
    encoder.text("C", i=0, name="a", kind="value")
    for index in range(9000):
        encoder.stamps(0, [index], order=0, first_index=index)
    got = decode(encoder.data)
    assert got.faults == ()
    assert got.channels["a"].values.tolist() == list(range(9000))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"#",
        b"##" + frames.word(0) + b"####",
        b"##" + frames.word(513) + b"####",
        b"#%" + frames.word(1) + b"####",
        b"##" + frames.word(1) + b"#A##",
        b"##" + frames.word(1) + b"}" + frames.word(1) * 90 + b"###",
        b"##" + frames.word(1) + b"(" + frames.word(8191) * 5 + b"###",
        b"##" + frames.word(1) + b"####extra",
        b"##" + frames.word(1) + b"###" + b"$" + b"#" + frames.word(1) + b"$$#",
        b"##" + frames.word(2) + b"##" + b"%" + b"#" + (frames.word(1) + b"$$#") * 2,
        b"##" + frames.word(1) + b"#$##" + b"  ",
        b"##" + frames.word(1) + b"#$##" + b"}}",
        b"##" + frames.word(1) + b"#########",
    ],
)
def test_a_block_that_lies_about_its_shape_is_damaged(body):
    stream = frames.frame("C", 0, b"i=0;name=a;kind=ticks") + frames.frame("S", 1, body)
    got = decode(stream)
    assert [f.kind for f in got.faults] == ["damaged"]
    assert len(got.channels["a"].values) == 0


def test_a_block_that_claims_a_huge_index_costs_no_memory():
    body = b"##" + frames.word(1) + frames.number(2**47) + b"##" + frames.snumber(1)
    got = decode(frames.frame("C", 0, b"i=0;name=a;kind=ticks") + frames.frame("S", 1, body))
    assert got.channels["a"].gaps[0].count == 2**47


@pytest.mark.parametrize(
    "text",
    [b"i=91;name=a;kind=ticks", b"i=x;name=a;kind=ticks", b"i=0;name=;kind=ticks",
     b"i=0;name=a;kind=odd", b"name=a;kind=ticks", b"i=0;i=1;name=a;kind=ticks", b"i"],
)  # fmt: skip
def test_a_malformed_announcement_is_damaged(text):
    got = decode(frames.frame("C", 0, text))
    assert [f.kind for f in got.faults] == ["damaged"]
    assert got.channels == {}


def test_stamps_of_a_channel_that_was_never_announced_are_left_out():
    encoder = StreamEncoder()
    encoder.stamps(5, [1, 2, 3])
    got = decode(encoder.data)
    assert got.channels == {}
    assert [f.kind for f in got.faults] == ["incomplete"]


def test_random_damage_never_yields_a_wrong_stamp():
    chance = random.Random(5)
    for _ in range(3000):
        data = bytearray(STREAM)
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(data))
            what = chance.randrange(4)
            if what == 0:
                data[at] = chance.randrange(256)
            elif what == 1:
                del data[at : at + chance.randint(1, 40)]
            elif what == 2:
                data[at:at] = bytes(data[at : at + chance.randint(1, 40)])
            else:
                data[at:at] = chance.randbytes(chance.randint(1, 40))
        assert_only_true_stamps(decode(bytes(data)))
