"""Bit packing with numpy: rows of ``w``-bit values to and from words of 13 bits.

A row is one least-significant-bit-first stream. Thirteen values of ``w`` bits fill exactly ``w``
words, so every group of thirteen has the same layout and one vector operation serves one column
of all groups of all rows at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hil.protocol.frames import WORD_BITS

Bytes = NDArray[np.uint8]
Residuals = NDArray[np.unsignedinteger[Any]]
_FIRST = 35
_BASE = 91
_NARROW = 16  # values of so many bits are put together in as many


def payload_size(count: int, width: int) -> int:
    """Characters that ``count`` values of ``width`` bits take."""
    return 2 * -(-count * width // WORD_BITS)


def unpack(characters: Bytes, count: int, width: int) -> tuple[Residuals, NDArray[np.bool_]]:
    """Rows of characters to rows of residuals.

    ``characters``: shape (rows, payload_size(count, width)), uint8; ``width`` 0..28.
    Returns residuals of shape (rows, count), uint16 where that holds them, else uint32, and one
    flag a row: all its characters were digits and all its words in range (a row without the flag
    is meaningless).
    """
    rows = characters.shape[0]
    if width == 0 or count == 0:
        return np.zeros((rows, count), np.uint16), np.ones(rows, np.bool_)
    groups = -(-count // WORD_BITS)
    pairs = np.ascontiguousarray(characters).view("<u2")
    words = np.empty((rows, groups * width), np.uint16)
    words[:, pairs.shape[1] :] = 0
    used = words[:, : pairs.shape[1]]
    np.right_shift(pairs, 8, out=used)
    used *= np.uint16(_BASE)
    used += pairs & np.uint16(0xFF)
    used -= np.uint16(_FIRST * (_BASE + 1))
    sound = _are_sound(characters, used)
    columns = np.ascontiguousarray(words.reshape(rows * groups, width).T)
    kind: type[np.uint16 | np.uint32] = np.uint16 if width <= _NARROW else np.uint32
    columns = columns.astype(kind, copy=False)
    values = np.empty((rows * groups, WORD_BITS), kind)
    for index in range(WORD_BITS):
        at, shift = divmod(index * width, WORD_BITS)
        value = columns[at] >> kind(shift)
        have = WORD_BITS - shift
        while have < width:
            at += 1
            value |= columns[at] << kind(have)
            have += WORD_BITS
        values[:, index] = value
    values &= kind((1 << width) - 1)
    return values.reshape(rows, groups * WORD_BITS)[:, :count], sound


def _are_sound(characters: Bytes, words: NDArray[np.uint16]) -> NDArray[np.bool_]:
    digits = characters - np.uint8(_FIRST)  # below the alphabet it wraps to a large value
    sound = np.ones(len(characters), np.bool_)
    if digits.max() >= _BASE or words.max() >> WORD_BITS:
        sound = (digits.max(axis=1) < _BASE) & (words.max(axis=1) < 1 << WORD_BITS)
    return sound


def pack(values: NDArray[np.int64], width: int) -> bytes:
    """One row of values of ``width`` bits, each 0..2**width - 1, as characters."""
    stream = 0
    for index, value in enumerate(values.tolist()):
        stream |= value << index * width
    out = bytearray()
    for _ in range(payload_size(len(values), width) // 2):
        high, low = divmod(stream & 0x1FFF, _BASE)
        out += bytes((_FIRST + low, _FIRST + high))
        stream >>= WORD_BITS
    return bytes(out)
