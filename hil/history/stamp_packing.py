"""Stamps in few bytes, and back: the part of a capture that a database stores.

Format 1: zlib over a head (JSON, its length in 4 bytes before it) and columns of integers. A column
is written as differences from what is expected (a stamp from its grid, an index from the next one),
signed values folded (0, -1, 1, -2 …), in the fewest whole bytes that hold the largest, byte planes
apart. The head names each column with its length and width. Nothing in it is ever executed, every
length is checked, and unpacking is bounded. A task that was measured in several windows has a
column more, with the positions of their first stamps.

**Thinning.** More than :data:`MOST` stamps of a task are thinned to :data:`BLOCKS` contiguous
blocks of equal length, evenly spread from the first stamp to the last. Within a block nothing is
missing, so that the correlation of neighbours, the intervals and their changes stay what they were;
percentiles and root mean squares rest on fewer stamps and get wider bounds by themselves. What does
not survive thinning is never computed from thinned stamps: counts, extremes, and stability over
times longer than a block are stored as figures.
"""

from __future__ import annotations

import json
import math
import zlib
from typing import TYPE_CHECKING

import numpy as np

from hil.model.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hil.analysis.activations import BoolArray
    from hil.model.captures import IntArray

FORMAT = 1
MOST = 16_384
"""The most stamps of one task, series or set of events that are stored."""
BLOCKS = 16
_MOST_BYTES = 64 * MOST
_MOST_COLUMNS = 8
_MOST_INDEX, _MOST_US = 1 << 40, 1 << 60
_WIDTHS = (1, 2, 4, 8)


def block_indices(n: int, most: int = MOST, blocks: int = BLOCKS) -> IntArray:
    """Which of ``n`` stamps are stored: all, or evenly spread blocks of neighbours."""
    if n <= most:
        return np.arange(n, dtype=np.int64)
    size = most // blocks
    starts = np.linspace(0, n - size, blocks).astype(np.int64)
    indices: IntArray = (starts[:, None] + np.arange(size)).reshape(-1)
    return indices


def pack_stamps(
    stamps_us: IntArray,
    index: IntArray,
    joined: BoolArray,
    period_us: float,
    later_windows: Sequence[int] = (),
) -> tuple[bytes, int]:
    """A task's activations, at most :data:`MOST` of them; the bytes and how many they hold.

    ``stamps_us`` (n,) int64 from the grid's origin, ``index`` (n,) the releases that they answer,
    ``joined`` (n-1,) false where stamps between two neighbours are missing, ``later_windows`` the
    positions of the first stamps of windows after the first.
    """
    indices = block_indices(index.size)
    whole = np.concatenate(([True], joined)) if index.size else np.empty(0, np.bool_)
    unbroken = np.concatenate(([True], np.diff(indices) == 1)) if index.size else whole
    stored = index[indices]
    late = stamps_us[indices] - _grid(stored, period_us)
    columns = {
        "late": _steps(late),
        "index": _steps(stored - np.arange(stored.size)),
        "broken": np.flatnonzero(~(whole[indices] & unbroken)),
    }
    if later_windows:
        columns["window"] = np.searchsorted(indices, np.asarray(later_windows, np.int64))
    return _pack(columns), int(stored.size)


def unpack_stamps(
    data: bytes, period_us: float
) -> tuple[IntArray, IntArray, BoolArray, tuple[int, ...]]:
    """Stamps, index, ``joined`` and windows as :func:`pack_stamps` was given them, thinned.

    Raises :class:`~hil.model.errors.CaptureError` for what is no packed task.
    """
    columns = _unpack(data, ("late", "index", "broken"), ("window",))
    late, index = np.cumsum(columns["late"]), np.cumsum(columns["index"])
    if late.size != index.size:
        raise CaptureError("stamps in the history are damaged: lengths differ")
    index = index + np.arange(index.size)
    joined = np.ones(max(late.size - 1, 0), dtype=np.bool_)
    broken = columns["broken"]
    broken = broken[(broken > 0) & (broken < late.size)]
    joined[broken - 1] = False
    if not 0 < period_us < _MOST_US or (
        index.size and not 0 <= index.min() <= index.max() < _MOST_INDEX
    ):
        raise CaptureError("stamps in the history are damaged: releases that can't be")
    if late.size and np.abs(late).max() >= _MOST_US:
        raise CaptureError("stamps in the history are damaged: times that can't be")
    window = np.unique(columns["window"])
    window = window[(window > 0) & (window < late.size)]
    joined[window - 1] = False
    return late + _grid(index, period_us), index, joined, tuple(window.tolist())


def pack_values(values: IntArray) -> tuple[bytes, int]:
    """Latencies of one set of events (n,) int64 us, thinned like stamps."""
    stored = values[block_indices(values.size)]
    return _pack({"value": stored}), int(stored.size)


def unpack_values(data: bytes) -> IntArray:
    """What :func:`pack_values` was given; errors as for :func:`unpack_stamps`."""
    return _unpack(data, ("value",))["value"]


def _grid(index: IntArray, period_us: float) -> IntArray:
    grid: IntArray = np.floor(index * period_us).astype(np.int64)
    return grid


def _steps(values: IntArray) -> IntArray:
    return np.diff(values, prepend=np.int64(0))


def _pack(columns: Mapping[str, IntArray]) -> bytes:
    head, parts = [], []
    for name, values in columns.items():
        folded = (values << 1) ^ (values >> 63)
        bits = int(folded.view(np.uint64).max()).bit_length() if folded.size else 0
        width = next(width for width in _WIDTHS if bits <= 8 * width)
        raw = folded.view(np.uint64).astype(f"<u{width}")
        parts.append(raw.view(np.uint8).reshape(-1, width).T.tobytes())
        head.append([name, int(values.size), width])
    text = json.dumps(head).encode("ascii")
    return zlib.compress(len(text).to_bytes(4, "little") + text + b"".join(parts), 6)


def _unpack(
    data: bytes, wanted: tuple[str, ...], perhaps: tuple[str, ...] = ()
) -> dict[str, IntArray]:
    """The columns that are ``wanted``, and those that there are ``perhaps``, empty if not."""
    raw = raw_columns(data)
    try:
        size = int.from_bytes(raw[:4], "little")
        head = json.loads(raw[4 : 4 + size])
        if not isinstance(head, list) or len(head) > _MOST_COLUMNS:
            raise ValueError("a malformed head")
        columns: dict[str, IntArray] = {}
        at = 4 + size
        for name, count, width in head:
            if type(count) is not int or width not in _WIDTHS or not 0 <= count <= MOST:
                raise ValueError("a malformed column")
            part = raw[at : at + count * width]
            if len(part) != count * width:
                raise ValueError("a column is cut off")
            at += count * width
            planes = np.frombuffer(part, np.uint8).reshape(width, count).T
            folded = np.ascontiguousarray(planes).view(f"<u{width}").reshape(-1).astype(np.uint64)
            signed = (folded >> np.uint64(1)).view(np.int64)
            columns[str(name)] = signed ^ -((folded & np.uint64(1)).view(np.int64))
        none = np.empty(0, np.int64)
        return {
            **{name: columns[name] for name in wanted},
            **{name: columns.get(name, none) for name in perhaps},
        }
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        text = f"stamps in the history are damaged: {str(error)[:80]}"
        raise CaptureError(text) from None


def raw_columns(data: bytes) -> bytes:
    """The head and the columns of packed stamps, before they were compressed.

    Raises :class:`~hil.model.errors.CaptureError` for what is damaged or too long.
    """
    try:
        engine = zlib.decompressobj()
        raw = engine.decompress(data, _MOST_BYTES)
        if engine.unconsumed_tail or not engine.eof:
            raise ValueError("too long or cut off")
    except (ValueError, zlib.error) as error:
        text = f"stamps in the history are damaged: {str(error)[:80]}"
        raise CaptureError(text) from None
    return raw


def finite_or_none(value: float | None) -> float | None:
    """A number that every database takes."""
    return None if value is None or not math.isfinite(value) else float(value)
