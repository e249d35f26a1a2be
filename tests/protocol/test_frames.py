"""Frames as literals: these bytes are the format, on every board that was ever flashed with it."""

import zlib

import pytest

from hil.protocol import frames
from hil.protocol.decoder import StreamDecoder, decode
from hil.protocol.encoder import StreamEncoder

BEGIN = b"~H##v=1;tp=1073741824}/6'h,\n"
CHANNEL = b"~C$#i=0;name=task0;kind=ticks41q02'\n"
TOTALS = b"~T%#i=0;n=3;dropped=10"


def line(kind: str, sequence: int, body: bytes) -> bytes:
    return frames.frame(kind, sequence, body)


def test_a_text_frame_made_by_a_board_is_read():
    got = decode(BEGIN + CHANNEL)
    assert [(t.kind, dict(t.fields), t.offset) for t in got.texts] == [
        ("H", {"v": "1", "tp": "1073741824"}, 0),
        ("C", {"i": "0", "name": "task0", "kind": "ticks"}, len(BEGIN)),
    ]
    assert got.faults == ()
    assert got.log == ()
    assert list(got.channels) == ["task0"]


def test_check_is_the_crc_of_zlib_in_three_words():
    content = b"H##v=1;tp=1073741824"
    crc = zlib.crc32(content)
    digits = [c - 35 for c in frames.check(content)]
    low, middle, high = (digits[i] + 91 * digits[i + 1] for i in (0, 2, 4))
    assert low | middle << 11 | high << 22 == crc


def word_value(code: bytes) -> int | None:
    try:
        return frames.read_word(code, 0)
    except ValueError:
        return None


def test_two_characters_are_a_word_where_both_are_digits():
    digits = {character: character - 35 for character in range(35, 35 + 91)}
    for low in range(256):
        for high in range(256):
            both = low in digits and high in digits
            value = digits[low] + 91 * digits[high] if both else None
            assert word_value(bytes((low, high))) == value


@pytest.mark.parametrize(
    ("value", "code"),
    [(0, b"#"), (1, b"$$#"), (90, b"$}#"), (91, b"$#$"), (8191, b"$$}"), (8192, b"%##$#")],
)
def test_numbers(value, code):
    assert frames.number(value) == code
    assert frames.read_number(code, 0) == (value, len(code))


@pytest.mark.parametrize("value", [0, -1, 1, 4095, 4096, -4096, 2**30 - 1, -(2**30), 2**60])
def test_signed_numbers_come_back(value):
    assert frames.read_snumber(frames.snumber(value), 0)[0] == value


def test_stamps_as_literal_bytes():
    # channel 0, order 1, 4 values from index 7: 1000 then +10 +11 +9; width 2 around the median
    body = b"#$" + frames.word(4) + b"$*#" + b"%#" + frames.snumber(1000) + frames.snumber(8)
    body += frames.word(2 | 3 << 2 | 1 << 4)
    got = decode(line("C", 0, b"i=0;name=x;kind=ticks") + line("S", 1, body))
    assert got.faults == ()
    assert got.channels["x"].values.tolist() == [1000, 1010, 1021, 1030]
    assert [(g.position, g.count) for g in got.channels["x"].gaps] == [(0, 7)]
    assert got.channels["x"].end_index == 11


def test_an_exception_adds_its_high_part_of_either_sign():
    # order 0, width 1, base 5: payload bits 1 0 1; position 0 gets -2 << 1, position 2 gets 9 << 1
    body = b"##" + frames.word(3) + b"#" + b"$%" + frames.snumber(5) + frames.word(0b101)
    body += frames.word(0) + frames.snumber(-2) + frames.word(2) + frames.snumber(9)
    got = decode(line("C", 0, b"i=0;name=x;kind=value") + line("S", 1, body))
    assert got.channels["x"].values.tolist() == [5 + 1 - 4, 5, 5 + 1 + 18]


def test_carriage_returns_before_the_newline_are_taken_off():
    stream = (BEGIN + CHANNEL).replace(b"\n", b"\r\n") + b"hello\r\n"
    got = decode(stream)
    assert len(got.texts) == 2
    assert got.faults == ()
    assert got.log == ("hello",)


def test_prints_between_and_in_front_of_frames_are_the_log_in_order():
    got = decode(b"first\n\nab" + BEGIN + b"second ~ tilde ~Huh? ~\n" + CHANNEL + b"last")
    assert [t.kind for t in got.texts] == ["H", "C"]
    assert got.log == ("first", "", "ab", "second ", "~ tilde ", "~Huh? ", "~", "last")
    assert got.faults == ()


def test_two_frames_on_one_line_are_both_read():
    got = decode(BEGIN.removesuffix(b"\n") + CHANNEL)
    assert [t.kind for t in got.texts] == ["H", "C"]
    assert got.faults == ()


def test_control_characters_in_the_log_are_escaped():
    assert decode(b"\x1b[31mred\x07 \xff caf\xc3\xa9\n").log == ("\\x1b[31mred\\x07 \\xff café",)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_any_division_of_the_stream_gives_the_same(size):
    encoder = StreamEncoder()
    encoder.text("C", i=0, name="x", kind="ticks")
    encoder.raw(b"a print")
    encoder.stamps(0, range(0, 5000, 5))
    whole = decode(encoder.data)
    decoder = StreamDecoder()
    for at in range(0, len(encoder.data), size):
        decoder.feed(encoder.data[at : at + size])
    parts = decoder.finish()
    assert parts.texts == whole.texts
    assert parts.log == whole.log == ("a print",)
    assert parts.channels["x"].values.tolist() == list(range(0, 5000, 5))


def test_a_line_without_end_does_not_grow():
    decoder = StreamDecoder()
    for _ in range(200):
        decoder.feed(b"x" * 10_000)
    assert len(decoder._rest) <= frames.MAX_FRAME
    decoder.feed(BEGIN)
    got = decoder.finish()
    assert [t.kind for t in got.texts] == ["H"]
    assert got.log[0].startswith("xxxx")
    assert sum(map(len, got.log)) < 150_000
    assert got.received_bytes == 2_000_000 + len(BEGIN)


def test_the_log_is_bounded():
    decoder = StreamDecoder()
    for _ in range(100):
        decoder.feed(b"y" * 99 + b"\n" + b"z\n" * 50_000)
    log = decoder.finish().log
    assert sum(map(len, log)) < 5_000_000
    assert "more lines" in log[-1]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"a=}", {"a": "}"}),
        (b"a= ", {"a": " "}),
        (b"a=~", None),
        (b"a=\x1f", None),
        (b"a=\xff", None),
    ],
)
def test_fields_are_of_printable_characters_that_begin_no_frame(body, fields):
    if fields is None:
        with pytest.raises(ValueError):  # noqa: PT011 - its text is that of the fault
            frames.parse_fields(body)
    else:
        assert dict(frames.parse_fields(body)) == fields
