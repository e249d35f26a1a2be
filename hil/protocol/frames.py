"""One frame is one printable line: ``~`` type, sequence, body, CRC-32, newline.

The alphabet of numbers is the 91 characters ``#`` to ``}``; two of them, the low one first, make
a *word* that carries 13 bits. No character of a frame is a control character, and no tilde follows
the first one, so that a terminal, a REPL or a user's own ``print`` can share the line; the reasons
are in ``docs/decisions/0001-wire-format.md``.
"""

from __future__ import annotations

import re
import zlib
from array import array
from collections.abc import Callable
from struct import Struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MARK = b"~"
SEQUENCE_PERIOD = 91 * 91
WORD_BITS = 13
MAX_BLOCK = 512
MAX_EXCEPTIONS = 90
MAX_DIFFERENCE = 1 << 28
MAX_WIDTH = 28
MAX_FRAME = 8192
TEXT_KINDS = frozenset("HCDGTEPXRW")
KINDS = TEXT_KINDS | {"S"}
OVERHEAD = 9  # type, sequence and check: the shortest possible frame without its "~"
FIRST = 35
_BASE = 91
_MAX_NUMBER_WORDS = 5
_DIGITS = tuple(bytes((FIRST + value,)) for value in range(_BASE))
_WORDS = tuple(low + high for high in _DIGITS for low in _DIGITS)
_PAIR = Struct("<H")
_PAIRS = tuple(Struct(f"<{count}H") for count in range(_MAX_NUMBER_WORDS + 1))
# by the two characters as one little-endian number: the word's value, or what no word has
_VALUES = array("H", (SEQUENCE_PERIOD,)) * (1 << 16)
for _high in range(_BASE):
    _at = (FIRST + _high << 8) + FIRST
    _VALUES[_at : _at + _BASE] = array("H", range(_high * _BASE, (_high + 1) * _BASE))


def check(content: bytes) -> bytes:
    """The six check characters over type, sequence and body: zlib's CRC-32 as three words."""
    crc = zlib.crc32(content)
    return _WORDS[crc & 0x7FF] + _WORDS[crc >> 11 & 0x7FF] + _WORDS[crc >> 22]


def word(value: int) -> bytes:
    """Two characters for ``value`` in 0..8280."""
    return _WORDS[value]


def digit(value: int) -> bytes:
    """One character for ``value`` in 0..90."""
    return bytes((FIRST + value,))


def number(value: int) -> bytes:
    """A count of words, then that many words of 13 bits, the low one first; ``value`` >= 0."""
    words = []
    while value:
        words.append(_WORDS[value & 0x1FFF])
        value >>= WORD_BITS
    return digit(len(words)) + b"".join(words)


def snumber(value: int) -> bytes:
    """A :func:`number` of the zigzag code: 0, -1, 1, -2 … as 0, 1, 2, 3 …"""
    return number(2 * value if value >= 0 else -2 * value - 1)


def frame(kind: str, sequence: int, body: bytes) -> bytes:
    """One whole line."""
    content = kind.encode("ascii") + _WORDS[sequence % SEQUENCE_PERIOD] + body
    return MARK + content + check(content) + b"\n"


def is_sound(content: bytes) -> bool:
    """Whether ``content`` (what stands behind the ``~``) carries the right check characters."""
    return len(content) >= OVERHEAD and check(content[:-6]) == content[-6:]


def looks_like_frame(content: bytes) -> bool:
    """Whether text behind a ``~`` could be what is left of a frame of a known type."""
    return content[:1] != b"" and content[:1].decode("latin-1") in KINDS


def body_of(content: bytes) -> bytes:
    """The body of sound content, without type, sequence and check."""
    return content[3:-6]


def sequence_of(content: bytes) -> int:
    """The sequence number of sound content; -1 where the two characters are no word."""
    value = _VALUES[_PAIR.unpack_from(content, 1)[0]]
    return value if value < SEQUENCE_PERIOD else -1


def read_word(body: bytes, at: int) -> int:
    """The word at ``at``, 0..8280; ``ValueError`` where there is none."""
    value = _VALUES[_PAIR.unpack_from(body, at)[0]] if at + 2 <= len(body) else SEQUENCE_PERIOD
    if value == SEQUENCE_PERIOD:
        raise ValueError("a word is missing or malformed")
    return value


def read_number(body: bytes, at: int) -> tuple[int, int]:
    """The number at ``at``, 0..2**63 - 1, and the position after it; ``ValueError`` without it."""
    count = body[at] - FIRST if at < len(body) else -1
    if not 0 <= count <= _MAX_NUMBER_WORDS:
        raise ValueError("a number is missing or too long")
    value = shift = 0
    end = at + 1 + 2 * count
    if end > len(body):
        raise ValueError("a word of a number is missing, malformed or out of range")
    for pair in _PAIRS[count].unpack_from(body, at + 1):
        part = _VALUES[pair]
        if part >> WORD_BITS:
            raise ValueError("a word of a number is missing, malformed or out of range")
        value |= part << shift
        shift += WORD_BITS
    if value >> 63:
        raise ValueError("a number is out of range")
    return value, end


def read_snumber(body: bytes, at: int) -> tuple[int, int]:
    """The signed number at ``at``, within 2**62, and the position after it."""
    code, at = read_number(body, at)
    return (-(code >> 1) - 1 if code & 1 else code >> 1), at


def parse_fields(body: bytes, most: int = 256) -> dict[str, str]:
    """The ``key=value`` pairs of a text frame; ``ValueError`` for a piece without ``=``.

    There are at most ``most`` of them.

    The text of an error (``t=…``) runs to the end of the body, semicolons and all.
    """
    if not all(0x20 <= c < 0x7E for c in body):
        raise ValueError("a character is out of range")
    text = body.decode("ascii")
    if text.startswith("t="):
        return {"t": text[2:]}
    if text.count(";") > most:
        raise ValueError(f"more than {most} fields")
    fields: dict[str, str] = {}
    for piece in filter(None, text.split(";")):
        key, equals, value = piece.partition("=")
        if not equals or not key:
            raise ValueError(f"{piece[:40]!r} is not key=value")
        if key in fields:
            raise ValueError(f"{key[:40]!r} comes twice")
        fields[key] = value
    return fields


def pieces(line: bytes) -> Iterator[tuple[int, bytes]]:
    """Split one line (without its newline) at every ``~``: offset and text of each piece.

    The first piece is what stood before any ``~`` and may be empty; the others begin behind one.
    """
    at = 0
    for part in line.split(MARK):
        yield at, part
        at += len(part) + 1


_INTEGER = re.compile(r"-?[0-9]{1,19}\Z")


def integer_field(
    fields: Mapping[str, str], key: str, *, low: int = 0, high: int = (1 << 62) - 1
) -> int:
    """The integer of ``key``; ``ValueError`` where it is absent, malformed or out of range."""
    text = fields.get(key)
    if text is None:
        raise ValueError(f"{key} is missing")
    if not _INTEGER.match(text):
        raise ValueError(f"{key}={text[:40]!r} is not an integer")
    value = int(text)
    if not low <= value <= high:
        raise ValueError(f"{key}={value} is not between {low} and {high}")
    return value


def counter_fields(
    fields: Mapping[str, str], *, without: frozenset[str], limit: int = 200
) -> dict[str, int]:
    """All fields but those of ``without`` as counters; ``ValueError`` for one that is none."""
    keys = [key for key in fields if key not in without]
    if len(keys) > limit:
        raise ValueError(f"{len(keys)} counters are too many")
    return {key: integer_field(fields, key, low=-(1 << 62)) for key in keys}


OnFault = Callable[[str, str, int], None]
"""Called with kind, detail and the offset in the stream; see
:class:`hil.model.captures.CaptureIssue`."""
