"""What a second board saw of another one's pins: its decoded stream to an edge recording. Pure.

The agent is ``device_agents/witness/edges.py``. Each line is a channel of 32-bit words: bit 0 is 1
where the level fell, the other 31 bits count down from all ones, once in two PIO cycles. ``D``
frames tell at which ``ticks_us`` how many words each line had, so that a word has an interval in
which it was read: it says how often the counter wrapped before it, and a word that lies outside
of it is not believed. What was lost is known from the words' numbers, from ``D`` (a FIFO was full)
and from where the stream ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.model.captures import CaptureIssue
from hil.model.edges import EdgeLine, EdgeRecording, LostInterval
from hil.protocol.events import read_pings
from hil.protocol.frames import integer_field
from hil.protocol.tick_unwrap import MAX_TICK_MODULUS, MIN_TICK_MODULUS, nearest, unwrap

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hil.model.captures import IntArray
    from hil.protocol.channels import RawChannel, TextFrame
    from hil.protocol.decoder import Decoded
    from hil.protocol.events import HostPing

CYCLES_A_COUNT = 2
COUNTER_MODULUS = 1 << 31
MAX_LINES = 8
BLOCK_LINES = 4
LATER_BLOCK_CYCLES = 10
"""Clock cycles from the start of the first PIO block, which has the first four lines, to that of
the second: what the agent's two stores take on an RP2040."""
_LATE_US = 5000
"""A word may be read so much before or after the moment that its ``D`` frame tells."""
_STALL_US = 1000
_COUNTER_OFF_US, _COUNTER_OFF_PPM = 20.0, 50.0
_MAX_ISSUES = 100
_MAX_HZ = 1 << 31


@dataclass(frozen=True, slots=True)
class _Timing:
    """The rates of the witness, and its ``ticks_us`` when the counters began."""

    tick_modulus: int
    hz: int
    divider: int
    start_us: int
    start_width_us: int

    def ns(self, counts: IntArray) -> IntArray:
        """Counts to ns; in parts, for their product with a billion does not fit 64 bits."""
        cycles = counts * (CYCLES_A_COUNT * self.divider)
        return cycles // self.hz * 1_000_000_000 + cycles % self.hz * 1_000_000_000 // self.hz

    def counts(self, us: IntArray) -> IntArray:
        """Microseconds since the start to counts."""
        per_count = CYCLES_A_COUNT * self.divider * 1_000_000
        return us * self.hz // per_count


@dataclass(frozen=True, slots=True)
class _Progress:
    """``D`` frames: at ``at_us`` since the start, row ``words`` had come of the lines.

    The first row is the start itself. ``full`` has a bit for each line that had no room in its
    FIFO since the row before.
    """

    at_us: IntArray
    words: IntArray
    full: IntArray


def read_recording(
    decoded: Decoded,
    lines: Sequence[str],
    instrument: str,
    pings: Sequence[HostPing] = (),
    arrival_ns: Callable[[int], int] | None = None,
) -> EdgeRecording:
    """The recording of one window; what the stream lacks is in ``lost`` and ``issues``.

    ``lines`` are the names that the agent was given; at most 8. ``pings`` and ``arrival_ns`` are as
    for :func:`hil.protocol.reassembly.assemble`. Time 0 is the start of the counters. An edge lies
    within half of ``resolution_ns`` of its time; a second edge of a line within four counts of one
    may be late by as much.
    """
    issues = list(decoded.faults)

    def fault(kind: str, detail: str, offset: int = -1) -> None:
        issues.append(CaptureIssue(kind, detail, offset))

    timing = _read_timing(decoded.texts, fault)
    if timing is None:
        return EdgeRecording(instrument, (), 0, 0, 1.0, issues=_bounded(issues))
    progress = _read_progress(decoded.texts, len(lines), timing, fault)
    resolution_ns = CYCLES_A_COUNT * timing.divider * 1e9 / timing.hz
    end_ns, ended = _read_end(decoded.texts, progress, timing, len(lines), fault)
    lost = [
        LostInterval(
            max(0, int(progress.at_us[at - 1]) * 1000),
            max(0, min(end_ns, (int(progress.at_us[at]) + _STALL_US) * 1000)),
            "a FIFO of the witness had no room: edges came faster than it takes them",
        )
        for at in np.flatnonzero(progress.full).tolist()
    ]
    totals = _read_totals(decoded.texts, fault)
    read: list[EdgeLine] = []
    for number, name in enumerate(lines):
        channel = decoded.channels.get(name)
        if channel is None:
            fault("missing", f"the witness never announced its line {name!r}")
            lost.append(LostInterval(0, end_ns, f"line {name} is not in what the witness sent"))
            continue
        placed = _read_line(channel, progress.words[:, number], progress.at_us, timing, fault)
        if number >= BLOCK_LINES:
            placed.line.times_ns[:] += LATER_BLOCK_CYCLES * 1_000_000_000 // timing.hz
        read.append(placed.line)
        known = max(int(progress.words[-1, number]), placed.end_index)
        # without its totals there may have been one more word at least
        total = totals.get(number, known + 1) if ended else known
        lost += _losses(placed, max(total, known), end_ns)
        if placed.line.times_ns.size:  # the moment of the stop is known to some microseconds only
            end_ns = max(end_ns, int(placed.line.times_ns[-1]))
    exchanges = read_pings(decoded.texts, pings, arrival_ns, timing.tick_modulus, None, fault)
    host_ns = own_ns = np.empty(0, np.int64)
    if exchanges is not None:
        first = int(exchanges.board_rx_us[0])
        begin = nearest(first % timing.tick_modulus, timing.tick_modulus, timing.start_us) - first
        middle = exchanges.board_rx_us + exchanges.board_tx_us
        own_ns = middle * 500 + (begin - timing.start_us) * 1000
        host_ns = (exchanges.host_tx_ns + exchanges.host_rx_ns) // 2
    return EdgeRecording(
        instrument,
        tuple(read),
        0,
        end_ns,
        resolution_ns,
        lost=tuple(sorted(lost, key=lambda interval: interval.start_ns)),
        issues=_bounded(issues),
        host_ns=host_ns,
        own_ns=own_ns,
    )


def _bounded(issues: list[CaptureIssue]) -> tuple[CaptureIssue, ...]:
    if len(issues) > _MAX_ISSUES:
        more = len(issues) - _MAX_ISSUES
        issues[_MAX_ISSUES:] = [CaptureIssue("damaged", f"and {more} more")]
    return tuple(issues)


def _first(texts: Sequence[TextFrame], kind: str) -> TextFrame | None:
    return next((frame for frame in texts if frame.kind == kind), None)


def _read_timing(texts: Sequence[TextFrame], fault: Callable[..., None]) -> _Timing | None:
    head, start = _first(texts, "H"), _first(texts, "G")
    if head is None or start is None:
        fault("missing", "the witness did not say when and how fast it counts: no edge has a time")
        return None
    try:
        tick_modulus = integer_field(head.fields, "tp", low=MIN_TICK_MODULUS, high=MAX_TICK_MODULUS)
        hz = integer_field(head.fields, "hz", low=1_000_000, high=_MAX_HZ)
        divider = integer_field(head.fields, "div", low=1, high=65535)
        us0, us1 = (
            integer_field(start.fields, key, high=tick_modulus - 1) for key in ("us0", "us1")
        )
    except ValueError as error:
        fault("damaged", f"how fast the witness counts: {error}", head.offset)
        return None
    width = (us1 - us0) % tick_modulus
    return _Timing(tick_modulus, hz, divider, us0 + width // 2, width)


def _read_progress(
    texts: Sequence[TextFrame], count: int, timing: _Timing, fault: Callable[..., None]
) -> _Progress:
    ticks, words, full = [timing.start_us % timing.tick_modulus], [[0] * count], [0]
    for frame in texts:
        if frame.kind != "D":
            continue
        try:
            tick = integer_field(frame.fields, "us", high=timing.tick_modulus - 1)
            stalled = integer_field(frame.fields, "full", high=(1 << MAX_LINES) - 1)
            numbers = _integers(frame.fields.get("n", ""), count)
            if any(new < old for new, old in zip(numbers, words[-1], strict=True)):
                raise ValueError("a number of words became smaller")
        except ValueError as error:
            fault("damaged", f"the progress of the witness: {error}", frame.offset)
            continue
        ticks.append(tick)
        words.append(numbers)
        full.append(stalled)
    at_us = unwrap(np.array(ticks, np.int64), timing.tick_modulus)
    return _Progress(
        at_us - at_us[0], np.array(words, np.int64).reshape(-1, count), np.array(full, np.int64)
    )


def _integers(text: str, count: int) -> list[int]:
    parts = text.split(",")
    if len(parts) != count:
        raise ValueError(f"{len(parts)} numbers, not {count}")
    return [integer_field({"n": part}, "n", high=1 << 48) for part in parts]


def _read_end(
    texts: Sequence[TextFrame],
    progress: _Progress,
    timing: _Timing,
    count: int,
    fault: Callable[..., None],
) -> tuple[int, bool]:
    """When the recording ends in ns, and whether the witness itself ended it."""
    last_ns = int(progress.at_us[-1]) * 1000
    end = _first(texts, "E")
    if end is None:
        seconds = last_ns / 1e9
        text = f"the witness sent nothing more after {seconds:.3f} s: edges are missing"
        fault("truncated", text)
        return last_ns, False
    try:
        us0, us1 = (
            integer_field(end.fields, key, high=timing.tick_modulus - 1) for key in ("us0", "us1")
        )
        rests = _integers(end.fields.get("x", ""), count)
    except ValueError as error:
        fault("damaged", f"the end of the witness: {error}", end.offset)
        return last_ns, False
    width = (us1 - us0) % timing.tick_modulus
    last_tick = int(progress.at_us[-1]) + timing.start_us
    stop_us = nearest((us0 + width // 2) % timing.tick_modulus, timing.tick_modulus, last_tick)
    stop_us -= timing.start_us
    count_us = CYCLES_A_COUNT * timing.divider * 1e6 / timing.hz
    wrap_us = COUNTER_MODULUS * count_us
    allowed_us = (timing.start_width_us + width) / 2 + _COUNTER_OFF_US + 8 * count_us
    allowed_us += stop_us * _COUNTER_OFF_PPM / 1e6
    for number, rest in enumerate(rests):
        counted_us = (COUNTER_MODULUS - 1 - rest) * count_us
        off_us = (counted_us - stop_us + wrap_us / 2) % wrap_us - wrap_us / 2
        if abs(off_us) > allowed_us:
            fault(
                "clock",
                f"state machine {number} of the witness counted {off_us:+.1f} us more than its "
                f"clock in {stop_us / 1e6:.3f} s: something else uses its PIO, "
                "or its clock changed",
            )
    return stop_us * 1000, True


def _read_totals(texts: Sequence[TextFrame], fault: Callable[..., None]) -> dict[int, int]:
    """How many words each line had, by its number."""
    totals = {}
    for frame in texts:
        if frame.kind == "T":
            try:
                number = integer_field(frame.fields, "i", high=MAX_LINES - 1)
                sent, dropped = (
                    integer_field(frame.fields, key, high=1 << 48) for key in ("n", "dropped")
                )
            except ValueError as error:
                fault("damaged", f"the totals of a line: {error}", frame.offset)
            else:
                totals[number] = sent + dropped
    return totals


@dataclass(frozen=True, slots=True)
class _PlacedLine:
    """A line, and the numbers of its words, of which the first edge should have ``first_index``.

    ``doubtful`` are intervals of words that were left out.
    """

    line: EdgeLine
    index: IntArray
    first_index: int
    end_index: int
    doubtful: tuple[LostInterval, ...]


def _read_line(
    channel: RawChannel,
    words_by_row: IntArray,
    at_us: IntArray,
    timing: _Timing,
    fault: Callable[..., None],
) -> _PlacedLine:
    words = channel.values & 0xFFFFFFFF
    index = np.arange(words.size, dtype=np.int64)
    for gap in channel.gaps:
        index[gap.position :] += gap.count
    counted = (COUNTER_MODULUS - 1 - (words >> 1)) % COUNTER_MODULUS
    levels = 1 - (words & 1)
    # a word was read between the row that did not have it yet and the first one that has it
    row = np.minimum(np.searchsorted(words_by_row, index, side="right"), words_by_row.size - 1)
    row = np.maximum(row, 1) if words_by_row.size > 1 else row
    behind = index >= words_by_row[row]  # no row has it: the one that did was lost
    earliest = timing.counts(at_us[np.maximum(row - 1, 0)] - _LATE_US)
    latest = timing.counts(at_us[row] + _LATE_US)
    earliest = np.where(behind, latest, earliest)
    latest = np.where(behind, earliest + COUNTER_MODULUS // 2, latest)
    middle = (earliest + latest) // 2
    half = COUNTER_MODULUS // 2
    counts = middle + (counted - middle + half) % COUNTER_MODULUS - half
    placed = (counts >= earliest) & (counts <= latest) & (latest - earliest < COUNTER_MODULUS)
    order = np.maximum.accumulate(np.where(placed, counts, -1))
    placed &= counts >= order
    doubtful = []
    if not placed.all():
        out = np.flatnonzero(~placed)
        name = channel.name[:40]
        text = f"{out.size} edges of {name!r} lie outside the time that they were read in"
        fault("damaged", text)
        begins, ends = timing.ns(earliest[out]), timing.ns(latest[out])
        reason = f"edges of {name} have no certain time"
        doubtful = [
            LostInterval(max(0, begin), end, reason)
            for begin, end in sorted(set(zip(begins.tolist(), ends.tolist(), strict=True)))
        ]
        index, counts, levels = index[placed], counts[placed], levels[placed]
    initial: int | None = None
    first_index = 0
    if index.size and index[0] == 0:
        initial = int(1 - levels[0])
        if counts[0] == 0:  # it was high when the counting began: that is no edge
            initial, first_index = 1, 1
            counts, levels, index = counts[1:], levels[1:], index[1:]
    elif not index.size and not channel.end_index:
        initial = 0
    middle_ns = timing.ns(np.array([1], np.int64))[0] // 2
    line = EdgeLine(channel.name, timing.ns(counts) - middle_ns, levels, initial)
    return _PlacedLine(line, index, first_index, channel.end_index, tuple(doubtful))


def _losses(placed: _PlacedLine, total: int, end_ns: int) -> list[LostInterval]:
    """The intervals in which words of a line are missing, of all ``total`` that it had."""
    index, times = placed.index, placed.line.times_ns
    name = placed.line.name
    lost = list(placed.doubtful)
    numbers = np.concatenate(([placed.first_index - 1], index, [max(total, placed.first_index)]))
    moments = np.concatenate(([0], times, [end_ns]))
    for at in np.flatnonzero(np.diff(numbers) > 1).tolist():
        start, end = int(moments[at]), int(max(moments[at], moments[at + 1]))
        lost.append(LostInterval(max(0, start), end, f"edges of {name} did not arrive"))
    return lost
