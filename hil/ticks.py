"""Wrapped tick counters: from raw values modulo a period to an int64 time that does not wrap.

A raw counter only tells times modulo its period. Where the whole window is shorter than the period
every value has one place (:func:`place`). Otherwise neighbours are told apart by what lies between
them (:func:`unwrap`), which is right as long as no interval is off its expected length by half the
period or more; :func:`window_length` and what :func:`unwrap_from` returns are the checks on that.

Arrays are worked on in blocks that stay in the processor's cache: what needs several passes reads
memory once.
"""

from __future__ import annotations

import numpy as np

from hil.errors import CaptureError
from hil.records import IntArray

MIN_PERIOD = 1 << 10
MAX_PERIOD = 1 << 62
_BLOCK = 1 << 15


def unwrap(
    ticks: IntArray, period: int, *, step: int | IntArray = 0, out: IntArray | None = None
) -> IntArray:
    """Unwrap raw values, keeping the first: every difference is the one nearest to ``step``.

    ``ticks``: int64, shape (n,), any values modulo ``period``; ``step``: expected difference of
    neighbours, one for all or shape (n - 1,). Differences come out in
    [step - period/2, step + period/2). ``out`` may be ``ticks`` itself. Raises ``ValueError`` for a
    period that is not 2**10..2**62.
    """
    result = np.empty(len(ticks), np.int64) if out is None else out
    if len(ticks):
        unwrap_from(int(ticks[0]), ticks, period, step=step, out=result)
    else:
        _check_period(period)
    return result


def unwrap_from(
    first: int, ticks: IntArray, period: int, *, step: int | IntArray, out: IntArray
) -> int:
    """Like :func:`unwrap` for one value or more, the first of them at the time ``first``.

    Returns the largest deviation of an interval from ``step``, 0 without any.
    """
    _check_period(period)
    low = -(period // 2)
    last_raw, last = int(ticks[0]), first
    out[0] = last
    found = 0
    scratch = np.empty(min(_BLOCK, len(ticks)), np.int64)
    for at in range(1, len(ticks), _BLOCK):
        raw = ticks[at : at + _BLOCK]
        raw_end = int(raw[-1])
        steps = scratch[: len(raw)]
        steps[0] = int(raw[0]) - last_raw
        np.subtract(raw[1:], raw[:-1], out=steps[1:])
        expected = step if isinstance(step, int) else step[at - 1 : at - 1 + len(raw)]
        least, most = _span(steps, expected)
        times = out[at : at + len(raw)]
        if least < low or most >= low + period:
            steps -= expected
            steps -= low
            np.remainder(steps, period, out=steps)
            steps += low
            least, most = int(steps.min()), int(steps.max())
            steps += expected
            np.cumsum(steps, out=steps)
            np.add(steps, last, out=times)
        else:  # nothing wraps in this block
            np.add(raw, last - last_raw, out=times)
        found = max(found, most, -least)
        last_raw = raw_end
        last = int(times[-1])
    return found


def _span(steps: IntArray, expected: int | IntArray) -> tuple[int, int]:
    """The smallest and the largest deviation from what is expected."""
    if isinstance(expected, int):
        return int(steps.min()) - expected, int(steps.max()) - expected
    off = steps - expected
    return int(off.min()), int(off.max())


def place(ticks: IntArray, period: int, low: int, *, out: IntArray | None = None) -> IntArray:
    """The one time in [low, low + period) that each raw value stands for; int64, same shape.

    ``out`` may be ``ticks`` itself.
    """
    _check_period(period)
    result = np.empty(len(ticks), np.int64) if out is None else out
    for at in range(0, len(ticks), _BLOCK):
        part = result[at : at + _BLOCK]
        np.subtract(ticks[at : at + _BLOCK], low, out=part)
        np.remainder(part, period, out=part)
        part += low
    return result


def nearest(tick: int, period: int, to: int) -> int:
    """The time congruent to ``tick`` that is nearest to ``to``."""
    half = period // 2
    return to + (tick - to + half) % period - half


def extent(values: IntArray) -> tuple[int, int]:
    """The smallest and the largest of one value or more."""
    parts = [values[at : at + _BLOCK] for at in range(0, len(values), _BLOCK)]
    ends = [(int(part.min()), int(part.max())) for part in parts]
    return min(least for least, _ in ends), max(most for _, most in ends)


def least_step(values: IntArray) -> int:
    """The smallest difference of neighbours; 0 for fewer than two."""
    ends = range(0, len(values) - 1, _BLOCK)
    return min((int(np.diff(values[at : at + _BLOCK + 1]).min()) for at in ends), default=0)


def window_length(
    *, us0: int, us1: int, ms0: int, ms1: int, period: int, planned_us: int, slack_us: int = 0
) -> int:
    """Microseconds between raw ``us0`` and ``us1``, any number of wraps of ``ticks_us`` apart.

    The raw ``ticks_ms`` readings beside them, which wrap 1000 times later, say how many, and the
    planned length says how many wraps those made themselves. ``slack_us`` more than usual may lie
    between the two clocks. Raises
    :class:`~hil.errors.CaptureError` where the three do not go together.
    """
    _check_period(period)
    planned_ms = planned_us // 1000
    span_ms = nearest(ms1 - ms0, period, planned_ms)
    if abs(span_ms - planned_ms) > period // 4 or span_ms < 0:
        raise CaptureError(
            f"the window of {planned_ms} ms took {span_ms} ms by the board's ticks_ms, "
            "too far off to know how often it wrapped; plan a shorter window"
        )
    length = nearest(us1 - us0, period, 1000 * span_ms)
    if abs(length - 1000 * span_ms) > min(period // 4, 5000 + span_ms + slack_us) or length < 0:
        raise CaptureError(
            f"the board's ticks_us and ticks_ms disagree about the window: "
            f"{length} us against {span_ms} ms"
        )
    return length


def _check_period(period: int) -> None:
    if not MIN_PERIOD <= period <= MAX_PERIOD:
        raise ValueError(f"a tick period of {period} is not between 2**10 and 2**62")
