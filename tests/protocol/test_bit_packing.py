"""Values of few bits in printable characters: they come back, and damage is flagged by row."""

import numpy as np
import pytest

from hil.protocol.bit_packing import pack, payload_size, unpack


@pytest.mark.parametrize("count", [1, 12, 13, 14, 511])
@pytest.mark.parametrize("width", [1, 2, 12, 13, 14, 16, 17, 26, 28])
def test_values_of_any_width_come_back(width, count):
    """In as many bytes as hold them: two up to 16 bits, else four."""
    values = np.random.default_rng(width).integers(0, 1 << width, (3, count))
    values[0, 0], values[1, -1] = (1 << width) - 1, (1 << width) - 1
    rows = [pack(row, width) for row in values]
    assert {len(row) for row in rows} == {payload_size(count, width)}
    got, sound = unpack(np.frombuffer(b"".join(rows), np.uint8).reshape(3, -1), count, width)
    assert (got == values).all()
    assert got.dtype == (np.uint16 if width <= 16 else np.uint32)
    assert sound.tolist() == [True, True, True]


@pytest.mark.parametrize("character", [b"\x00", b'"', b"~", b"\x7f", b"\xff"])
def test_a_row_with_what_is_no_digit_is_flagged_alone(character):
    good = pack(np.arange(20), 5)
    bad = good[:3] + character + good[4:]
    rows = np.frombuffer(good + bad + good, np.uint8).reshape(3, -1)
    got, sound = unpack(rows, 20, 5)
    assert sound.tolist() == [True, False, True]
    assert (got[[0, 2]] == np.arange(20)).all()


def test_a_word_beyond_13_bits_is_flagged():
    """Two digits hold up to 8280, a word no more than 8191."""
    words = np.frombuffer(b"$}" + b"%}" + b"}}", np.uint8).reshape(3, -1)
    assert unpack(words, 1, 13)[1].tolist() == [True, False, False]
