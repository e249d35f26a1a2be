"""Stamp frames: the head of one block, many blocks unpacked at once, and their order.

Unpacking at once keeps what was packed in the processor's cache, and needs no room for it: memory
is 8 bytes a stamp and some 40 a frame, however long the capture.
"""

from __future__ import annotations

import contextlib
import mmap
import sys
from array import array
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hil.model.captures import Gap
from hil.protocol.bit_packing import payload_size, unpack
from hil.protocol.frames import (
    FIRST,
    MAX_BLOCK,
    MAX_EXCEPTIONS,
    MAX_WIDTH,
    read_number,
    read_snumber,
    read_word,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from hil.model.captures import IntArray
    from hil.protocol.frames import OnFault

_ROWS = 128  # blocks unpacked at a time: their arrays stay in the processor's cache
_MAX_INDEX = 1 << 48


class Block(NamedTuple):
    """One stamp frame, its payload still packed.

    ``first_index`` is the index of its first value in the channel; ``exceptions`` are
    (position among the residuals, amount to add) for the values that did not fit ``width`` bits.
    ``arrival`` is the frame's index among all sound frames of the stream.
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
        positions = [position for position, _ in exceptions]
        if positions != sorted(set(positions)) or positions[-1] >= residuals:
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

    ``out`` has as many elements as the blocks have values. Those of a block with a bad
    payload mean nothing.
    """
    starts = np.zeros(len(blocks) + 1, np.int64)
    np.cumsum([block.size for block in blocks], out=starts[1:])
    groups: defaultdict[tuple[int, int, int], list[int]] = defaultdict(list)
    for index, block in enumerate(blocks):
        groups[block.order, block.size, block.width].append(index)
    sizes = {size for _, size, _ in groups}
    table = out.reshape(len(blocks), -1) if len(sizes) == 1 else None
    bad: list[int] = []
    begins: list[int] = starts.tolist()
    for (order, count, width), members in groups.items():
        for at in range(0, len(members), _ROWS):
            some = members[at : at + _ROWS]
            first = begins[some[0]]
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
                    out[begins[index] : begins[index] + count] = row
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


_BATCH = 256


class Collected:
    """Values of one channel in order of arrival, and where each of its frames said they belong."""

    def __init__(self) -> None:
        self._waiting: list[Block] = []
        self._values = GrowingArray()
        self._sizes, self._firsts = array("q"), array("q")
        self._arrivals, self._offsets = array("q"), array("q")
        self._bad: set[int] = set()

    def copy(self) -> Collected:
        """As it is now, to go on by itself; the values are copied."""
        self._unpack()
        twin = Collected()
        twin._values.room(self._values.filled)[:] = self._values.seen
        twin._sizes, twin._firsts = self._sizes[:], self._firsts[:]
        twin._arrivals, twin._offsets = self._arrivals[:], self._offsets[:]
        twin._bad = set(self._bad)
        return twin

    def add(self, block: Block) -> None:
        """The next frame."""
        self._waiting.append(block)
        if len(self._waiting) == _BATCH:
            self._unpack()

    def first_used(self, keep: NDArray[np.bool_]) -> int | None:
        """Where in the stream the first frame of those in ``keep`` began; ``None`` without any."""
        self._unpack()
        indices = np.flatnonzero(keep[np.array(self._arrivals, np.int64)])
        return self._offsets[int(indices[0])] if indices.size else None

    def in_order(
        self, name: str, keep: NDArray[np.bool_], fault: OnFault
    ) -> tuple[IntArray, tuple[Gap, ...], int]:
        """Values by index, where some are missing, and the index behind the last.

        ``keep`` flags the sound frames of the stream that are to be used. Of two frames that claim
        the same position only the first stays; ``fault`` is told, also of frames without digits.
        Gives the values away: to be called once.
        """
        self._unpack()
        values = self._values.give()
        sizes, firsts = np.array(self._sizes, np.int64), np.array(self._firsts, np.int64)
        starts = np.cumsum(sizes) - sizes
        used = np.flatnonzero(keep[np.array(self._arrivals, np.int64)])
        used = used[np.argsort(firsts[used], kind="stable")]
        used = self._without_overlaps(name, used, firsts, firsts + sizes, fault)
        if self._bad:
            for at in used.tolist():
                if at in self._bad:
                    fault("damaged", f"a block of {name[:40]!r} has no digits", self._offsets[at])
            used = used[~np.isin(used, sorted(self._bad))]
        if not np.array_equal(used, np.arange(sizes.size)):
            parts = [values[starts[at] : starts[at] + sizes[at]] for at in used]
            values = np.concatenate([np.empty(0, np.int64), *parts])
        ends = firsts[used] + sizes[used]
        missing = firsts[used] - np.concatenate(([0], ends[:-1]))[: used.size]
        positions = np.cumsum(sizes[used]) - sizes[used]
        gaps = tuple(
            Gap(int(positions[at]), int(missing[at])) for at in np.flatnonzero(missing > 0)
        )
        return values, gaps, int(ends[-1]) if used.size else 0

    def _without_overlaps(
        self,
        name: str,
        used: NDArray[np.int64],
        firsts: NDArray[np.int64],
        ends: NDArray[np.int64],
        fault: OnFault,
    ) -> NDArray[np.int64]:
        if used.size < 2 or (firsts[used[1:]] >= ends[used[:-1]]).all():
            return used
        used_blocks, end = [], 0
        for at in used.tolist():
            if firsts[at] < end:
                text = f"a block of {name[:40]!r} overlaps another one and is left out"
                fault("damaged", text, self._offsets[at])
                continue
            end = int(ends[at])
            used_blocks.append(at)
        return np.array(used_blocks, np.int64)

    def _unpack(self) -> None:
        blocks, self._waiting = self._waiting, []
        if not blocks:
            return
        bad = decode_blocks(blocks, self._values.room(sum([block.size for block in blocks])))
        self._bad.update(len(self._sizes) + at for at in bad)
        self._sizes.extend([block.size for block in blocks])
        self._firsts.extend([block.first_index for block in blocks])
        self._arrivals.extend([block.arrival for block in blocks])
        self._offsets.extend([block.offset for block in blocks])


_GROWTH = 1 << 21
_LARGE = 1 << 19


@contextlib.contextmanager
def _out_of_memory() -> Iterator[None]:
    """A map that there is no room for is an ``OSError``; everybody expects a ``MemoryError``."""
    try:
        yield
    except OSError as error:
        raise MemoryError from error


class GrowingArray:
    """int64 values, one stretch behind the other."""

    def __init__(self) -> None:
        self._values: IntArray = np.empty(0, np.int64)
        self._filled = 0
        self._pages: mmap.mmap | None = None

    def room(self, count: int) -> IntArray:
        """The next ``count`` elements, to be filled now; a later call may move them."""
        end = self._filled + count
        if end > self._values.size:
            self._grow(end + min(end, _GROWTH))
        room = self._values[self._filled : end]
        self._filled = end
        return room

    @property
    def filled(self) -> int:
        """How many values there are."""
        return self._filled

    @property
    def seen(self) -> IntArray:
        """All values, to be read at once: whatever comes next may move them."""
        return self._values[: self._filled]

    def give(self) -> IntArray:
        """All values; the array is empty afterwards."""
        values = self._values[: self._filled]
        self._values, self._filled, self._pages = np.empty(0, np.int64), 0, None
        return values

    def _grow(self, size: int) -> None:
        """The system moves the pages of a large array, it does not copy them.

        On Linux they are asked for in large pages: touching small ones for the first time takes
        longer than decoding what goes there.
        """
        if sys.platform != "linux" or size < _LARGE:
            self._values.resize(size, refcheck=False)
            return
        size_bytes = 8 * size
        if self._pages is not None:
            self._values = np.empty(0, np.int64)  # a map that is looked at can't be moved
            with _out_of_memory():
                self._pages.resize(size_bytes)
            self._values = np.frombuffer(self._pages, np.int64)
            return
        kind = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        with _out_of_memory():
            self._pages = mmap.mmap(-1, size_bytes, flags=kind)
        with contextlib.suppress(OSError):  # a kernel without them
            self._pages.madvise(mmap.MADV_HUGEPAGE)
        values = np.frombuffer(self._pages, np.int64)
        values[: self._filled] = self._values[: self._filled]
        self._values = values
