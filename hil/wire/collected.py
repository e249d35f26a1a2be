"""One channel's stamp frames as they come: unpacked a batch at a time, put in order at the end.

Unpacking at once keeps what was packed in the processor's cache, and needs no room for it: memory
is 8 bytes a stamp and some 40 a frame, however long the capture.
"""

from __future__ import annotations

from array import array

import numpy as np
from numpy.typing import NDArray

from hil.records import Gap, IntArray
from hil.wire.blocks import Block, decode_blocks
from hil.wire.faults import OnFault
from hil.wire.growing import GrowingArray

_BATCH = 256


class Collected:
    """Values of one channel in order of arrival, and where each of its frames said they belong."""

    def __init__(self) -> None:
        self._waiting: list[Block] = []
        self._values = GrowingArray()
        self._sizes, self._firsts = array("q"), array("q")
        self._arrivals, self._offsets = array("q"), array("q")
        self._bad: set[int] = set()

    def add(self, block: Block) -> None:
        """The next frame."""
        self._waiting.append(block)
        if len(self._waiting) == _BATCH:
            self._unpack()

    def first_used(self, keep: NDArray[np.bool_]) -> int | None:
        """Where in the stream the first frame of those in ``keep`` began; ``None`` without any."""
        self._unpack()
        places = np.flatnonzero(keep[np.array(self._arrivals, np.int64)])
        return self._offsets[int(places[0])] if places.size else None

    def in_order(
        self, name: str, keep: NDArray[np.bool_], fault: OnFault
    ) -> tuple[IntArray, tuple[Gap, ...], int]:
        """Values by index, where some are missing, and the index behind the last.

        ``keep`` flags the sound frames of the stream that are to be used. Of two frames that claim
        the same place only the first stays; ``fault`` is told, also of frames without digits.
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
        places = np.cumsum(sizes[used]) - sizes[used]
        gaps = tuple(Gap(int(places[at]), int(missing[at])) for at in np.flatnonzero(missing > 0))
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
        kept, end = [], 0
        for at in used.tolist():
            if firsts[at] < end:
                text = f"a block of {name[:40]!r} overlaps another one and is left out"
                fault("damaged", text, self._offsets[at])
                continue
            end = int(ends[at])
            kept.append(at)
        return np.array(kept, np.int64)

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
