"""Value change dumps (IEEE 1364, clause 18), read in blocks: times and scalar changes of value.

Tokens are found and decoded for a whole block at once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from hil.model.errors import CaptureError
from hil.recording.edge_files.collector import UNKNOWN, EdgeCollector
from hil.recording.edge_files.number_fields import read_digits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import BinaryIO

    from numpy.typing import NDArray

    from hil.model.captures import IntArray
    from hil.model.edges import EdgeRecording

    Choose = Callable[[Sequence[str]], Mapping[int, str]]

BLOCK = 1 << 22
_MAX_HEADER = 1 << 22
_MAX_VARIABLES = 10_000
_MAX_DIGITS = 18
_MAX_CODE = 8
_UNITS_FS = {"s": 10**15, "ms": 10**12, "us": 10**9, "ns": 10**6, "ps": 1000, "fs": 1}
_TIMESCALE = re.compile(r"(1|10|100) ?(s|ms|us|ns|ps|fs)")
_FS_PER_NS = 1_000_000
_SPACE = 32


@dataclass(slots=True)
class _Header:
    """``names`` and ``codes`` of the scalar variables; ``body`` is what was read behind it."""

    tick_fs: int = 0
    names: list[str] = field(default_factory=list)
    codes: list[bytes] = field(default_factory=list)
    body: bytes = b""


def looks_like_vcd(start: bytes) -> bool:
    """Whether a file that begins so is one."""
    return (
        re.match(rb"\s*\$(date|version|comment|timescale|scope|var|upscope)\b", start) is not None
    )


def read_vcd(file: BinaryIO, what: str, instrument: str, choose: Choose) -> EdgeRecording:
    """The recording in an open file.

    ``choose`` gives the lines by the index of their channel. Raises
    :class:`~hil.model.errors.CaptureError` in one line, which begins with ``what``, for a file that
    is damaged, and what ``choose`` raises.
    """
    header = _read_header(file, what)
    lines = choose(header.names)
    body = _Body(what, EdgeCollector(what, lines), [header.codes[c] for c in lines], list(lines))
    rest = header.body
    while True:
        block = file.read(BLOCK)
        data = rest + block
        if not block:
            body.feed(data.rpartition(b"#")[0] if _ends_in_time(data) else data)
            break
        split = (data.rfind(b"\n") + 1) or (data.rfind(b" ") + 1)
        if not split and len(data) > BLOCK:
            raise CaptureError(f"{what}: no space in {len(data)} bytes; not a VCD file")
        body.feed(data[:split])
        rest = data[split:]
    if body.first is None:
        raise CaptureError(f"{what}: there is no time in it; was anything recorded?")
    tick_fs = header.tick_fs

    def to_ns(ticks: IntArray) -> IntArray:
        if tick_fs >= _FS_PER_NS:
            return ticks * (tick_fs // _FS_PER_NS)
        per_ns = _FS_PER_NS // tick_fs
        times: IntArray = (ticks + per_ns // 2) // per_ns
        return times

    if tick_fs > _FS_PER_NS and body.time > (1 << 61) // (tick_fs // _FS_PER_NS):
        raise CaptureError(f"{what}: its times are beyond what can be: is the time scale right?")
    return body.collector.finish(
        *(instrument, body.first, body.time, to_ns),
        period_ns=None,
        step_ns=tick_fs / _FS_PER_NS,
    )


def _ends_in_time(data: bytes) -> bool:
    """Whether the last token is a time that may be cut off."""
    return re.search(rb"#\d*\Z", data[-40:]) is not None


def _read_header(file: BinaryIO, what: str) -> _Header:
    head = b""
    mark = b"$enddefinitions"
    while mark not in head or b"$end" not in head.partition(mark)[2]:
        block = file.read(1 << 16)
        if not block or len(head) > _MAX_HEADER:
            raise CaptureError(f"{what}: no $enddefinitions in it; not a whole VCD file")
        head += block
    definitions, _, behind = head.partition(mark)
    header = _Header(body=behind.partition(b"$end")[2])
    scopes: list[str] = []
    paths: list[str] = []
    for words in _commands(definitions.decode("utf-8", "replace")):
        match words:
            case ["$timescale", *scale]:
                header.tick_fs = _tick_fs(what, "".join(scale))
            case ["$scope", _, name, *_]:
                scopes.append(name)
            case ["$upscope", *_]:
                scopes[-1:] = []
            case ["$var", _, "1", code, *name] if name:
                header.names.append("".join(name))
                header.codes.append(code.encode("utf-8", "replace"))
                paths.append(".".join((*scopes, "".join(name))))
    if not header.tick_fs:
        raise CaptureError(f"{what}: it has no $timescale")
    if not header.names or len(header.names) > _MAX_VARIABLES:
        raise CaptureError(f"{what}: it has no channels of one bit, or too many of them")
    if max(map(len, header.codes)) > _MAX_CODE:
        raise CaptureError(f"{what}: an identifier of more than {_MAX_CODE} characters")
    header.names = [
        name if header.names.count(name) == 1 else path
        for name, path in zip(header.names, paths, strict=True)
    ]
    return header


def _commands(text: str) -> list[list[str]]:
    """The words of each command up to its ``$end``."""
    commands: list[list[str]] = []
    words: list[str] = []
    for word in text.split():
        if word == "$end":
            commands.append(words)
            words = []
        else:
            words.append(word)
    return commands


def _tick_fs(what: str, scale: str) -> int:
    match = _TIMESCALE.fullmatch(scale)
    if match is None:
        raise CaptureError(f"{what}: {scale[:30]!r} is no time scale of a VCD file")
    return int(match[1]) * _UNITS_FS[match[2]]


class _Body:
    """The changes of value behind the header, block by block.

    ``first`` and ``time`` are the first and the last time, in ticks.
    """

    def __init__(
        self, what: str, collector: EdgeCollector, codes: list[bytes], channels: list[int]
    ) -> None:
        self.collector = collector
        self.first: int | None = None
        self.time = 0
        self._what = what
        self._codes = [int.from_bytes(code, "little") for code in codes]
        self._channels = channels
        self._in_comment = False

    def feed(self, data: bytes) -> None:
        """Take whole tokens."""
        if b"$comment" in data or self._in_comment:
            data = self._without_comments(data)
        text = np.frombuffer(data, np.uint8)
        solid = text > _SPACE
        edges = np.flatnonzero(np.diff(solid, prepend=False, append=False))
        starts, lengths = edges[::2], edges[1::2] - edges[::2]
        if not starts.size:
            return
        first = text[starts]
        is_time = first == ord("#")
        longer = np.flatnonzero(_LONGER[first])
        longer = longer[longer + 1 < starts.size]
        is_time[longer + 1] = False  # an identifier may be anything
        at, level, code_at, code_length = _changes(text, starts, lengths, longer)
        times = self._times(text, starts[is_time] + 1, lengths[is_time] - 1)
        before = np.cumsum(is_time)[at]
        all_times = np.concatenate([[self.time], times])
        if self.first is None and times.size:
            self.first = int(times[0])
            all_times[0] = times[0]
        self.time = int(all_times[-1])
        codes = _codes(text, code_at, code_length)
        for channel, code in zip(self._channels, self._codes, strict=True):
            own = codes == code
            self.collector.add(channel, all_times[before[own]], level[own])

    def _times(self, text: NDArray[np.uint8], starts: IntArray, lengths: IntArray) -> IntArray:
        if not starts.size:
            return np.empty(0, np.int64)
        times = read_digits(text, starts, lengths, _MAX_DIGITS)
        wrong = times < 0
        wrong[1:] |= times[1:] < times[:-1]
        wrong[0] |= self.first is not None and times[0] < self.time
        if wrong.any():
            bad = int(wrong.argmax())
            shown = bytes(text[starts[bad] : starts[bad] + min(int(lengths[bad]), 30)])
            reason = "is no time" if times[bad] < 0 else "is before the time in front of it"
            raise CaptureError(f"{self._what}: #{shown.decode('latin-1')!s} {reason}")
        return times

    def _without_comments(self, data: bytes) -> bytes:
        parts: list[bytes] = []
        while data:
            if self._in_comment:
                _, end, data = data.partition(b"$end")
                self._in_comment = not end
            else:
                before, mark, data = data.partition(b"$comment")
                parts.append(before)
                self._in_comment = bool(mark)
        return b" ".join(parts)


_LEVELS = np.full(256, -1, np.int8)
_LEVELS[ord("0")], _LEVELS[ord("1")] = 0, 1
_LEVELS[[ord(letter) for letter in "xXzZ"]] = UNKNOWN


_LONGER = np.zeros(256, np.bool_)
_LONGER[[ord(letter) for letter in "bBrRsS"]] = True
"""How values begin that have their identifier in a token of its own."""


def _changes(
    text: NDArray[np.uint8], starts: IntArray, lengths: IntArray, longer: IntArray
) -> tuple[IntArray, NDArray[np.int8], IntArray, IntArray]:
    """Each change of value: its token's number, the level, and where its identifier is.

    ``longer`` are the numbers of the tokens that are values of several bits, or are written like
    them; their last bit counts.
    """
    kinds = _LEVELS[text[starts]]
    kinds[longer + 1] = -1  # an identifier, whatever it looks like
    scalar = np.flatnonzero(kinds >= 0)
    if not longer.size:
        return scalar, kinds[scalar], starts[scalar] + 1, lengths[scalar] - 1
    last = _LEVELS[text[starts[longer] + lengths[longer] - 1]]
    at = np.concatenate([scalar, longer])
    order = np.argsort(at, kind="stable")
    return (
        at[order],
        np.concatenate([kinds[scalar], np.where(last < 0, UNKNOWN, last).astype(np.int8)])[order],
        np.concatenate([starts[scalar] + 1, starts[longer + 1]])[order],
        np.concatenate([lengths[scalar] - 1, lengths[longer + 1]])[order],
    )


def _codes(text: NDArray[np.uint8], starts: IntArray, lengths: IntArray) -> IntArray:
    """Identifiers of up to eight characters as numbers; longer ones are none of a header's."""
    codes = np.zeros(starts.size, np.int64)
    if not starts.size:
        return codes
    for k in range(min(int(lengths.max()), _MAX_CODE)):
        within = lengths > k
        codes[within] |= text[starts[within] + k].astype(np.int64) << (8 * k)
    codes[(lengths > _MAX_CODE) | (lengths <= 0)] = -1
    return codes
