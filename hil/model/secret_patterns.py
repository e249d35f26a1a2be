"""How a secret may look in a text or a stream, and where one stands in it.

A board, a driver or a formatter seldom repeats a text as it was given: it escapes, quotes and
encodes it. Looked for are a text as it is and in other case, with any of its characters escaped for
Python, JSON, a URL, HTML or an e-mail, backwards, in hexadecimal with any separator, as a list of
numbers, and in Base64 at each of the three places in a group.

A pattern is a sequence of tokens, each the ways to write one character. It is followed token by
token from wherever its first bytes are, so that a text that ends in a secret's middle is seen too.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

LEAST_LENGTH = 4
"""Shorter texts are not looked for: they stand in every second line."""
DISTINCTIVE_LENGTH = 8
"""What has so many characters stands nowhere by accident."""
_OPENING = 3
_Token = tuple[bytes, ...]
_SEPARATORS = (b"", b":", b" ", b"-", b", ", b",", b"_", b".", b"\n", b"\r\n")
_HEX_PREFIXES = (b"", b"0x", b"\\x", b"%")
_LIST_SEPARATORS = (b", ", b",", b" ", b"\n", b"\r\n")
_ENTITIES = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos"}
_LETTER_ESCAPES = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f", "\v": "v", "\0": "0"}


@dataclass(frozen=True, slots=True)
class Finding:
    """Where a secret stands; ``distinctive``: too long to be there by accident."""

    start: int
    end: int
    distinctive: bool


class _Pattern:
    """One way to write one secret."""

    def __init__(self, tokens: Sequence[_Token]) -> None:
        self.tokens = [tuple(dict.fromkeys(token)) for token in tokens]
        shortest = sum(min(map(len, token)) for token in self.tokens)
        self.longest = sum(max(map(len, token)) for token in self.tokens)
        self.distinctive = shortest >= DISTINCTIVE_LENGTH

    def openings(self) -> set[bytes]:
        """All ways in which its first three bytes may be written."""
        openings = {b""}
        for token in self.tokens[:_OPENING]:
            openings = {(begun + form)[:_OPENING] for begun in openings for form in token}
        return openings

    def follow(self, data: bytes, at: int) -> tuple[int, bool]:
        """The end of it at ``at``, 0 if it is not there, and whether more data may make it be."""
        positions, unfinished = {at}, False
        for token in self.tokens:
            following = set()
            for position in positions:
                for form in token:
                    if data.startswith(form, position):
                        following.add(position + len(form))
                    elif len(data) - position < len(form) and form.startswith(data[position:]):
                        unfinished = True
            if not following:
                return 0, unfinished
            positions = following
        return max(positions), unfinished


class SecretPatterns:
    """The ways in which ``secrets`` may be written; case does not matter in any of them.

    None is longer than ``longest`` bytes.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        patterns = [pattern for secret in secrets for pattern in _patterns_of(secret)]
        self._by_first: dict[int, list[_Pattern]] = {}
        for pattern in patterns:
            for first in {form[0] for form in pattern.tokens[0]}:
                self._by_first.setdefault(first, []).append(pattern)
        self.longest = max((pattern.longest for pattern in patterns), default=0)
        openings = {opening for pattern in patterns for opening in pattern.openings()}
        self._opening = re.compile(b"(?=%b)" % _any_of(openings)) if openings else None

    def find(self, data: bytes) -> tuple[list[Finding], int]:
        """Where secrets stand in ``data``, in order and apart, and where one may go on.

        The latter is the position of the first that more data may complete or lengthen, else the
        length of ``data``.
        """
        findings: list[Finding] = []
        begins = len(data)
        if self._opening is None:
            return findings, begins
        lowered = data.lower()
        done = 0
        for at in self._starts(lowered):
            if at < done:
                continue
            end, distinctive = 0, False
            for pattern in self._by_first.get(lowered[at], ()):
                reached, unfinished = pattern.follow(lowered, at)
                if unfinished:
                    begins = min(begins, at)
                if reached > end:
                    end, distinctive = reached, pattern.distinctive
            if end:
                findings.append(Finding(at, end, distinctive))
                done = end
        return findings, begins

    def masked(self, text: str, mask: str) -> str:
        """``text`` with ``mask`` in the place of each secret."""
        data = text.encode("utf-8", "surrogatepass")
        findings, _ = self.find(data)
        if not findings:
            return text
        parts, at = [], 0
        for finding in findings:
            parts += [data[at : finding.start], mask.encode()]
            at = finding.end
        return b"".join([*parts, data[at:]]).decode("utf-8", "surrogatepass")

    def _starts(self, lowered: bytes) -> Iterator[int]:
        """Where a secret may stand: its opening is there, or the data ends too soon to tell."""
        assert self._opening is not None
        tail = max(0, len(lowered) - _OPENING + 1)
        for match in self._opening.finditer(lowered):
            if match.start() >= tail:
                break
            yield match.start()
        yield from range(tail, len(lowered))


def _patterns_of(secret: str) -> Iterator[_Pattern]:
    if len(secret) < LEAST_LENGTH:
        return
    raw = secret.encode("utf-8", "surrogatepass")
    characters = [_character(char) for char in secret]
    yield _Pattern(characters)
    yield _Pattern(characters[::-1])
    digits = [b"%02x" % byte for byte in raw]
    yield _Pattern([(digits[0],), *(_joined(d, _SEPARATORS, _HEX_PREFIXES) for d in digits[1:])])
    numbers = [b"%d" % byte for byte in raw]
    yield _Pattern([(numbers[0],), *(_joined(n, _LIST_SEPARATORS) for n in numbers[1:])])
    for shift in range(3):
        yield _Pattern(_base64_tokens(raw, shift))


def _character(char: str) -> _Token:
    """The ways to write one character, in lower case."""
    raw = char.encode("utf-8", "surrogatepass").lower()
    cases = {char, char.lower(), char.upper()}
    forms = [raw, *(case.encode("utf-8", "surrogatepass").lower() for case in sorted(cases))]
    for point in sorted(ord(case) for case in cases if len(case) == 1):
        data = chr(point).encode("utf-8", "surrogatepass")
        for mark in (b"%", b"\\x", b"="):
            forms.append(b"".join(b"%b%02x" % (mark, byte) for byte in data))
        forms += [b"\\u%04x" % point, b"\\u%08x" % point, b"&#%d;" % point]
        forms.append(b"&#x%x;" % point)
        if point > 0xFFFF:
            units = chr(point).encode("utf-16-be").hex()
            forms.append(b"\\u%b\\u%b" % (units[:4].encode(), units[4:].encode()))
        if point < 256:
            forms.append(b"\\x%02x" % point)
    if not char.isalnum():
        forms.append(b"\\" + raw)
    if char in _LETTER_ESCAPES:
        forms.append(b"\\" + _LETTER_ESCAPES[char].encode())
    if char == "\n":
        forms.append(b"\r\n")
    if char == " ":
        forms.append(b"+")
    if char in _ENTITIES:
        forms.append(b"&%b;" % _ENTITIES[char].encode())
    for backslashes in (1, 2):  # the text of a text
        escapes = [form for form in forms if form[:1] == b"\\"]
        forms += [b"\\" * backslashes + form for form in escapes]
        forms += [form.replace(b"\\", b"\\\\") for form in escapes if form.count(b"\\") > 1]
    return tuple(forms)


def _joined(text: bytes, separators: Sequence[bytes], prefixes: Sequence[bytes] = (b"",)) -> _Token:
    return tuple(s + prefix + text for s in separators for prefix in prefixes)


def _base64_tokens(raw: bytes, shift: int) -> list[_Token]:
    """The characters that ``raw`` alone decides when ``shift`` bytes stand before it in a group."""
    encoded = base64.b64encode(b"\0" * shift + raw)
    first = (0, 2, 3)[shift]
    last = (shift + len(raw)) * 8 // 6
    other = {b"+": b"-", b"/": b"_"}
    letters = [encoded[at : at + 1] for at in range(first, last)]
    return [tuple(form.lower() for form in (c, other.get(c, c))) for c in letters]


def _any_of(openings: set[bytes]) -> bytes:
    """A regular expression for any of them, one branch for each first byte: it is fast."""
    if b"" in openings or not openings:
        return b""
    branches = []
    for first in sorted({opening[:1] for opening in openings}):
        rest = {opening[1:] for opening in openings if opening[:1] == first}
        branches.append(re.escape(first) + _any_of(rest))
    return b"(?:%b)" % b"|".join(branches)
