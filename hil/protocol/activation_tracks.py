"""Activations of tasks, and of the series after a window, against their grids. Pure.

A grid frame with ``track=METHOD:k`` says what was intended of the channel of that name, and when
the series began and ended: its times are put together on a base of their own.

An old port reads its clock in two parts that can come from different moments: now and then one
reading is off by exactly 65536 us, and the next one is right again. Two readings of one program
never go backwards in time, so such a stamp shows as a step back; it is repaired if moving one
stamp by exactly the known amount restores the order, and no other single move does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.model.captures import TASK, Series, Track
from hil.model.errors import CaptureError
from hil.protocol.capture_limits import MAX_SERIES, task_limit
from hil.protocol.frames import integer_field
from hil.protocol.tick_unwrap import Ambiguous, TimeBase, extent, least_step, window_length

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hil.model.captures import CapturePlan, IntArray
    from hil.protocol.channels import RawChannel, TextFrame, Total

_TASK_NUMBER = re.compile(r"[0-9]{1,4}\Z")
MOST_PER_PERIOD = 100  # stamps a period beyond which an index can't be true
MAX_PERIOD_US = 1 << 40


@dataclass(frozen=True, slots=True)
class Grid:
    """Intended activation j of a task: raw tick ``origin``, plus ``offset_us + j * period_us``.

    ``from_first``: nobody asked for it, it begins at the task's own first activation. ``answers``:
    ``numbered`` or ``order`` where activation n is known to answer release n, see
    :class:`~hil.model.captures.Track`.
    """

    origin: int
    offset_us: int
    period_us: int
    from_first: bool = False
    answers: str = ""


def read_grids(
    texts: Sequence[TextFrame], plan: CapturePlan, tick_modulus: int, fault: Callable[..., None]
) -> dict[int, Grid]:
    """The grids by task index; ``tick_modulus`` is after how many ticks the counter wraps."""
    grids: dict[int, Grid] = {}
    for frame in texts:
        if frame.kind != "G" or "track" in frame.fields:
            continue
        try:
            task = integer_field(frame.fields, "task", high=max(0, len(plan.tasks) - 1))
            grid = Grid(
                integer_field(frame.fields, "origin", high=tick_modulus - 1),
                integer_field(frame.fields, "offset", low=-MAX_PERIOD_US, high=MAX_PERIOD_US),
                integer_field(frame.fields, "period", low=1, high=MAX_PERIOD_US),
                from_first=frame.fields.get("from") == "first",
                answers=frame.fields.get("answers", ""),
            )
        except ValueError as error:
            fault("damaged", f"the grid of a task: {error}", frame.offset)
            continue
        if grids.setdefault(task, grid) != grid:
            fault("duplicate", f"task {task} has two grids; the first is used", frame.offset)
    return grids


def read_tracks(
    channels: Mapping[str, RawChannel],
    totals: Mapping[str, Total],
    grids: Mapping[int, Grid],
    base: TimeBase,
    plan: CapturePlan,
    fault: Callable[..., None],
    *,
    jump_us: int | None = None,
) -> tuple[Track, ...]:
    """A track for every task whose stamps have one certain time; a fault for every other one.

    The arrays of raw values in the channels are used again for the stamps.

    ``jump_us`` is what the board's clock is known to be off by in single readings.
    """
    tracks = []
    for name, channel in channels.items():
        parts = TASK.parts(name)
        if parts is None or not _TASK_NUMBER.match(parts["task"]):
            continue
        task = int(parts["task"])
        total = totals[name]
        if task >= len(plan.tasks) or channel.kind != "ticks":
            fault("damaged", f"{name!r} is no task of this capture")
            continue
        if task not in grids:
            if channel.end_index:
                text = f"task {task} has stamps but no grid (it never began, or it is lost)"
                fault("missing", text)
            continue
        grid = grids[task]
        origin = base.point(grid.origin) + grid.offset_us
        releases = max(0, base.end - origin) // grid.period_us
        if releases > task_limit(plan, plan.tasks[task].period_us):
            text = f"the grid of task {task} has {releases:,} releases, more than its plan allows"
            fault("damaged", text)
            continue
        most = MOST_PER_PERIOD * (releases + 100)
        claimed = max(channel.end_index, total.dropped, sum(gap.count for gap in total.gaps))
        if claimed > most:
            fault("damaged", f"task {task} claims {claimed} stamps, which can't be")
            continue
        values = channel.values
        least, most = extent(values) if len(values) else (0, 0)
        if least < 0 or most >= base.tick_modulus:
            fault("damaged", f"task {task} has stamps that are no ticks of this board")
            continue
        try:
            # in place: the raw ticks of a day are 0.7 GB
            stamps = base.track(
                *(values, total.gaps, total.dropped),
                first=origin,
                interval=grid.period_us,
                out=values,
            )
        except Ambiguous as why:
            fault("wrap", f"task {task} is left out: {why}")
            continue
        try:
            if jump_us:
                stamps, moved = repair_clock_jumps(
                    stamps, base.start, base.end, jump_us, grid.period_us
                )
                if moved:
                    text = f"{moved} stamps of task {task} were off by the {jump_us} us that this"
                    fault("clock_jump", f"{text} board's clock is known for; they were corrected")
            else:
                check_order(stamps)
        except ClockBroken as why:
            fault("clock", f"task {task}: {why}")
        least, most = extent(stamps) if len(stamps) else (base.start, base.end)
        slack = grid.period_us + 1_000_000
        if least < base.start - slack or most > base.end + slack:
            fault("clock", f"task {task} has stamps from outside of the window")
        tracks.append(
            Track(
                index=task,
                period_us=float(grid.period_us),
                origin_us=origin,
                end_us=base.end,
                stamps_us=stamps,
                dropped=total.dropped,
                gaps=total.gaps,
                from_first=grid.from_first,
                numbered=grid.answers == "numbered",
                in_order=grid.answers == "order",
                name=plan.task_name(task),
            )
        )
    return tuple(sorted(tracks, key=lambda track: track.index))


_NAME = re.compile(r"([ -:<-}]{1,60}):([0-9]{1,2})\Z")


def read_series(
    texts: Sequence[TextFrame],
    channels: Mapping[str, RawChannel],
    totals: Mapping[str, Total],
    tick_modulus: int,
    fault: Callable[..., None],
) -> tuple[Series, ...]:
    """Every series whose times are certain; a fault for every other one."""
    series: dict[tuple[str, int], Series] = {}
    for frame in texts:
        if frame.kind != "G" or "track" not in frame.fields:
            continue
        name = frame.fields["track"]
        try:
            parsed = _read(name, frame.fields, channels, totals, tick_modulus)
        except ValueError as error:
            fault("damaged", f"the series {name[:60]!r} is left out: {error}", frame.offset)
        except (Ambiguous, CaptureError) as why:
            # these figures alone are lost: the capture itself is sound
            fault("missing", f"the series {name[:60]!r} is left out: {why}", frame.offset)
        else:
            if series.setdefault((parsed.method, parsed.track.index), parsed) is not parsed:
                fault("duplicate", f"the series {name[:60]!r} is there twice", frame.offset)
    return tuple(series.values())


def _read(
    name: str,
    fields: Mapping[str, str],
    channels: Mapping[str, RawChannel],
    totals: Mapping[str, Total],
    tick_modulus: int,
) -> Series:
    match = _NAME.match(name)
    if match is None or name not in channels or channels[name].kind != "ticks":
        raise ValueError("it has no channel")
    channel, total = channels[name], totals[name]
    us0, us1, ms0, ms1 = (
        integer_field(fields, key, high=tick_modulus - 1) for key in ("origin", "end", "ms0", "ms1")
    )
    offset = integer_field(fields, "offset", low=-MAX_PERIOD_US, high=MAX_PERIOD_US)
    every = integer_field(fields, "period", low=1, high=MAX_PERIOD_US)
    length = window_length(
        us0=us0, us1=us1, ms0=ms0, ms1=ms1, tick_modulus=tick_modulus, planned_us=0
    )
    most = MOST_PER_PERIOD * (length // every + 100)
    claimed = max(channel.end_index, total.dropped, sum(gap.count for gap in total.gaps))
    if claimed > most:
        raise ValueError(f"it claims {claimed} stamps, which can't be")
    if max(0, length - offset) // every > MAX_SERIES:
        raise ValueError("its grid has more releases than any series")
    values = channel.values
    if len(values) and not 0 <= values.min() <= values.max() < tick_modulus:
        raise ValueError("it has stamps that are no ticks of this board")
    base = TimeBase(tick_modulus, us0, length, measured=True)
    origin = us0 + offset
    stamps = base.track(values, total.gaps, total.dropped, first=origin, interval=every)
    track = Track(
        index=int(match[2]),
        period_us=float(every),
        origin_us=origin,
        end_us=base.end,
        stamps_us=stamps,
        dropped=total.dropped,
        gaps=total.gaps,
    )
    return Series(match[1], track)


class ClockBroken(Exception):  # noqa: N818 - caught here in the package, never shown as an error
    """Times that can't be trusted; the text says why."""


def check_order(times: IntArray) -> None:
    """Raise :class:`ClockBroken` if a board's clock ran backwards between two stamps."""
    least = least_step(times)
    if least < 0:
        raise ClockBroken(f"the board's clock ran backwards by {-least} us")


def repair_clock_jumps(
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
        candidates = _possible_moves(series, int(back[0]), jump_us)
        if len(candidates) != 1 or moved > len(times):
            raise ClockBroken(
                f"the board's clock ran backwards by {series[back[0]] - series[back[0] + 1]} us, "
                f"and its known jumps of {jump_us} us do not explain it in one way only"
            )
        index, move = candidates[0]
        series[index] += move
        moved += 1
    steps = np.diff(series[1:-1])
    if period_us >= jump_us and len(steps) > 1:
        bend = np.abs(np.diff(steps))
        if (np.abs(bend - 2 * jump_us) < jump_us // 8).any():
            raise ClockBroken(
                f"a stamp seems to be off by the board's known clock jump of {jump_us} us; only "
                f"with periods below that can this be proven and corrected"
            )
    return series[1:-1], moved


def _possible_moves(series: IntArray, at: int, jump_us: int) -> list[tuple[int, int]]:
    """Moves of one stamp that restore the order where ``series[at + 1] < series[at]``."""
    candidates = []
    if at > 0 and series[at - 1] <= series[at] - jump_us <= series[at + 1]:
        candidates.append((at, -jump_us))
    if at + 2 < len(series) and series[at] <= series[at + 1] + jump_us <= series[at + 2]:
        candidates.append((at + 1, jump_us))
    return candidates
