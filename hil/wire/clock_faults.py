"""Stamps that a board's clock got wrong by a known amount, put right where only one way fits. Pure.

An old port reads its clock in two parts that can come from different moments: now and then one
reading is off by exactly 65536 us, and the next one is right again. Two readings of one program
never go backwards in time, so such a stamp shows as a step back; it is put right if moving one
stamp by exactly the known amount restores the order, and no other single move does.
"""

from __future__ import annotations

import numpy as np

from hil.records import IntArray
from hil.ticks import least_step


class ClockBroken(Exception):  # noqa: N818 - caught here in the package, never shown as an error
    """Times that can't be trusted; the text says why."""


def check_order(times: IntArray) -> None:
    """Raise :class:`ClockBroken` if a board's clock ran backwards between two stamps."""
    least = least_step(times)
    if least < 0:
        raise ClockBroken(f"the board's clock ran backwards by {-least} us")


def put_right(
    times: IntArray, first: int, last: int, jump_us: int, period_us: float
) -> tuple[IntArray, int]:
    """``times`` with single readings moved by ``jump_us``, and how many were.

    All of ``times`` lie between ``first`` and ``last`` in truth. Raises :class:`ClockBroken` where
    the order can be restored in several ways or none, and where the period is so long that a jump
    need not break the order at all but seems to be there.
    """
    series = np.concatenate(([first], times, [last]))
    moved = 0
    while len(back := np.flatnonzero(np.diff(series) < 0)):
        ways = _ways(series, int(back[0]), jump_us)
        if len(ways) != 1 or moved > len(times):
            raise ClockBroken(
                f"the board's clock ran backwards by {series[back[0]] - series[back[0] + 1]} us, "
                f"and its known jumps of {jump_us} us do not explain it in one way only"
            )
        index, move = ways[0]
        series[index] += move
        moved += 1
    steps = np.diff(series[1:-1])
    if period_us >= jump_us and len(steps) > 1:
        bend = np.abs(np.diff(steps))
        if (np.abs(bend - 2 * jump_us) < jump_us // 8).any():
            raise ClockBroken(
                f"a stamp seems to be off by the board's known clock jump of {jump_us} us; only "
                f"with periods below that can this be proven and put right"
            )
    return series[1:-1], moved


def _ways(series: IntArray, at: int, jump_us: int) -> list[tuple[int, int]]:
    """Moves of one stamp that restore the order where ``series[at + 1] < series[at]``."""
    ways = []
    if at > 0 and series[at - 1] <= series[at] - jump_us <= series[at + 1]:
        ways.append((at, -jump_us))
    if at + 2 < len(series) and series[at] <= series[at + 1] + jump_us <= series[at + 2]:
        ways.append((at + 1, jump_us))
    return ways
