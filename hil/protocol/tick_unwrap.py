"""Wrapped tick counters unwrapped to one int64 time for a whole capture.

A raw counter gives times modulo ``tick_modulus`` only. Where the whole window is shorter than that
every value has one time (:func:`congruent_times`). Otherwise neighbours are put in order by what
lies between them (:func:`unwrap`), which is right as long as no interval is off its expected length
by half the modulus or more; :func:`window_length` and what :func:`unwrap_from` returns are the
checks on that.

Arrays are worked on in blocks that stay in the processor's cache: what needs several passes reads
memory once.

Time starts at the raw ``us0`` of the window. Where the window is well shorter than the modulus
each raw value has one time and nothing can be ambiguous, whatever was lost. In longer windows
every stamp is placed from the one before it and the interval planned, and the end of the window
(known from ``ticks_ms``) shows whether a wrap was lost on the way.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from hil.model.errors import CaptureError

if TYPE_CHECKING:
    from hil.model.captures import Gap, IntArray

MIN_TICK_MODULUS = 1 << 10
MAX_TICK_MODULUS = 1 << 62
_BLOCK = 1 << 15


def unwrap(
    ticks: IntArray, tick_modulus: int, *, step: int | IntArray = 0, out: IntArray | None = None
) -> IntArray:
    """Unwrap raw values, keeping the first: every difference is the one nearest to ``step``.

    ``ticks``: int64, shape (n,), values modulo ``tick_modulus``; ``step``: expected difference of
    neighbours, one for all or shape (n - 1,). Differences come out in
    [step - modulus/2, step + modulus/2). ``out`` may be ``ticks`` itself. Raises ``ValueError`` for
    a modulus that is not 2**10..2**62.
    """
    result = np.empty(len(ticks), np.int64) if out is None else out
    if len(ticks):
        unwrap_from(int(ticks[0]), ticks, tick_modulus, step=step, out=result)
    else:
        _check_modulus(tick_modulus)
    return result


def unwrap_from(
    first: int, ticks: IntArray, tick_modulus: int, *, step: int | IntArray, out: IntArray
) -> int:
    """Like :func:`unwrap` for one value or more, the first of them at the time ``first``.

    Returns the largest deviation of an interval from ``step``, 0 without any.
    """
    _check_modulus(tick_modulus)
    low = -(tick_modulus // 2)
    last_raw, last = int(ticks[0]), first
    out[0] = last
    largest = 0
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
        if least < low or most >= low + tick_modulus:
            steps -= expected
            steps -= low
            np.remainder(steps, tick_modulus, out=steps)
            steps += low
            least, most = int(steps.min()), int(steps.max())
            steps += expected
            np.cumsum(steps, out=steps)
            np.add(steps, last, out=times)
        else:  # nothing wraps in this block
            np.add(raw, last - last_raw, out=times)
        largest = max(largest, most, -least)
        last_raw = raw_end
        last = int(times[-1])
    return largest


def _span(steps: IntArray, expected: int | IntArray) -> tuple[int, int]:
    """The smallest and the largest deviation from what is expected."""
    if isinstance(expected, int):
        return int(steps.min()) - expected, int(steps.max()) - expected
    off = steps - expected
    return int(off.min()), int(off.max())


def congruent_times(
    ticks: IntArray, tick_modulus: int, low: int, *, out: IntArray | None = None
) -> IntArray:
    """The one time in [low, low + tick_modulus) that each raw value stands for; int64, same shape.

    ``out`` may be ``ticks`` itself.
    """
    _check_modulus(tick_modulus)
    result = np.empty(len(ticks), np.int64) if out is None else out
    for at in range(0, len(ticks), _BLOCK):
        part = result[at : at + _BLOCK]
        np.subtract(ticks[at : at + _BLOCK], low, out=part)
        np.remainder(part, tick_modulus, out=part)
        part += low
    return result


def nearest(tick: int, tick_modulus: int, to: int) -> int:
    """The time congruent to ``tick`` that is nearest to ``to``."""
    half = tick_modulus // 2
    return to + (tick - to + half) % tick_modulus - half


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
    *, us0: int, us1: int, ms0: int, ms1: int, tick_modulus: int, planned_us: int, slack_us: int = 0
) -> int:
    """Microseconds between raw ``us0`` and ``us1``, any number of wraps of ``ticks_us`` apart.

    The raw ``ticks_ms`` readings beside them, which wrap 1000 times later, say how many, and the
    planned length says how many wraps those made themselves. ``slack_us`` more than usual may lie
    between the two clocks. Raises
    :class:`~hil.model.errors.CaptureError` where the three do not go together.
    """
    _check_modulus(tick_modulus)
    planned_ms = planned_us // 1000
    span_ms = nearest(ms1 - ms0, tick_modulus, planned_ms)
    if abs(span_ms - planned_ms) > tick_modulus // 4 or span_ms < 0:
        raise CaptureError(
            f"the window of {planned_ms} ms took {span_ms} ms by the board's ticks_ms, "
            "too far off to know how often it wrapped; plan a shorter window"
        )
    length = nearest(us1 - us0, tick_modulus, 1000 * span_ms)
    if (
        abs(length - 1000 * span_ms) > min(tick_modulus // 4, 5000 + span_ms + slack_us)
        or length < 0
    ):
        raise CaptureError(
            f"the board's ticks_us and ticks_ms disagree about the window: "
            f"{length} us against {span_ms} ms"
        )
    return length


def _check_modulus(tick_modulus: int) -> None:
    if not MIN_TICK_MODULUS <= tick_modulus <= MAX_TICK_MODULUS:
        raise ValueError(f"a tick period of {tick_modulus} is not between 2**10 and 2**62")


_STALL_US = 10_000_000  # silence that a running board is not expected to exceed


class Ambiguous(Exception):  # noqa: N818 - caught here in the package, never shown as an error
    """Raw values that can't be placed with certainty; the text says why."""


@dataclass(frozen=True, slots=True)
class TimeBase:
    """``start`` is the raw tick at the window's start and the origin of all times.

    ``length_us`` is the window's length, measured where ``measured`` is set, else planned.
    """

    tick_modulus: int
    start: int
    length_us: int
    measured: bool

    @property
    def end(self) -> int:
        """Unwrapped time of the window's end."""
        return self.start + self.length_us

    @property
    def is_short(self) -> bool:
        """Whether every raw value has one time."""
        return self.length_us <= self.tick_modulus // 4 * (3 if self.measured else 2)

    def point(self, tick: int) -> int:
        """The time of something done at the window's start, give or take half a wrap."""
        if self.is_short:
            return (tick - self._low) % self.tick_modulus + self._low
        return nearest(tick, self.tick_modulus, self.start)

    def track(
        self,
        ticks: IntArray,
        gaps: tuple[Gap, ...],
        tail: int,
        *,
        first: int,
        interval: float,
        out: IntArray | None = None,
    ) -> IntArray:
        """Times of periodic stamps: the first expected near ``first``, then every ``interval`` us.

        ``gaps`` says where how many are missing, ``tail`` how many at the end. ``out`` may be
        ``ticks`` itself, whose values are then lost. Raises
        :class:`Ambiguous` rather than return a time that could be off by a wrap.
        """
        if len(ticks) == 0:
            return ticks
        if self.is_short:
            return congruent_times(ticks, self.tick_modulus, self._low, out=out)
        times = np.empty(len(ticks), np.int64) if out is None else out
        step, lead = round(interval), 0
        silences: dict[int, int] = {}
        for gap in gaps:
            silence = round(interval * (gap.count + 1))
            if silence // 8 > self.tick_modulus // 4:
                raise Ambiguous(
                    f"{gap.count} stamps in a row are lost, the ticks wrapped meanwhile"
                )
            if gap.position == 0:
                lead = gap.count
            elif gap.position < len(ticks):
                silences[gap.position] = silence
            else:
                tail += gap.count
        start = nearest(int(ticks[0]), self.tick_modulus, first + round(lead * interval))
        far = last = 0
        # each stretch between two gaps by itself, from where the one before it ended
        for begin, end in pairwise((0, *silences, len(ticks))):
            if begin:
                start = nearest(int(ticks[begin]), self.tick_modulus, last + silences[begin])
                far = max(far, abs(start - last - silences[begin]))
            part = times[begin:end]
            off = unwrap_from(start, ticks[begin:end], self.tick_modulus, step=step, out=part)
            far = max(far, off)
            last = int(part[-1])
        if far > self.tick_modulus * 7 // 16:
            raise Ambiguous(f"an interval is {far} us off, ticks wrap after {self.tick_modulus} us")
        self._check_end(int(times[-1]), round(interval * (tail + 1)))
        return times

    def events(self, ticks: IntArray) -> IntArray:
        """Times of irregular events in their order, the first one near the window's start."""
        if len(ticks) == 0:
            return ticks
        if self.is_short:
            return congruent_times(ticks, self.tick_modulus, self._low)
        quarter = self.tick_modulus // 4
        times = unwrap(ticks, self.tick_modulus, step=quarter)
        times += nearest(int(ticks[0]), self.tick_modulus, self.start + quarter) - int(ticks[0])
        self._check_end(int(times[-1]), 0)
        return times

    @property
    def _low(self) -> int:
        return self.start - (self.tick_modulus - self.length_us) // 2

    def _check_end(self, last: int, expected_us: int) -> None:
        if not self.measured:
            if self.tick_modulus // 2 < _STALL_US:
                raise Ambiguous("the end of the window is not known to check the wraps against")
            return
        off = self.end - last - expected_us
        if abs(off) >= self.tick_modulus // 2:
            raise Ambiguous(
                f"the last stamp is {off} us from the window's end, ticks wrap after "
                f"{self.tick_modulus} us"
            )
