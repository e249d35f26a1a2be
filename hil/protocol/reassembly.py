"""A decoded stream to a :class:`~hil.model.captures.Capture`, in one time base. Pure.

Everything that came from the board is checked before it is used; what does not hold becomes a
fault and is left out, so that what is in the capture can be computed with.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hil.model.captures import Capture
from hil.model.errors import CaptureError
from hil.protocol.activation_tracks import read_grids, read_series, read_tracks
from hil.protocol.channels import read_totals
from hil.protocol.device_log import MAX_LOG_LINE
from hil.protocol.events import (
    read_calibration,
    read_events,
    read_occurrences,
    read_pings,
    read_values,
)
from hil.protocol.fault_list import FaultList
from hil.protocol.frames import counter_fields, integer_field
from hil.protocol.sync_pattern import read_sync
from hil.protocol.tick_unwrap import MAX_TICK_MODULUS, MIN_TICK_MODULUS, TimeBase, window_length

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hil.model.board import BoardIdentity
    from hil.model.captures import CapturePlan, EventSet, Occurrences, SyncPattern, Track
    from hil.protocol.channels import TextFrame
    from hil.protocol.decoder import Decoded
    from hil.protocol.events import HostPing

_MAX_ERROR_LINES = 200
_END_KEYS = frozenset(("us0", "us1", "ms0", "ms1", "status"))


def assemble(
    decoded: Decoded,
    board: BoardIdentity,
    plan: CapturePlan,
    pings: Sequence[HostPing] = (),
    arrival_ns: Callable[[int], int] | None = None,
) -> Capture:
    """Put a capture together; the raw stamps of ``decoded`` are used up.

    ``pings`` are the host's times of the clock exchanges, ``arrival_ns`` tells the host time at
    which the byte at a stream offset arrived; both are needed for
    :class:`~hil.model.captures.Pings`.
    """
    fault_list = FaultList()
    fault = fault_list.add
    texts = decoded.texts
    tick_modulus = _tick_modulus(texts, board, plan, fault)
    end = next((frame for frame in texts if frame.kind == "E"), None)
    numbers: dict[str, int] = {}
    if end is None:
        fault("truncated", "the capture has no end: the board stopped or the link broke")
    else:
        try:
            numbers = counter_fields(end.fields, without=_END_KEYS)
        except ValueError as error:
            fault("damaged", f"the counters can't be read: {error}", end.offset)
    totals = read_totals(texts, decoded.channels, end is not None, fault)
    grids = read_grids(texts, plan, tick_modulus, fault)
    base = _time_base(
        end, tick_modulus, board, plan, [grid.origin for grid in grids.values()], fault
    )
    tracks: tuple[Track, ...] = ()
    events: tuple[EventSet, ...] = ()
    occurrences: tuple[Occurrences, ...] = ()
    sync: SyncPattern | None = None
    if base is not None:
        tracks = read_tracks(
            decoded.channels, totals, grids, base, plan, fault, jump_us=board.clock_jump_us
        )
        events = read_events(decoded.channels, numbers, base, fault)
        occurrences = read_occurrences(decoded.channels, totals, base, fault)
        sync = read_sync(decoded.channels, numbers, end, plan, base, fault)
    capture = Capture(
        board=board,
        plan=plan,
        tracks=tracks,
        events=events,
        occurrences=occurrences,
        pings=read_pings(texts, pings, arrival_ns, tick_modulus, base, fault),
        calibration=read_calibration(decoded.channels, numbers),
        counters=numbers,
        values=read_values(decoded.channels),
        series=read_series(texts, decoded.channels, totals, tick_modulus, fault),
        sync=sync,
        log=decoded.log,
        errors=_errors(texts, end, fault),
    )
    return replace(capture, faults=(*decoded.faults, *fault_list.issues()))


def _tick_modulus(
    texts: Sequence[TextFrame],
    board: BoardIdentity,
    plan: CapturePlan,
    fault: Callable[..., None],
) -> int:
    begin = next((frame for frame in texts if frame.kind == "H"), None)
    if begin is None:
        if texts and texts[0].kind not in "PR":
            fault("missing", "the frame that begins a capture is lost")
        return board.tick_period
    try:
        tick_modulus = integer_field(
            begin.fields, "tp", low=MIN_TICK_MODULUS, high=MAX_TICK_MODULUS
        )
        tasks = integer_field(begin.fields, "tasks") if "tasks" in begin.fields else len(plan.tasks)
    except ValueError as error:
        fault("damaged", f"the begin frame: {error}", begin.offset)
        return board.tick_period
    for what, sent, expected in (
        ("tick period", tick_modulus, board.tick_period),
        ("number of tasks", tasks, len(plan.tasks)),
    ):
        if sent != expected:
            text = f"the agent's {what} is {sent}, not the {expected} that was expected"
            fault("agent", text, begin.offset)
    return tick_modulus


def _time_base(
    end: TextFrame | None,
    tick_modulus: int,
    board: BoardIdentity,
    plan: CapturePlan,
    origins: Sequence[int],
    fault: Callable[..., None],
) -> TimeBase | None:
    if end is not None:
        try:
            us0, us1, ms0, ms1 = (
                integer_field(end.fields, key, high=tick_modulus - 1)
                for key in ("us0", "us1", "ms0", "ms1")
            )
            length = window_length(
                us0=us0,
                us1=us1,
                ms0=ms0,
                ms1=ms1,
                tick_modulus=tick_modulus,
                planned_us=plan.duration_us,
                slack_us=tick_modulus // 8 if board.clock_jump_us else 0,
            )
            _compare_clocks(board, length, ms1 - ms0, tick_modulus, fault)
            return TimeBase(tick_modulus, us0, length, measured=True)
        except ValueError as error:
            fault("damaged", f"the end frame: {error}", end.offset)
        except CaptureError as error:
            fault("wrap", str(error), end.offset)
            return None
    if not origins:
        return None
    return TimeBase(tick_modulus, origins[0], plan.duration_us, measured=False)


def _compare_clocks(
    board: BoardIdentity, us: int, ms: int, tick_modulus: int, fault: Callable[..., None]
) -> None:
    """A board whose clock is known to be wrong: say how far its milliseconds were off."""
    off_us = 1000 * (ms % tick_modulus) - us
    if board.clock_jump_us and abs(off_us) > 5000 + us // 1000:
        text = f"the board's ticks_ms counted {off_us / 1000:+.0f} ms more than its ticks_us"
        fault("clock_jump", f"{text} in {us / 1000:.0f} ms; times are by ticks_us")


def _errors(
    texts: Sequence[TextFrame], end: TextFrame | None, fault: Callable[..., None]
) -> tuple[str, ...]:
    lines = [frame.fields.get("t", "")[:MAX_LOG_LINE] for frame in texts if frame.kind == "X"]
    if len(lines) > _MAX_ERROR_LINES:
        more = len(lines) - _MAX_ERROR_LINES
        lines[_MAX_ERROR_LINES:] = [f"... ({more} more lines)"]
    status = end.fields.get("status", "") if end is not None else ""
    if end is not None and status != "ok":
        fault("agent", f"the agent ended with status {status[:40]!r}", end.offset)
        if not lines:
            lines = [f"the agent ended with status {status[:40]!r} and no traceback"]
    return tuple(lines)
