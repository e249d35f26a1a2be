"""The releases that no activation answered, and how long each waited for one.

A percentile of lateness that leaves them out gets better with each activation that is lost
(coordinated omission; Tene, How not to measure latency, 2013). So a missed release counts as the
time from when it was due to the next activation, at least one period, to the window's end if there
is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from hil.analysis.activations import Activations, WindowCounts
    from hil.model.captures import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class MissedReleases:
    """Missed releases in the order of time, all (m,).

    ``places`` are the activations before which each one stands, int64; ``due_us`` when it was due,
    from the grid's origin; ``waited_us`` the time until the next activation.
    """

    places: IntArray
    due_us: FloatArray
    waited_us: FloatArray

    @property
    def n(self) -> int:
        """How many."""
        return int(self.places.size)


def missed_releases_of(task: Activations) -> MissedReleases:
    """Every missed release of a task; where the wire lost stamps, those it may have lost are not.

    Memory: some arrays of as many numbers as releases were missed.
    """
    parts = [_of_window(task, window) for window in task.windows]
    places = np.concatenate([at for at, _, _ in parts]).astype(np.int64)
    releases = np.concatenate([release for _, release, _ in parts])
    ends_us = np.concatenate([end for _, _, end in parts])
    due_us = releases.astype(np.float64) * task.period_us
    stamps_us = task.track.stamps_us
    after = np.searchsorted(stamps_us, due_us + task.track.origin_us, side="right")
    next_us = np.full(after.size, np.inf)
    follows = after < stamps_us.size
    next_us[follows] = stamps_us[after[follows]] - task.track.origin_us
    waited_us = np.minimum(next_us, ends_us) - due_us
    return MissedReleases(places, due_us, np.maximum(waited_us, task.period_us))


def _of_window(task: Activations, window: WindowCounts) -> tuple[IntArray, IntArray, FloatArray]:
    """Places, releases and the window's end of what was missed in one window."""
    first, last = np.searchsorted(task.starts, (window.start, window.stop))
    at = task.starts[first:last]
    answered = at + task.shifts[first:last]
    before = at[1:] - 1 + task.shifts[first : last - 1] if at.size else at
    before = np.concatenate(([window.first - 1], before))[: at.size]
    holes = np.maximum(answered - before - 1 - _lost_before(task, at), 0)
    behind = max(0, window.first + window.judged - window.last - 1 - window.lost_at_end)
    places = np.append(np.repeat(at, holes), np.full(behind, window.stop))
    ends = np.append(np.repeat(answered, holes), np.full(behind, window.last + 1 + behind))
    counts = np.append(holes, behind)
    ahead = np.repeat(np.cumsum(counts), counts) - np.arange(int(counts.sum()))
    return places, ends - ahead, np.full(places.size, window.end_us)


def _lost_before(task: Activations, at: IntArray) -> IntArray:
    """How many stamps the wire lost right before each of some activations, in its window."""
    lost = np.zeros(at.size, np.int64)
    track = task.track
    stamps = task.in_track(at)
    for gap in track.gaps:
        lost[stamps == gap.position] += gap.count
    for window in track.later_windows:
        lost[stamps == window.position] -= window.lost_before
    return lost
