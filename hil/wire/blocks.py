"""Stamp frames: the head of one block, and many blocks at once to one array of values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from hil.records import IntArray
from hil.wire.frames import (
    FIRST,
    MAX_BLOCK,
    MAX_EXCEPTIONS,
    MAX_WIDTH,
    read_number,
    read_snumber,
    read_word,
)
from hil.wire.packing import payload_size, unpack

_ROWS = 128  # blocks unpacked at a time: their arrays stay in the processor's cache
_MAX_INDEX = 1 << 48


class Block(NamedTuple):
    """One stamp frame, its payload still packed.

    ``first_index`` is the index of its first value in the channel; ``exceptions`` are
    (position among the residuals, amount to add) for the values that did not fit ``width`` bits.
    ``arrival`` is the frame's place among all sound frames of the stream.
    """

    channel: int
    order: int
    size: int
    first_index: int
    width: int
    first: int
    base: int
    payload: bytes
    exceptions: tuple[tuple[int, int], ...]
    arrival: int
    offset: int


def parse_block(content: bytes, arrival: int, offset: int) -> Block:
    """The block in sound content (type to check); ``ValueError`` says what is malformed."""
    body = content[:-6]
    first_index, at = read_number(body, 7)
    if len(body) < at + 2:
        raise ValueError("it ends early")
    channel, order, count = body[3] - FIRST, body[4] - FIRST, read_word(body, 5)
    width, surplus = body[at] - FIRST, body[at + 1] - FIRST
    if not 0 <= channel <= 90 or not 0 <= surplus <= MAX_EXCEPTIONS:
        raise ValueError("a character is no digit")
    if order not in (0, 1):
        raise ValueError(f"order {order} is unknown")
    if not 1 <= count <= MAX_BLOCK:
        raise ValueError(f"a block of {count} values")
    if not 0 <= width <= MAX_WIDTH:
        raise ValueError(f"a width of {width} bits")
    if first_index >= _MAX_INDEX:
        raise ValueError("an index is out of range")
    first, at = read_snumber(body, at + 2) if order else (0, at + 2)
    base, at = read_snumber(body, at)
    residuals = count - order
    end = at + payload_size(residuals, width)
    payload = body[at:end]
    exceptions: list[tuple[int, int]] = []
    if surplus:
        for _ in range(surplus):
            position = read_word(body, end)
            high, end = read_snumber(body, end + 2)
            exceptions.append((position, high << width))
        places = [position for position, _ in exceptions]
        if places != sorted(set(places)) or places[-1] >= residuals:
            raise ValueError("exceptions are out of place")
        if any(abs(amount) >> 62 for _, amount in exceptions):
            raise ValueError("an exception is out of range")
    if end != len(body):
        raise ValueError("it has not the length it says")
    return Block(
        channel,
        order,
        count,
        first_index,
        width,
        first,
        base,
        payload,
        tuple(exceptions),
        arrival,
        offset,
    )


def decode_blocks(blocks: Sequence[Block], out: IntArray) -> list[int]:
    """All values of ``blocks`` in their order into ``out``, int64; the indices of bad payloads.

    ``out`` has as many places as the blocks have values. What stands in those of a block with a bad
    payload is meaningless.
    """
    starts = np.zeros(len(blocks) + 1, np.int64)
    np.cumsum([block.size for block in blocks], out=starts[1:])
    groups: defaultdict[tuple[int, int, int], list[int]] = defaultdict(list)
    for index, block in enumerate(blocks):
        groups[block.order, block.size, block.width].append(index)
    sizes = {size for _, size, _ in groups}
    table = out.reshape(len(blocks), -1) if len(sizes) == 1 else None
    bad: list[int] = []
    places: list[int] = starts.tolist()
    for (order, count, width), members in groups.items():
        for at in range(0, len(members), _ROWS):
            some = members[at : at + _ROWS]
            first = places[some[0]]
            # neighbours are unpacked where they belong, others go there by one more pass
            neighbours = some[-1] - some[0] == len(some) - 1
            room = out[first : first + count * len(some)] if neighbours else None
            rows = (np.empty(count * len(some), np.int64) if room is None else room).reshape(
                -1, count
            )
            bad.extend(some[i] for i in _decode_rows([blocks[i] for i in some], order, width, rows))
            if neighbours:
                continue
            if table is not None:
                table[some] = rows
            else:
                for index, row in zip(some, rows, strict=True):
                    out[places[index] : places[index] + count] = row
    return sorted(bad)


def _decode_rows(blocks: Sequence[Block], order: int, width: int, rows: IntArray) -> Iterable[int]:
    """Blocks of one size into as many ``rows``; the indices of those with bad payloads."""
    residuals = rows.shape[1] - order
    characters = np.frombuffer(b"".join([block.payload for block in blocks]), np.uint8)
    packed, sound = unpack(characters.reshape(len(blocks), -1), residuals, width)
    bases = np.array([block.base for block in blocks], np.int64)
    most = np.iinfo(packed.dtype).max >> 1
    if width <= most.bit_length() and bases.min() >= 0 and bases.max() <= most:
        packed += bases.astype(packed.dtype)[:, None]  # much faster than a sum of two kinds
        rows[:, order:] = packed
    else:
        np.add(packed, bases[:, None], out=rows[:, order:])
    for index, block in enumerate(blocks):
        for position, amount in block.exceptions:
            rows[index, order + position] += amount
    if order:
        rows[:, 0] = [block.first for block in blocks]
        np.cumsum(rows, axis=1, out=rows)
    return np.flatnonzero(~sound).tolist()
