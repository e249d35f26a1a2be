"""Levels of channels as they are read, in pieces, gathered to the edges of lines.

A position is a sample's number or a time in the file's own unit: whole numbers in ascending order,
which become nanoseconds at the end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from hil.model.captures import CaptureIssue
from hil.model.edges import EdgeLine, EdgeRecording, LostInterval
from hil.model.errors import CaptureError
from hil.recording.edge_file import MAX_EDGES, MAX_TIME_NS
from hil.recording.edge_files.sample_grid import grid_period_ns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from hil.model.captures import IntArray

    Bytes = NDArray[np.uint8]

UNKNOWN = 2
"""The level of a channel that the instrument could not tell."""


@dataclass(slots=True)
class _Line:
    name: str
    level: int = -1
    initial: int | None = None
    positions: list[IntArray] = field(default_factory=list)
    levels: list[NDArray[np.int8]] = field(default_factory=list)


class EdgeCollector:
    """Takes the levels of the channels that are lines, and gives their edges.

    ``lines`` are the lines by the index of their channel. ``what`` names the source in errors.
    """

    def __init__(self, what: str, lines: Mapping[int, str]) -> None:
        self._what = what
        self._lines = {channel: _Line(name) for channel, name in lines.items()}
        self._count = 0
        self._last: Bytes | None = None
        self._columns = sorted({channel // 8 for channel in self._lines})

    @property
    def channels(self) -> tuple[int, ...]:
        """The channels that are lines."""
        return tuple(self._lines)

    def add(self, channel: int, positions: IntArray, levels: NDArray[np.int8]) -> None:
        """Take levels, 0, 1 or :data:`UNKNOWN`, (n,) int8, from ``positions`` (n,) on.

        A level that is that of before is no edge; the first one is the level at the beginning.
        Raises :class:`~hil.model.errors.CaptureError` when there are too many edges.
        """
        if not positions.size:
            return
        line = self._lines[channel]
        changed = np.empty(levels.size, np.bool_)
        changed[0] = levels[0] != line.level
        np.not_equal(levels[1:], levels[:-1], out=changed[1:])
        if line.level < 0:
            changed[0] = False
            line.initial = None if levels[0] == UNKNOWN else int(levels[0])
        line.level = int(levels[-1])
        edges = np.flatnonzero(changed)
        if edges.size:
            self._count += edges.size
            if self._count > MAX_EDGES:
                raise CaptureError(
                    f"{self._what}: more than {MAX_EDGES} edges; is a channel left open? "
                    "map only channels that are connected"
                )
            line.positions.append(positions[edges].astype(np.int64))
            line.levels.append(levels[edges])

    def add_samples(self, data: Bytes, first: int) -> None:
        """Take samples, (n, unit size) bytes; channel ``c`` is bit ``c % 8`` of byte ``c // 8``.

        ``first`` is the number of the first sample.
        """
        if not len(data):
            return
        masks = np.array(
            [sum(1 << c % 8 for c in self._lines if c // 8 == byte) for byte in self._columns],
            np.uint8,
        )
        changed: NDArray[np.bool_] | None = None
        levels = []
        for number, (byte, mask) in enumerate(zip(self._columns, masks, strict=True)):
            column = data[:, byte] & mask
            differs = np.empty(len(column), np.bool_)
            differs[0] = self._last is None or column[0] != self._last[number]
            np.not_equal(column[1:], column[:-1], out=differs[1:])
            changed = differs if changed is None else changed | differs
            levels.append(column)
        self._last = np.array([column[-1] for column in levels], np.uint8)
        if changed is None:
            return
        at = np.flatnonzero(changed)
        for channel in self._lines:
            column = levels[self._columns.index(channel // 8)][at]
            self.add(channel, at + first, ((column >> channel % 8) & 1).astype(np.int8))

    def finish(
        self,
        instrument: str,
        start: int,
        end: int,
        to_ns: Callable[[IntArray], IntArray],
        *,
        period_ns: float | None,
        step_ns: float = 1.0,
        issues: tuple[CaptureIssue, ...] = (),
    ) -> EdgeRecording:
        """The recording from position ``start`` to ``end``; ``to_ns`` turns positions into ns.

        ``period_ns`` is the instrument's sample period; where nobody knows it, it is estimated from
        the times, and is ``step_ns``, their least step, at least.
        """
        lines: list[EdgeLine] = []
        lost: list[LostInterval] = []
        start_ns, end_ns = (int(time) for time in to_ns(np.array([start, end], np.int64)))
        if not -MAX_TIME_NS <= start_ns <= end_ns <= MAX_TIME_NS:
            raise CaptureError(f"{self._what}: its times are beyond what can be")
        for line in self._lines.values():
            if line.level < 0:
                issues = (
                    *issues,
                    CaptureIssue("missing", f"nothing of line {line.name} was recorded"),
                )
            positions = np.concatenate([*line.positions, np.empty(0, np.int64)])
            levels = np.concatenate([*line.levels, np.empty(0, np.int8)])
            times = to_ns(positions)
            lost += _unknown_intervals(line, times, levels, end_ns)
            known = levels != UNKNOWN
            lines.append(
                EdgeLine(line.name, times[known], levels[known].astype(np.int64), line.initial)
            )
        if period_ns is None:
            period_ns = max(step_ns, grid_period_ns([line.times_ns for line in lines]))
        return EdgeRecording(
            instrument=instrument,
            lines=tuple(lines),
            start_ns=start_ns,
            end_ns=end_ns,
            resolution_ns=period_ns,
            lost=tuple(sorted(lost, key=lambda interval: interval.start_ns)),
            issues=issues,
        )


def _unknown_intervals(
    line: _Line, times: IntArray, levels: NDArray[np.int8], end_ns: int
) -> list[LostInterval]:
    ends = np.append(times[1:], end_ns)
    return [
        LostInterval(int(times[i]), int(ends[i]), f"the level of {line.name} is unknown")
        for i in np.flatnonzero(levels == UNKNOWN)
    ]


def samples_to_ns(rate_hz: int) -> Callable[[IntArray], IntArray]:
    """The times, whole ns, of sample numbers at this rate; exact to half a nanosecond."""

    def to_ns(numbers: IntArray) -> IntArray:
        seconds, rest = np.divmod(numbers, rate_hz)
        part = np.rint(rest * (1e9 / rate_hz)).astype(np.int64)
        times: IntArray = seconds * 1_000_000_000 + part
        return times

    return to_ns
