"""The validity of a capture: whole, or up to the last stamps of one that was truncated.

Nothing is computed from an invalid capture. What a truncated one still supports is for reports that
are made afterwards; in a run it is an error.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hil.model.errors import CaptureError, HilError, HostSleptError, RemoteCodeError
from hil.model.metrics import metric_or_unknown
from hil.protocol.log_lines import has_log_line
from hil.recording.host_pauses import host_sleep
from hil.recording.program_failures import find_program_failure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.model.captures import Capture, Pings
    from hil.model.results import Measurement

_RATE_SLACK = 500e-6
"""What a board's clock may change its rate by within a capture, warm-up included."""
_NEW_BLOCK = 10  # times the usual spacing of exchanges
_LOST = ("missing", "damaged")
_LOST_TO_A_LOG = (
    "log lines of ESP-IDF came in the middle of its frames, and some of these are lost: write "
    "`import esp; esp.osdebug(None)` into the board's boot.py"
)
_INVALIDATING = ("excess", "wrap", "truncated", "clock", "incomplete", "agent")


def require_valid(capture: Capture) -> None:
    """Raise if ``capture`` must not give figures, with the cause in one line.

    Raises :class:`~hil.model.errors.RemoteCodeError` when the agent, or the user's own program,
    failed on the board, and :class:`~hil.model.errors.CaptureError` when its times are ambiguous,
    its end is missing, or the stamps of a task are; :class:`~hil.model.errors.HostSleptError` when
    the host stood still meanwhile.
    """
    slept = host_sleep(capture)
    if slept is not None:  # first: it may be the cause of all that follows
        raise HostSleptError(slept)
    failure = find_program_failure(capture)
    if failure is not None:
        raise RemoteCodeError(failure.text, traceback=failure.traceback)
    if capture.errors and capture.errors[-1].startswith(("error: ", "interrupted")):
        raise CaptureError(f"the capture is invalid: {capture.errors[-1].removeprefix('error: ')}")
    if capture.errors:
        raise RemoteCodeError(
            f"the agent failed: {capture.errors[-1]}", traceback="\n".join(capture.errors)
        )
    for fault in capture.faults:
        if fault.kind in _INVALIDATING:
            raise CaptureError(f"the capture is invalid: {fault.detail}")
    if any(fault.kind in _LOST for fault in capture.faults) and any(map(has_log_line, capture.log)):
        # what is lost then is no fault of the technique, and no figure of it
        raise CaptureError(f"the capture is invalid: {_LOST_TO_A_LOG}")
    for track in capture.tracks:
        stamps = track.stamps_us
        if (stamps[1:] < stamps[:-1]).any():
            back_us = int((stamps[:-1] - stamps[1:]).max())
            raise CaptureError(
                f"the capture is invalid: the board's clock went back by {back_us} us "
                f"between two stamps of task {track.index}"
            )
    step = clock_step(capture.pings, capture.board.tick_resolution_us or 1.0)
    if step is not None:
        raise CaptureError(f"the capture is invalid: {step}")
    missing = {task.index for task in capture.plan.tasks} - {t.index for t in capture.tracks}
    if missing:
        reason = f" ({capture.faults[0].detail})" if capture.faults else ""
        raise CaptureError(f"the capture is invalid: no stamps of task {min(missing)}{reason}")


def clock_step(pings: Pings | None, tick_us: float) -> str | None:
    """How the board's clock jumped between clock exchanges, or ``None`` where it need not have.

    Between two exchanges the host knows for certain that at least, and at most, so much time
    passed, whatever the delays were. A clock of one rate fits into all of these limits; one that
    was set in between does not. Steps below some per cent of a buffered window's length can't be
    told from a fast clock where exchanges are only before and after it.
    """
    if pings is None or len(pings.host_tx_ns) < 4:
        return None
    sent, received = pings.host_tx_ns / 1e3, pings.host_rx_ns / 1e3
    board = pings.board_rx_us.astype(np.float64)
    spacing = np.diff(sent)
    borders = np.flatnonzero(spacing > _NEW_BLOCK * np.median(spacing)) + 1
    if len(borders) == 0:  # evenly spread: each exchange against the next
        borders = np.arange(1, len(sent))
    marks = np.unique(np.concatenate(([0], borders - 1, borders, [len(sent) - 1])))
    first, last = marks[:-1], marks[1:]
    passed = board[last] - board[first]
    longest = np.maximum(received[last] - sent[first], 1e-3)
    shortest = np.maximum(sent[last] - received[first], 1e-3)
    slowest = (passed - tick_us) / longest - _RATE_SLACK / 2
    fastest = (passed + tick_us) / shortest + _RATE_SLACK / 2
    if slowest.max() <= fastest.min() and (np.diff(board) >= -tick_us).all():
        return None
    middle, width = (slowest + fastest) / 2, fastest - slowest
    known = middle[width <= 4 * width.min()]
    # of several rates the likelier one; a single one is that of the jump
    usual = float(known[np.argmin(np.abs(known - 1.0))]) if len(known) > 1 else 1.0
    off = np.where(slowest > usual, slowest - usual, np.minimum(fastest - usual, 0.0))
    at = int(np.argmax(np.abs(off) * longest))
    jump_ms = off[at] * longest[at] / 1000
    still = "board" if jump_ms < 0 else "host"
    return (
        f"the board's clock jumped by about {jump_ms:.1f} ms within {longest[at] / 1e6:.3g} s, "
        f"or changed its rate; look for code that sets the time, a {still} that stood still "
        "(deep sleep, a debugger, a paused virtual machine), or a failing oscillator"
    )


TRUNCATED_NOTE = "the capture was cut: figures up to its last stamp"
_TRUNCATED = "truncated"
_OUR_END = ("error: ", "interrupted")  # how the store says that the harness ended it


def truncate_capture(capture: Capture) -> Capture | None:
    """``capture`` with every task's window ended at its last stamp; ``None`` if nothing is left.

    ``None`` too for a capture that is whole, or invalid for another reason than its missing end.
    """
    if not any(fault.kind == _TRUNCATED for fault in capture.faults):
        return None
    tracks = tuple(
        replace(
            track,
            end_us=int(track.stamps_us[-1]),
            gaps=tuple(gap for gap in track.gaps if gap.position < len(track.stamps_us)),
        )
        for track in capture.tracks
        if len(track.stamps_us) > 1
    )
    tasks = {track.index for track in tracks}
    plan = replace(capture.plan, tasks=tuple(t for t in capture.plan.tasks if t.index in tasks))
    faults = tuple(fault for fault in capture.faults if fault.kind != _TRUNCATED)
    errors = tuple(line for line in capture.errors if not line.startswith(_OUR_END))
    try:
        require_valid(replace(capture, faults=faults, tracks=tracks, plan=plan, errors=errors))
    except HilError:
        return None
    return replace(capture, tracks=tracks, events=()) if tracks else None


def mark_truncated(measurements: Sequence[Measurement]) -> list[Measurement]:
    """The figures of a truncated capture that hold, each with a note that says what it is of."""
    return [
        replace(
            measurement,
            note=f"{measurement.note}; {TRUNCATED_NOTE}" if measurement.note else TRUNCATED_NOTE,
        )
        for measurement in measurements
        if metric_or_unknown(measurement.metric).in_truncated
    ]
