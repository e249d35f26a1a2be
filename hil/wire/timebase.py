"""One time for a whole capture: raw ticks of the window to unwrapped microseconds.

Time starts at the raw ``us0`` of the window. Where the window is well shorter than the tick period
each raw value has one place and nothing can be ambiguous, whatever was lost. In longer windows
every stamp is placed from the one before it and the interval planned, and the end of the window
(known from ``ticks_ms``) shows whether a wrap was lost on the way.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from hil.records import Gap, IntArray
from hil.ticks import nearest, place, unwrap, unwrap_from

_STALL_US = 10_000_000  # silence that a running board is not expected to exceed


class Ambiguous(Exception):  # noqa: N818 - caught here in the package, never shown as an error
    """Raw values that can't be placed with certainty; the text says why."""


@dataclass(frozen=True, slots=True)
class TimeBase:
    """``start`` is the raw tick at the window's start and the origin of all times.

    ``length_us`` is the window's length, measured where ``measured`` is set, else planned.
    """

    period: int
    start: int
    length_us: int
    measured: bool

    @property
    def end(self) -> int:
        """Unwrapped time of the window's end."""
        return self.start + self.length_us

    @property
    def is_short(self) -> bool:
        """Whether every raw value has one place."""
        return self.length_us <= self.period // 4 * (3 if self.measured else 2)

    def point(self, tick: int) -> int:
        """The time of something done at the window's start, give or take half a wrap."""
        if self.is_short:
            return (tick - self._low) % self.period + self._low
        return nearest(tick, self.period, self.start)

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
            return place(ticks, self.period, self._low, out=out)
        times = np.empty(len(ticks), np.int64) if out is None else out
        step, lead = round(interval), 0
        silences: dict[int, int] = {}
        for gap in gaps:
            silence = round(interval * (gap.count + 1))
            if silence // 8 > self.period // 4:
                raise Ambiguous(
                    f"{gap.count} stamps in a row are lost, the ticks wrapped meanwhile"
                )
            if gap.position == 0:
                lead = gap.count
            elif gap.position < len(ticks):
                silences[gap.position] = silence
            else:
                tail += gap.count
        start = nearest(int(ticks[0]), self.period, first + round(lead * interval))
        far = last = 0
        # each stretch between two gaps by itself, from where the one before it ended
        for begin, end in pairwise((0, *silences, len(ticks))):
            if begin:
                start = nearest(int(ticks[begin]), self.period, last + silences[begin])
                far = max(far, abs(start - last - silences[begin]))
            part = times[begin:end]
            off = unwrap_from(start, ticks[begin:end], self.period, step=step, out=part)
            far = max(far, off)
            last = int(part[-1])
        if far > self.period * 7 // 16:
            raise Ambiguous(f"an interval is {far} us off, ticks wrap after {self.period} us")
        self._check_end(int(times[-1]), round(interval * (tail + 1)))
        return times

    def events(self, ticks: IntArray) -> IntArray:
        """Times of irregular events in their order, the first one near the window's start."""
        if len(ticks) == 0:
            return ticks
        if self.is_short:
            return place(ticks, self.period, self._low)
        quarter = self.period // 4
        times = unwrap(ticks, self.period, step=quarter)
        times += nearest(int(ticks[0]), self.period, self.start + quarter) - int(ticks[0])
        self._check_end(int(times[-1]), 0)
        return times

    @property
    def _low(self) -> int:
        return self.start - (self.period - self.length_us) // 2

    def _check_end(self, last: int, expected_us: int) -> None:
        if not self.measured:
            if self.period // 2 < _STALL_US:
                raise Ambiguous("the end of the window is not known to check the wraps against")
            return
        off = self.end - last - expected_us
        if abs(off) >= self.period // 2:
            raise Ambiguous(
                f"the last stamp is {off} us from the window's end, ticks wrap after "
                f"{self.period} us"
            )
