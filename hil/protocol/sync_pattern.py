"""The sync pattern from its two channels: when the clock was read before and after each edge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hil.model.captures import SYNC, SyncPattern
from hil.model.edges import SYNC_LINE, task_line
from hil.protocol.frames import integer_field
from hil.protocol.tick_unwrap import nearest, unwrap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hil.model.captures import CapturePlan, IntArray
    from hil.protocol.channels import RawChannel, TextFrame
    from hil.protocol.tick_unwrap import TimeBase

_SIDES = ("before", "after")
_MOST_EDGES = 4096
"""On each side of a window; a plan that asks for more is not one of ours."""


def read_sync(
    channels: Mapping[str, RawChannel],
    counters: Mapping[str, int],
    end: TextFrame | None,
    plan: CapturePlan,
    base: TimeBase,
    fault: Callable[..., None],
) -> SyncPattern | None:
    """The pattern that ``plan`` asked for, ``None`` where it did not, or where edges are missing.

    ``end`` is the capture's end frame. The levels of the edges alternate, and what tells one
    pattern from another is the distance of neighbours: one that lacks an edge is left out as a
    whole, with a fault. That the board ended before the second side leaves the first one.
    """
    asked = plan.options.get("sync")
    if not isinstance(asked, int) or not 0 < asked <= _MOST_EDGES:
        return None
    first, second = (channels.get(SYNC.of(side=side).stored) for side in _SIDES)
    if first is None or second is None:
        said = "only half of a" if first or second else "no"
        fault("missing", f"the board made {said} sync pattern: edges have no mark to go by")
        return None
    before, after = first.values, second.values
    whole = len(before) in (asked, 2 * asked) and not first.gaps and not second.gaps
    if not whole or len(before) != len(after):
        fault(
            "missing",
            f"of the readings before and after the {2 * asked} edges of the sync pattern "
            f"{len(before)} and {len(after)} came: it is left out",
        )
        return None
    both = np.stack((before, after))
    if not 0 <= both.min() <= both.max() < base.tick_modulus:
        fault("damaged", "the sync pattern holds what are no ticks of this board: it is left out")
        return None
    modulus = base.tick_modulus
    last = base.start - (base.start - int(after[asked - 1])) % modulus
    sides = [_unwrapped(both[:, :asked], modulus, last_us=last)]
    if len(before) > asked:
        about = base.end + 1000 * _ms_behind(counters, end if base.measured else None, modulus)
        began = nearest(int(before[asked]), modulus, about)
        sides.append(_unwrapped(both[:, asked:], modulus, first_us=began))
    times = np.concatenate(sides, axis=1)
    if (times[1] < times[0]).any() or (times[0, 1:] < times[1, :-1]).any():
        fault("damaged", "the clock went back within the sync pattern: it is left out")
        return None
    task = counters.get("sync_task")
    line = SYNC_LINE if task is None else task_line(task)
    return SyncPattern(before_us=times[0], after_us=times[1], line=line)


def _ms_behind(counters: Mapping[str, int], end: TextFrame | None, modulus: int) -> int:
    """How long after the window the second side began, by ``ticks_ms``; 0 where nobody told."""
    began = counters.get("sync_ms")
    if began is None or end is None or "ms1" not in end.fields:
        return 0
    return (began - integer_field(end.fields, "ms1", high=modulus - 1)) % modulus


def _unwrapped(
    both: IntArray, modulus: int, *, first_us: int | None = None, last_us: int | None = None
) -> IntArray:
    """One side, (2, edges), of which the first or the very last reading is at a known time.

    Neighbours are less than half of a wrap apart.
    """
    times = unwrap(both.T.ravel(), modulus, step=modulus // 4)
    times += int(first_us - times[0] if last_us is None else last_us - times[-1])
    return times.reshape(-1, 2).T
