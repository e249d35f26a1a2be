"""Tables of levels with a column for each channel: one row a sample, or one row a change.

Rows with a time are changes: Logic 2's digital export (``Time [s],Channel 0,…``), sigrok's with
``time=true``. Rows without one are samples: sigrok's plain output, LogicAnalyzer's export.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hil.model.errors import CaptureError
from hil.recording.edge_files.collector import EdgeCollector, samples_to_ns
from hil.recording.edge_files.csv_titles import (
    BLOCK,
    COMMENTS,
    MAX_COMMENTS,
    MAX_LINE,
    TableHead,
    read_table_head,
)
from hil.recording.edge_files.number_fields import read_decimals

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from numpy.typing import NDArray

    from hil.model.captures import IntArray
    from hil.model.edges import EdgeRecording
    from hil.recording.edge_files.vcd import Choose

_NEWLINE, _COMMA, _RETURN, _ZERO = 10, 44, 13, 48


def looks_like_csv(start: bytes) -> bool:
    """Whether a file that begins so may be a table of levels."""
    if b"\0" in start:
        return False
    lines = start.split(b"\n")[:MAX_COMMENTS]
    first = next((line for line in lines if line and not line.startswith(COMMENTS)), b"")
    return b"," in first or first.strip() in (b"0", b"1") or start.startswith(b"; CSV")


def read_csv(
    file: BinaryIO, what: str, instrument: str, choose: Choose, rate_hz: float | None
) -> EdgeRecording:
    """The recording in an open file; ``rate_hz`` is the sample rate where the file says none.

    ``choose`` gives the lines by the index of their channel. Raises
    :class:`~hil.model.errors.CaptureError` in one line, which begins with ``what``, for a file that
    is damaged or lacks what is needed, and what ``choose`` raises.
    """
    head = read_table_head(file, what)
    lines = choose(head.names)
    collector = EdgeCollector(what, lines)
    rate_hz = head.rate_hz or rate_hz
    if head.power is None and rate_hz is None:
        raise CaptureError(
            f"{what}: it says neither times nor a sample rate; give the rate, as in ?rate=24M"
        )
    table = _Table(what, head, collector)
    rest = head.rest
    while True:
        block = file.read(BLOCK)
        data = rest + block
        end = data.rfind(b"\n") + 1
        if len(data) - end > MAX_LINE:
            raise CaptureError(f"{what}: line {table.line} is too long for a table of levels")
        table.feed(data[:end])
        rest = data[end:]
        if not block:
            break
    if rest.count(b",") == head.width - 1 and rest[-1:] in b"01":
        table.feed(rest + b"\n")  # without a line's end, but whole
    if not table.rows:
        raise CaptureError(f"{what}: there are no samples in it")
    return table.finish(instrument, rate_hz)


class _Table:
    """Rows as they come, turned to levels; ``rows`` counts them, ``line`` is the next line."""

    def __init__(self, what: str, head: TableHead, collector: EdgeCollector) -> None:
        self.rows = 0
        self.line = head.line
        self._what = what
        self._head = head
        self._collector = collector
        self._first: int | None = None
        self._last = 0

    def feed(self, data: bytes) -> None:
        """Take whole lines."""
        if not data:
            return
        text = np.frombuffer(data, np.uint8)
        if not self._equal_rows(text):
            self._any_rows(text)
        self.line += data.count(b"\n")

    def _equal_rows(self, text: NDArray[np.uint8]) -> bool:
        """Take rows of single digits if all look alike: no need to search for their ends."""
        width = self._head.width
        length = int((text == _NEWLINE).argmax()) + 1
        if self._head.power is not None or text.size % length or length < 2 * width:
            return False
        grid = text.reshape(-1, length)
        if (grid[:, -1] != _NEWLINE).any() or (grid[:, 1 : 2 * width - 1 : 2] != _COMMA).any():
            return False
        behind = grid[:, 2 * width - 1 : -1]
        if not ((behind == _RETURN) | (behind == _COMMA)).all():
            return False
        self._add(np.arange(self.rows, self.rows + len(grid)), grid[:, 0 : 2 * width : 2] - _ZERO)
        return True

    def _any_rows(self, text: NDArray[np.uint8]) -> None:
        """Take rows with a column of times, or of other forms."""
        ends = np.flatnonzero(text == _NEWLINE)
        begins = np.concatenate([[0], ends[:-1] + 1])
        stops = ends - (text[ends - 1] == _RETURN)
        stops = stops - (text[np.maximum(stops - 1, 0)] == _COMMA)
        filled = stops > begins
        begins, stops = begins[filled], stops[filled]
        if not begins.size:
            return
        levels = self._levels(text, begins, stops)
        if self._head.power is None:
            positions = np.arange(self.rows, self.rows + len(begins))
        else:
            lengths = stops - 2 * (self._head.width - 1) - begins
            positions = self._times(text, begins, lengths)
        self._add(positions, levels)

    def _levels(
        self, text: NDArray[np.uint8], begins: IntArray, stops: IntArray
    ) -> NDArray[np.uint8]:
        """The levels of the rows from ``begins`` to ``stops``, in the columns of the table.

        Read from the right: each column but that of the times is a single digit.
        """
        width = self._head.width
        levels = np.zeros((len(begins), width), np.uint8)
        timed = self._head.power is not None
        lengths = stops - begins
        wrong = lengths < 2 * width - 1 if timed else lengths != 2 * width - 1
        for column in range(int(timed), width):
            at = stops - 1 - 2 * (width - 1 - column)
            if column:
                wrong = wrong | (text[np.maximum(at - 1, 0)] != _COMMA)
            levels[:, column] = text[np.maximum(at, 0)] - _ZERO
        if wrong.any():
            at_line = self.line + int(wrong.argmax())
            raise CaptureError(
                f"{self._what}: line {at_line} is no row of {width} columns, levels in them"
            )
        return levels

    def _times(self, text: NDArray[np.uint8], starts: IntArray, lengths: IntArray) -> IntArray:
        power = self._head.power or 0
        times, wrong = read_decimals(text, starts, lengths, max(power, 0))
        if power < 0 and self._head.rate_hz is None:
            times = (times + 500) // 1000
        if not wrong.any():
            wrong[1:] = times[1:] < times[:-1]
            wrong[:1] = self._first is not None and times[:1] < self._last
        if wrong.any():
            at = int(wrong.argmax())
            shown = bytes(text[starts[at] : starts[at] + min(int(lengths[at]), 40)])
            raise CaptureError(
                f"{self._what}: line {self.line + at}: {shown.decode('utf-8', 'replace')!r} is no "
                "time in seconds from the beginning, or before the time in front of it"
            )
        return times

    def _add(self, positions: IntArray, levels: NDArray[np.uint8]) -> None:
        wrong = levels[:, self._head.columns].max(axis=1, initial=0) > 1
        if wrong.any():
            at = self.line + int(wrong.argmax())
            raise CaptureError(f"{self._what}: line {at} has a level that is neither 0 nor 1")
        self.rows += len(positions)
        if self._first is None:
            self._first = int(positions[0])
        self._last = int(positions[-1])
        for channel in self._collector.channels:
            column = levels[:, self._head.columns[channel]]
            self._collector.add(channel, positions, column.astype(np.int8))

    def finish(self, instrument: str, rate_hz: float | None) -> EdgeRecording:
        """The recording of all rows."""
        first, last = self._first or 0, self._last
        period_ns = None if rate_hz is None else 1e9 / rate_hz
        if self._head.power is None:
            assert rate_hz is not None
            to_ns = samples_to_ns(max(1, round(rate_hz)))
        elif self._head.rate_hz is not None:
            to_ns = _sigrok_times(self._head.power or 0, self._head.rate_hz)
        else:

            def to_ns(times: IntArray) -> IntArray:
                return times

        return self._collector.finish(instrument, first, last, to_ns, period_ns=period_ns)


def _sigrok_times(power: int, rate_hz: float) -> Callable[[IntArray], IntArray]:
    """The times of sigrok's column of times, in ns, from what is in it.

    libsigrok 0.5 adds up a sample period that is cut to whole units: at 24 MHz its column counts 41
    ns a sample instead of 41.67, 1.6 % too little. Such times tell the sample's number, which gives
    the true time. The first sample has the number 1 there.
    """
    step = int(10 ** (9 - power) // rate_hz) * 10 ** max(power, 0)
    by_number = samples_to_ns(max(1, round(rate_hz)))

    def to_ns(times: IntArray) -> IntArray:
        if step and not (times % step).any():
            return by_number(times // step - 1)
        return times if power >= 0 else (times + 500) // 1000

    return to_ns
