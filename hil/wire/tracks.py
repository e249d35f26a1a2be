"""The activations of every task against the grid it was asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hil.records import CapturePlan, Track
from hil.ticks import extent
from hil.wire.channels import RawChannel, TextFrame
from hil.wire.clock_faults import ClockBroken, check_order, put_right
from hil.wire.fields import integer
from hil.wire.timebase import Ambiguous, TimeBase
from hil.wire.totals import Total

_TASK = re.compile(r"task([0-9]{1,4})\Z")
MOST_PER_PERIOD = 100  # stamps a period of the plan beyond which an index can't be true
MAX_PERIOD_US = 1 << 40


@dataclass(frozen=True, slots=True)
class Grid:
    """Intended activation j of a task: raw tick ``origin``, plus ``offset_us + j * period_us``."""

    origin: int
    offset_us: int
    period_us: int


def read_grids(
    texts: Sequence[TextFrame], plan: CapturePlan, period: int, fault: Callable[..., None]
) -> dict[int, Grid]:
    """The grids by task; ``period`` is the tick period."""
    grids: dict[int, Grid] = {}
    for frame in texts:
        if frame.kind != "G" or "track" in frame.fields:
            continue
        try:
            task = integer(frame.fields, "task", high=max(0, len(plan.tasks) - 1))
            grid = Grid(
                integer(frame.fields, "origin", high=period - 1),
                integer(frame.fields, "offset", low=-MAX_PERIOD_US, high=MAX_PERIOD_US),
                integer(frame.fields, "period", low=1, high=MAX_PERIOD_US),
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

    The stamps take the place of the raw values in their channels.

    ``jump_us`` is what the board's clock is known to be off by in single readings.
    """
    tracks = []
    for name, channel in channels.items():
        match = _TASK.match(name)
        if match is None:
            continue
        task = int(match[1])
        total = totals[name]
        if task >= len(plan.tasks) or channel.kind != "ticks":
            fault("damaged", f"{name!r} is no task of this capture")
            continue
        if task not in grids:
            fault("missing", f"task {task} has stamps but no grid (it never began, or it is lost)")
            continue
        grid = grids[task]
        most = MOST_PER_PERIOD * (base.length_us // grid.period_us + 100)
        if channel.end_index > most or sum(gap.count for gap in total.gaps) > most:
            fault("damaged", f"task {task} claims {channel.end_index} stamps, which can't be")
            continue
        values = channel.values
        least, most = extent(values) if len(values) else (0, 0)
        if least < 0 or most >= base.period:
            fault("damaged", f"task {task} has stamps that are no ticks of this board")
            continue
        origin = base.point(grid.origin) + grid.offset_us
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
                stamps, moved = put_right(stamps, base.start, base.end, jump_us, grid.period_us)
                if moved:
                    text = f"{moved} stamps of task {task} were off by the {jump_us} us that this"
                    fault("clock_jump", f"{text} board's clock is known for; they were put right")
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
            )
        )
    return tuple(sorted(tracks, key=lambda track: track.index))
