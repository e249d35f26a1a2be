"""Interrupt events, occurrences, values, calibration and clock exchanges, from their channels."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from hil.model.captures import (
    CALIBRATION,
    COUNTED_LATENCY,
    DEFERRED,
    HANDLER,
    OCCURRENCES,
    SCHEDULED,
    STIMULUS,
    Calibration,
    EventSet,
    Occurrences,
    Pings,
)
from hil.protocol.capture_limits import MAX_LOST_VALUES
from hil.protocol.frames import integer_field
from hil.protocol.tick_unwrap import Ambiguous, nearest, unwrap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hil.model.captures import Between, Channel, IntArray
    from hil.protocol.channels import RawChannel, TextFrame, Total
    from hil.protocol.tick_unwrap import TimeBase

Stage = Literal["isr", "defer"]
_STAGES: tuple[tuple[Stage, Channel, Channel], ...] = (
    ("isr", STIMULUS, HANDLER),
    ("defer", HANDLER, DEFERRED),
)
_BETWEEN: Mapping[Stage, Between] = {"isr": "pin", "defer": "handler"}
_MOST_COUNTED_US = 1_000_000


def read_events(
    channels: Mapping[str, RawChannel],
    counters: Mapping[str, int],
    base: TimeBase,
    fault: Callable[..., None],
) -> tuple[EventSet, ...]:
    """Pair ``stim.<method>`` with ``isr.<method>`` and that with ``defer.<method>`` by index.

    A slot of -1, or one that the wire lost, is an event without a stamp: one that has the earlier
    stamp and not the later one is lost. Where there is a channel ``sched.<method>``, a deferral
    counts from its stamp.
    """
    sets = []
    for stage, earlier, later in _STAGES:
        for name in channels:
            parts = later.parts(name)
            if parts is None or earlier.of(**parts).stored not in channels:
                continue
            method = parts["method"]
            try:
                first = _slots(channels[earlier.of(**parts).stored], base.tick_modulus)
                second = _slots(channels[name], base.tick_modulus)
                paired = _pair(stage, method, first, second, base)
                scheduled = channels.get(SCHEDULED.of(**parts).stored)
                if stage == "defer" and scheduled is not None:
                    calls = _slots(scheduled, base.tick_modulus)
                    from_call = _pair(stage, method, calls, second, base)
                    paired = replace(from_call, lost=paired.lost, between="schedule")
                sets.append(paired)
            except ValueError as error:
                fault("damaged", f"events of {method[:40]!r} are left out: {error}")
            except Ambiguous as why:
                fault("wrap", f"events of {method[:40]!r} are left out: {why}")
    return (*sets, *_counted(channels, counters, fault))


def _counted(
    channels: Mapping[str, RawChannel],
    counters: Mapping[str, int],
    fault: Callable[..., None],
) -> list[EventSet]:
    """Latencies read from a timer's own counter, channels ``count.<method>``, in microseconds.

    Their stimulus is the counter's zero; its time is not known, so that events count from 0 on.
    """
    sets = []
    cost_us = counters.get("counter_us", 0) / max(1, counters.get("counter_calls", 1)) or None
    for name, channel in channels.items():
        parts = COUNTED_LATENCY.parts(name)
        if parts is None or channel.kind != "value":
            continue
        values = channel.values
        if len(values) and not 0 <= values.min() <= values.max() < _MOST_COUNTED_US:
            fault("damaged", f"{name[:40]!r} holds what can't be a latency")
            continue
        zero = np.zeros(len(values), np.int64)
        counted = EventSet("isr", parts["method"], zero, values, between="counter")
        sets.append(replace(counted, counter_cost_us=cost_us))
    return sets


def read_occurrences(
    channels: Mapping[str, RawChannel],
    totals: Mapping[str, Total],
    base: TimeBase,
    fault: Callable[..., None],
) -> tuple[Occurrences, ...]:
    """The channels ``at.<what>`` of ticks, in the capture's time; one that is ambiguous is a fault.

    In a window in which the ticks wrap there must be one at least in each half of a wrap.
    """
    occurrences = []
    for name, channel in channels.items():
        parts = OCCURRENCES.parts(name)
        if parts is None:
            continue
        values = channel.values
        if channel.kind != "ticks" or (
            len(values) and not 0 <= values.min() <= values.max() < base.tick_modulus
        ):
            fault("damaged", f"{name[:40]!r} holds what are no ticks of this board")
            continue
        try:
            times = base.events(values)
        except Ambiguous as why:
            fault("wrap", f"{name[:40]!r} is left out: {why}")
            continue
        total = totals[name]
        lost = total.dropped + sum(gap.count for gap in total.gaps)
        occurrences.append(Occurrences(parts["what"], times, lost))
    return tuple(occurrences)


def read_calibration(
    channels: Mapping[str, RawChannel], counters: Mapping[str, int]
) -> Calibration | None:
    """The channels ``cal.<name>`` and their batch sizes."""
    empty = np.empty(0, np.int64)
    stored = {
        name: CALIBRATION.of(quantity=name).stored
        for name in ("read", "stamp", "step", "task", "empty", "set", "keep", "rounds", "at")
    }
    values = {
        name: channels[channel].values if channel in channels else empty
        for name, channel in stored.items()
    }
    if not any(len(array) for array in values.values()):
        return None
    return Calibration(
        read_us=values["read"],
        read_batch=max(1, counters.get("read_batch", 1)),
        stamp_us=values["stamp"],
        stamp_batch=max(1, counters.get("stamp_batch", 1)),
        step_us=values["step"],
        full_us=values["task"],
        minimal_us=values["empty"],
        loop_batch=max(1, counters.get("task_batch", 1)),
        set_us=values["set"],
        keep_us=values["keep"],
        rounds_us=values["rounds"],
        rounds=max(0, counters.get("rounds", 0)),
        readings_us=values["at"],
        steps_back=max(0, counters.get("back", 0)),
        back_most_us=max(0, counters.get("back_most", 0)),
        watched_us=max(0, counters.get("watched_us", 0)),
    )


def read_values(channels: Mapping[str, RawChannel]) -> dict[str, IntArray]:
    """The channels of plain numbers by name, without the calibration's."""
    return {
        name: channel.values
        for name, channel in channels.items()
        if channel.kind == "value" and CALIBRATION.parts(name) is None
    }


def _slots(channel: RawChannel, tick_modulus: int) -> IntArray:
    # by event index, -1 where there is no stamp
    if channel.end_index - len(channel.values) > MAX_LOST_VALUES:
        raise ValueError(f"{channel.end_index} events can't be")
    if (
        len(channel.values)
        and not -1 <= channel.values.min() <= channel.values.max() < tick_modulus
    ):
        raise ValueError("a stamp is no tick of this board")
    slots = np.full(channel.end_index, -1, np.int64)
    at = start = 0
    for gap in channel.gaps:
        slots[at : at + gap.position - start] = channel.values[start : gap.position]
        at += gap.position - start + gap.count
        start = gap.position
    slots[at:] = channel.values[start:]
    return slots


def _pair(stage: Stage, method: str, first: IntArray, second: IntArray, base: TimeBase) -> EventSet:
    padded = np.full(len(first), -1, np.int64)
    padded[: len(second)] = second[: len(first)]
    begun = first >= 0
    both = begun & (padded >= 0)
    stimulus = base.events(first[begun])[both[begun]]
    quarter = base.tick_modulus // 4
    answer = (padded[both] - first[both] + quarter) % base.tick_modulus - quarter
    return EventSet(
        stage=stage,
        method=method,
        stimulus_us=stimulus,
        handler_us=stimulus + answer,
        lost=int(begun.sum() - both.sum()),
        between=_BETWEEN[stage],
    )


class HostPing(NamedTuple):
    """Monotonic nanoseconds at which the host sent a ping and had its answer."""

    tx_ns: int
    rx_ns: int


def read_pings(
    texts: Sequence[TextFrame],
    host: Sequence[HostPing],
    arrival_ns: Callable[[int], int] | None,
    tick_modulus: int,
    base: TimeBase | None,
    fault: Callable[..., None],
) -> Pings | None:
    """Pair answers with the host's times: by the time of arrival where known, else by order.

    Between two answers the board's time goes on by about what passed on the host, so that the
    board's ticks unwrap over any interval; the first one is the nearest to the window's start.
    An answer without its host times is left out.
    """
    answers: list[tuple[TextFrame, int, int]] = []
    for frame in texts:
        if frame.kind == "P":
            try:
                rx, tx = (
                    integer_field(frame.fields, key, high=tick_modulus - 1) for key in ("rx", "tx")
                )
            except ValueError as error:
                fault("damaged", f"the answer to a ping: {error}", frame.offset)
                continue
            answers.append((frame, rx, tx))
    pairs: list[tuple[HostPing, int, int]] = []
    if arrival_ns is not None:
        waiting = {ping.rx_ns: ping for ping in host}
        for frame, rx, tx in answers:
            ping = waiting.pop(arrival_ns(frame.line_end), None)
            if ping is not None:
                pairs.append((ping, rx, tx))
    elif len(answers) == len(host):
        pairs = [(ping, rx, tx) for ping, (_, rx, tx) in zip(host, answers, strict=True)]
    elif host:
        fault("missing", f"{len(host)} pings but {len(answers)} answers: no clock comparison")
    if not pairs:
        return None
    host_tx, host_rx = np.array([ping for ping, _, _ in pairs], np.int64).T
    board_rx = np.array([rx for _, rx, _ in pairs], np.int64)
    board_tx = np.array([tx for _, _, tx in pairs], np.int64)
    unwrapped = unwrap(board_rx, tick_modulus, step=np.diff(host_rx) // 1000)
    if base is not None:
        unwrapped += nearest(int(board_rx[0]), tick_modulus, base.start) - int(board_rx[0])
    return Pings(
        host_tx_ns=host_tx.copy(),
        board_rx_us=unwrapped,
        board_tx_us=unwrapped + (board_tx - board_rx) % tick_modulus,
        host_rx_ns=host_rx.copy(),
    )
