"""What a capture that was cut short still tells: figures up to its last stamps, and no verdict.

Only for reports that are made afterwards. In a run such a capture is an error and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hil.errors import HilError
from hil.records import Capture, Measurement
from hil.void import refuse_void

CUT_NOTE = "the capture was cut: figures up to its last stamp"
_UNKNOWN = frozenset(("dropped", "overruns"))  # what the board counted at the end never came
_CUT = "truncated"
_OUR_END = ("error: ", "interrupted")  # how the store says that the harness ended it


def cut_short(capture: Capture) -> Capture | None:
    """``capture`` with every task's window ended at its last stamp; ``None`` if nothing is left.

    ``None`` too for a capture that is whole, or void for another reason than its missing end.
    """
    if not any(fault.kind == _CUT for fault in capture.faults):
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
    faults = tuple(fault for fault in capture.faults if fault.kind != _CUT)
    errors = tuple(line for line in capture.errors if not line.startswith(_OUR_END))
    try:
        refuse_void(replace(capture, faults=faults, tracks=tracks, plan=plan, errors=errors))
    except HilError:
        return None
    return replace(capture, tracks=tracks, events=()) if tracks else None


def marked(measurements: Sequence[Measurement]) -> list[Measurement]:
    """The figures of a cut capture that hold, each with a note that says what it is of."""
    return [
        replace(one, note=f"{one.note}; {CUT_NOTE}" if one.note else CUT_NOTE)
        for one in measurements
        if one.metric not in _UNKNOWN
    ]
