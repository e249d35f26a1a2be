"""The reference encoder: what a board would send, for tests, synthetic captures and comparisons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hil.protocol import frames
from hil.protocol.bit_packing import pack

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hil.model.captures import IntArray


class StreamEncoder:
    """Numbers frames from 0 and collects them in :attr:`data`."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.sequence = 0

    @property
    def data(self) -> bytes:
        """All frames so far."""
        return b"".join(self._parts)

    def raw(self, data: bytes) -> None:
        """Anything else that shares the line, a print for example."""
        self._parts.append(data)

    def text(self, kind: str, /, **fields: int | str) -> None:
        """A frame of ``key=value`` pairs."""
        self._parts.append(encode_text(kind, self.sequence, fields.items()))
        self.sequence += 1

    def stamps(
        self,
        channel: int,
        values: Sequence[int] | IntArray,
        *,
        order: int = 1,
        first_index: int = 0,
    ) -> None:
        """Values of a channel in as many frames as it takes."""
        for line in encode_stamps(
            channel, values, sequence=self.sequence, order=order, first_index=first_index
        ):
            self._parts.append(line)
            self.sequence += 1


def encode_text(kind: str, sequence: int, fields: Iterable[tuple[str, int | str]]) -> bytes:
    """One text frame; characters that a frame can't hold become ``?``."""
    text = ";".join(f"{key}={value}" for key, value in fields)
    body = bytes(ord(c) if " " <= c <= "}" else ord("?") for c in text)
    return frames.frame(kind, sequence, body)


def encode_stamps(
    channel: int,
    values: Sequence[int] | IntArray,
    *,
    sequence: int = 0,
    order: int = 1,
    first_index: int = 0,
    block: int = frames.MAX_BLOCK,
) -> list[bytes]:
    """Stamp frames of one channel, numbered from ``sequence`` on.

    ``values``: int64 within 2**60; order 1 packs differences, order 0 the values themselves.
    """
    stamps = np.asarray(values, np.int64)
    lines: list[bytes] = []
    at = 0
    while at < len(stamps):
        part = stamps[at : at + block]
        if order:
            far = np.flatnonzero(np.abs(np.diff(part)) >= frames.MAX_DIFFERENCE)
            if len(far):
                part = part[: far[0] + 1]
        body, taken = _body(channel, part, order, first_index + at)
        lines.append(frames.frame("S", sequence + len(lines), body))
        at += taken
    return lines


def _body(channel: int, part: IntArray, order: int, first_index: int) -> tuple[bytes, int]:
    while True:
        residuals = np.diff(part) if order else part
        width, base, outside = _layout(residuals)
        if len(outside) <= frames.MAX_EXCEPTIONS:
            break
        part = part[: len(part) // 2]
    distances = residuals - base
    body = [
        frames.digit(channel),
        frames.digit(order),
        frames.word(len(part)),
        frames.number(first_index),
        frames.digit(width),
        frames.digit(len(outside)),
        frames.snumber(int(part[0])) if order else b"",
        frames.snumber(base),
        pack(distances & ((1 << width) - 1), width),
    ]
    for position in outside.tolist():
        body += [frames.word(position), frames.snumber(int(distances[position]) >> width)]
    return b"".join(body), len(part)


def _layout(residuals: IntArray) -> tuple[int, int, IntArray]:
    # the width with the fewest characters for residuals around their median
    if len(residuals) == 0:
        return 0, 0, np.empty(0, np.int64)
    centre = int(np.sort(residuals)[len(residuals) // 2])
    layouts = []
    for width in range(frames.MAX_WIDTH + 1):
        base = centre - (1 << width >> 1)
        distances = residuals - base
        outside = np.flatnonzero((distances < 0) | (distances >= 1 << width))
        size = 2 * len(residuals) * width / frames.WORD_BITS + 6 * len(outside)
        layouts.append((len(outside) > frames.MAX_EXCEPTIONS, size, width, base, outside))
    _, _, width, base, outside = min(layouts, key=lambda layout: layout[:2])
    return width, base, outside
