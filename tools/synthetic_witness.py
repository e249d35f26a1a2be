"""The stream of a witness that no board sent, put together from known edges: for tests."""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field

import numpy as np

from hil.protocol.encoder import encode_stamps, encode_text
from hil.protocol.witness_edges import COUNTER_MODULUS

HZ = 125_000_000
MODULUS = 1 << 30
LINES = ("task0", "loop")


@dataclass
class Witness:
    """Edges by line, as numbers of counts since the start; rows of progress by their microseconds.

    ``first_high`` are lines that are high when the counting begins.
    """

    edges: dict[str, list[int]]
    rows_us: list[int]
    divider: int = 1
    lines: tuple[str, ...] = LINES
    start_us: int = MODULUS - 1000
    first_high: tuple[str, ...] = ()
    full: dict[int, int] = field(default_factory=dict)
    skip: dict[tuple[str, int], int] = field(default_factory=dict)

    def words(self, line: str) -> list[int]:
        first = [0] if line in self.first_high else []
        counts = [*first, *self.edges.get(line, [])]
        falling = (number % 2 for number in range(len(counts)))
        down = (((COUNTER_MODULUS - 1 - count % COUNTER_MODULUS) << 1) for count in counts)
        words = (word | fell for word, fell in zip(down, falling, strict=True))
        return [word - (1 << 32) if word >> 31 else word for word in words]

    def frames(self, *, ended: bool = True) -> list[bytes]:
        lines: list[bytes] = []

        def text(kind: str, /, **fields: object) -> None:
            lines.append(encode_text(kind, len(lines), fields.items()))

        text("H", tp=MODULUS, hz=HZ, div=self.divider, lines=len(self.lines))
        for number, name in enumerate(self.lines):
            text("C", i=number, name=name, kind="value")
        text("G", us0=(self.start_us - 5) % MODULUS, us1=(self.start_us + 5) % MODULUS)
        sent = [0] * len(self.lines)
        words = {name: self.words(name) for name in self.lines}
        for row, at_us in enumerate(self.rows_us):
            end = at_us * 125 // (2 * self.divider)
            counts = [
                bisect.bisect_right(self.edges.get(name, []), end) + (name in self.first_high)
                for name in self.lines
            ]
            tick = (self.start_us + at_us) % MODULUS
            text("D", us=tick, full=self.full.get(row, 0), n=",".join(map(str, counts)))
            for number, name in enumerate(self.lines):
                start = min(counts[number], sent[number] + self.skip.get((name, row), 0))
                part = words[name][start : counts[number]]
                lines += encode_stamps(number, part, sequence=len(lines), first_index=start)
                sent[number] = counts[number]
        if ended:
            stop_us = self.rows_us[-1]
            rest = (COUNTER_MODULUS - 1 - stop_us * 125 // (2 * self.divider)) % COUNTER_MODULUS
            tick = self.start_us + stop_us
            for number, name in enumerate(self.lines):
                text("T", i=number, n=len(words[name]), dropped=0)
            rests = ",".join([str(rest)] * len(self.lines))
            text("E", us0=(tick - 5) % MODULUS, us1=(tick + 5) % MODULUS, status="ok", x=rests)
        return lines

    def truth_ns(self, line: str) -> np.ndarray:
        counts = np.array(self.edges.get(line, []), np.int64)
        return counts * (2 * self.divider) * 8 - 8 * self.divider
