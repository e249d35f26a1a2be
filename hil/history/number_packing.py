"""JSON values in few bytes, and back: their structure and their fractions packed apart.

Format: one byte with the method (1: raw deflate with :data:`_WORDS`, 2: LZMA), then the compressed
bytes of: the length of the JSON text in 4 bytes, the text, in which each number with a fraction is
written ``0.0``, and those numbers in the order of the text. Many are equal, so each is new or a
reference to an earlier one; of the new ones short decimals are whole thousandths, the others are
doubles, byte planes apart. What comes out is what went in, to the last bit. Nothing in it is ever
executed, every length is checked, and unpacking is bounded.
"""

from __future__ import annotations

import json
import lzma
import struct
import zlib
from typing import TYPE_CHECKING

from hil.model.errors import CaptureError

if TYPE_CHECKING:
    from typing import Any

MOST_BYTES = 16_000_000
"""The most that unpacking gives."""
_DEFLATE, _LZMA = b"\x01", b"\x02"
# never changed: what was packed with other words can't be unpacked
_WORDS = (
    b'"callback/bound_method","critical/1000us","loopback/hard","loopback/soft","count","ppm",'
    b'["fail","undecided","pass","none"],"board","us",[0,0,1,1,2,2,3,3,4,4,5,5,6,6,7,7,8,8,9,9,10,'
    b"10,11,11,12,12],[0,1,0,1,0,1,0,1,0,1,0,1,0,1,0,1,0,1,0,1,0,1,0,1,0,1],null,null,null,null,"
    b"[0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0],"
)
_FILTERS = ({"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": 1 << 20, "pb": 0},)
_EXACT = 2.0**40
_THOUSANDTHS = 1000.0
_SAME, _DECIMAL, _DOUBLE = range(3)


def pack_json(value: Any) -> bytes:
    """``value`` in bytes: plain JSON, of which a fraction may also be NaN or infinite.

    Raises ``ValueError`` for what is too long to be unpacked again.
    """
    numbers: list[float] = []
    text = json.dumps(_skeleton(value, numbers), separators=(",", ":")).encode("ascii")
    raw = len(text).to_bytes(4, "little") + text + _pack_numbers(numbers)
    if len(raw) < 4096:
        return deflated(raw)
    return squeezed(raw)


def unpack_json(data: bytes) -> Any:
    """What :func:`pack_json` was given.

    Raises :class:`~hil.model.errors.CaptureError` for what is no packed value.
    """
    try:
        raw = expanded(data)
        size = int.from_bytes(raw[:4], "little")
        numbers = iter(_unpack_numbers(raw[4 + size :]))
        return json.loads(raw[4 : 4 + size], parse_float=lambda _: next(numbers))
    except (
        *(ValueError, TypeError, LookupError, StopIteration, RuntimeError, struct.error),
        *(RecursionError, OverflowError, MemoryError),
    ) as error:
        text = f"figures in the history are damaged: {str(error)[:80]}"
        raise CaptureError(text) from None


def deflated(raw: bytes) -> bytes:
    """Bytes in fewer, quickly read."""
    engine = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, _WORDS)
    return _DEFLATE + engine.compress(raw) + engine.flush()


def squeezed(raw: bytes) -> bytes:
    """Bytes in the fewest; ``ValueError`` for more than can be expanded again."""
    if len(raw) > MOST_BYTES:
        raise ValueError("a record is too long to be stored")
    return _LZMA + lzma.compress(raw, lzma.FORMAT_RAW, filters=_FILTERS)


def expanded(data: bytes) -> bytes:
    """What :func:`deflated` or :func:`squeezed` was given; ``ValueError`` for anything else."""
    method, packed = data[:1], data[1:]
    try:
        if method == _DEFLATE:
            inflater = zlib.decompressobj(-15, _WORDS)
            raw = inflater.decompress(packed, MOST_BYTES)
            whole = inflater.eof and not inflater.unconsumed_tail
        elif method == _LZMA:
            engine = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=_FILTERS)
            raw = engine.decompress(packed, MOST_BYTES)
            whole = engine.eof
        else:
            raise ValueError("of no known format; update hil")
    except (zlib.error, lzma.LZMAError) as error:
        raise ValueError(str(error)) from None
    if not whole:
        raise ValueError("too long or cut off")
    return raw


def _skeleton(value: Any, numbers: list[float]) -> Any:
    """``value`` with a zero in the position of each fraction, which goes to ``numbers``."""
    if isinstance(value, float):
        numbers.append(value)
        return 0.0
    if isinstance(value, dict):
        return {key: _skeleton(member, numbers) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_skeleton(member, numbers) for member in value]
    return value


def _pack_numbers(numbers: list[float]) -> bytes:
    positions: dict[bytes, int] = {}
    kinds = bytearray()
    back: list[int] = []
    decimals: list[int] = []
    doubles: list[bytes] = []
    for number in numbers:
        key = struct.pack("<d", number)  # -0.0 is another number than 0.0
        position = positions.get(key)
        if position is not None:
            kinds.append(_SAME)
            back.append(len(positions) - position)
            continue
        positions[key] = len(positions)
        whole = round(number * _THOUSANDTHS) if abs(number) < _EXACT else 0
        if struct.pack("<d", whole / _THOUSANDTHS) == key:
            kinds.append(_DECIMAL)
            decimals.append((whole << 1) ^ (whole >> 63))
        else:
            kinds.append(_DOUBLE)
            doubles.append(key)
    return b"".join(
        (
            len(numbers).to_bytes(4, "little"),
            bytes(kinds),
            _planes(struct.pack(f"<{len(back)}I", *back), 4),
            _planes(struct.pack(f"<{len(decimals)}Q", *decimals), 8),
            _planes(b"".join(doubles), 8),
        )
    )


def _planes(raw: bytes, width: int) -> bytes:
    """The values' bytes, all first ones, then all second ones, and so on."""
    return b"".join(raw[at::width] for at in range(width))


def _unpack_numbers(raw: bytes) -> list[float]:
    count = int.from_bytes(raw[:4], "little")
    kinds = raw[4 : 4 + count]
    same, decimal, double = (kinds.count(kind) for kind in (_SAME, _DECIMAL, _DOUBLE))
    ends = [4 + count]
    for size in (4 * same, 8 * decimal, 8 * double):
        ends.append(ends[-1] + size)
    if same + decimal + double != count or ends[-1] != len(raw):
        raise ValueError("of another length than it says")
    back = iter(struct.unpack(f"<{same}I", _unplaned(raw[ends[0] : ends[1]], 4)))
    folded = iter(struct.unpack(f"<{decimal}Q", _unplaned(raw[ends[1] : ends[2]], 8)))
    doubles = iter(struct.unpack(f"<{double}d", _unplaned(raw[ends[2] : ends[3]], 8)))
    seen: list[float] = []
    numbers: list[float] = []
    for kind in kinds:
        if kind == _SAME:
            position = len(seen) - next(back)
            if not 0 <= position < len(seen):
                raise ValueError("a reference to no number")
            numbers.append(seen[position])
            continue
        if kind == _DECIMAL:
            value = next(folded)
            number = ((value >> 1) ^ -(value & 1)) / _THOUSANDTHS
        else:
            number = next(doubles)
        seen.append(number)
        numbers.append(number)
    return numbers


def _unplaned(raw: bytes, width: int) -> bytes:
    count = len(raw) // width
    values = bytearray(len(raw))
    for at in range(width):
        values[at::width] = raw[at * count : (at + 1) * count]
    return bytes(values)
