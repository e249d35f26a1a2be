"""Which channel carries what: lines that are swapped, inverted, or driven by nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.stamp_matching import match_stamps
from hil.model.edges import (
    LOOP_LINE,
    RESPONSE_LINE,
    SYNC_LINE,
    EdgeFinding,
    task_line,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hil.analysis.line_faults import LineCheck
    from hil.model.captures import Capture, FloatArray
    from hil.model.edges import EdgeRecording

_GOOD = 0.9
_WEAK = 0.2  # of the stamps without an edge: perhaps another task's edges


def check_channels(
    checks: Sequence[LineCheck],
    recording: EdgeRecording,
    capture: Capture,
    edges_us: Mapping[str, FloatArray],
    stamps_us: Mapping[str, FloatArray],
    room_us: float,
    resolution_us: float,
    longest_us: float,
) -> tuple[tuple[EdgeFinding, ...], list[LineCheck]]:
    """Findings, and the checks, in which lines of swapped channels are no longer valid.

    ``edges_us`` are the edges of each line of the recording in board time, ``stamps_us`` the stamps
    of each task's line; ``room_us`` is how far the two times may be off each other, ``longest_us``
    the longest usual delay from a stamp to its pin.
    """
    findings: list[EdgeFinding] = []
    suspects = {check.name for check in checks if _implausible(check, room_us + 1.0)}
    suspects |= {check.name for check in checks if check.missing > _WEAK * check.stamped}
    upside_down = {check.name for check in checks if _starts_wrong(check, recording, capture)}
    swapped: set[str] = set()
    for check in checks:
        if check.name not in suspects and check.name not in upside_down:
            continue
        for name, edges in edges_us.items():
            other_suspect = name in suspects or name in upside_down or name not in stamps_us
            if name == check.name or not other_suspect:
                continue
            match = match_stamps(edges, stamps_us[check.name], room_us, resolution_us)
            own_bad = check.name in suspects or name in suspects
            both_inverted = check.name in upside_down and name in upside_down
            fits = match.matched >= _GOOD * stamps_us[check.name].size
            fits = fits and -(room_us + 1.0) <= match.delay_us <= longest_us
            if fits and (own_bad or both_inverted):
                swapped.add(check.name)
                text = f"the edges of {check.name} are on the channel named {name}: swapped"
                findings.append(EdgeFinding("swapped", text, "line", check.name))
                break
    for name in sorted(suspects - swapped):
        check = next(check for check in checks if check.name == name)
        if check.valid and check.delay_us < -(room_us + 1.0):
            text = (
                f"edges of {name} come {-check.delay_us:.0f} us before their stamps, and a task "
                "stamps first: another channel, or the program switches the pin first"
            )
            findings.append(EdgeFinding("swapped", text, "note", name))
    for name in sorted(upside_down - swapped):
        text = f"the levels of {name} are inverted"
        findings.append(EdgeFinding("inverted", text, "note", name))
    for line in recording.lines:
        if line.times_ns.size and not _driven(line.name, capture):
            text = f"{line.times_ns.size} edges on {line.name}, which nothing of this board drives"
            findings.append(
                EdgeFinding("undriven", text, "note", line.name, int(line.times_ns.size))
            )
    return tuple(findings), [
        replace(check, valid=False) if check.name in swapped else check for check in checks
    ]


def _implausible(check: LineCheck, room_us: float) -> bool:
    """Not the task's edges, or edges before their stamps."""
    return not check.valid or (bool(check.matched) and check.delay_us < -room_us)


def _starts_wrong(check: LineCheck, recording: EdgeRecording, capture: Capture) -> bool:
    """Whether the first activation's level is not that of the agents: the task's number, odd high.

    Programs of the user's own begin with the level that they like.
    """
    if capture.plan.technique == "user" or not check.matched or not check.valid:
        return False
    line = recording.line(check.name)
    first = np.flatnonzero(check.stamps >= 0)[0]
    if line is None or check.lost:
        return False
    stamp = int(check.stamps[first])
    task = int(check.name.removeprefix("task"))
    return int(line.levels[check.edges[first]]) != (task + stamp) % 2


def _driven(name: str, capture: Capture) -> bool:
    tasks = {task_line(track.index) for track in capture.tracks}
    if name in tasks or (capture.sync is not None and name == capture.sync.line):
        return True
    if name in (LOOP_LINE, RESPONSE_LINE):
        calibrated = capture.calibration is not None and capture.calibration.set_us.size
        return bool(capture.events or calibrated or "irq" in capture.plan.technique)
    return name != SYNC_LINE and not name.startswith("task")
