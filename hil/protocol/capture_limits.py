"""How much one capture may bring, by its plan: what is beyond it is never expanded. Pure.

A stamp frame of 25 characters can stand for 512 stamps, and a board may send any number of them.
So memory follows what was asked for, not what is claimed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.model.user_programs import ProgramOptions

if TYPE_CHECKING:
    from typing import Self

    from hil.model.captures import CapturePlan

MAX_STAMPS = 1 << 27
"""Of all channels of one capture: 1 GB."""
MAX_SERIES = 250_000
"""Releases in the grid of a series behind the window."""
MAX_NAME = 200
"""Characters of a channel's name."""
MAX_FIELDS = {"E": 256}
"""Fields of a text frame by its kind; of another kind :data:`USUAL_FIELDS`."""
USUAL_FIELDS = 16
MAX_LOST = 100
"""An index may be so many times what a task may bring: what lies between was lost."""
MAX_LOST_VALUES = 1_000_000
"""Values in a row, of a channel without a period, that may be lost."""
_SPARE_STAMPS = 1000
_PROGRAM_ROOM, _PROGRAM_LATE_US = 4, 2_000_000
_OTHER, _OTHER_A_SECOND = MAX_SERIES, 1000
_HOST_VALUES, _HOST_VALUES_A_SECOND = 1_000_000, 5000
_PINGS, _PINGS_A_SECOND = 20_000, 10
_EDGES, _EDGES_A_SECOND, _EDGES_BESIDE_S = 100_000, 250_000, 30
_PROGRESS, _PROGRESS_A_SECOND = 20_000, 1000
_TEXTS = {
    **{"H": 100, "E": 100, "C": 2000, "T": 2000, "G": 10_000, "X": 2000, "R": 10_000, "W": 100},
    **{"D": 10_000, "P": _PINGS},
}
_MOST_TEXTS = 1_000_000
_SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class CaptureLimits:
    """The most that a capture may hold.

    ``tasks``: stamps of each task; ``other``: values of all other channels together; ``total``: of
    all channels. ``frames`` of any kind, ``texts`` of each kind of text. ``host_values``: numbers
    that the host took, in all channels together; ``pings``: its clock exchanges.
    """

    tasks: tuple[int, ...] = ()
    other: int = MAX_STAMPS
    total: int = MAX_STAMPS
    frames: int = MAX_STAMPS
    texts: Mapping[str, int] | None = None
    host_values: int = MAX_STAMPS
    pings: int = _MOST_TEXTS

    @classmethod
    def of_plan(cls, plan: CapturePlan) -> Self:
        """For the capture of ``plan``.

        A task brings at most twice the stamps of its periods, and 1,000; one of a user's program,
        whose period may be another than was said, as many as the board gets room for. Channels
        without a period (events, values) have 250,000 together, and 1,000 more for each second.
        """
        tasks = tuple(task_limit(plan, task.period_us) for task in plan.tasks)
        seconds = plan.duration_us // _SECOND_US + 1
        other = _OTHER + _OTHER_A_SECOND * seconds
        pings = min(_PINGS + _PINGS_A_SECOND * seconds, _MOST_TEXTS)
        total = min(sum(tasks) + other, MAX_STAMPS)
        texts = {**_TEXTS, "P": pings}
        return cls(
            tasks=tasks,
            other=min(other, MAX_STAMPS),
            total=total,
            frames=total + sum(texts.values()),
            texts=texts,
            host_values=min(_HOST_VALUES + _HOST_VALUES_A_SECOND * seconds, MAX_STAMPS),
            pings=pings,
        )

    @classmethod
    def of_edges(cls, window_us: int, most: int) -> Self:
        """For what a second board sees of a window: 250,000 edges a second, at most ``most``."""
        seconds = 2 * window_us // _SECOND_US + _EDGES_BESIDE_S
        edges = min(_EDGES + _EDGES_A_SECOND * seconds, most)
        progress = min(_PROGRESS + _PROGRESS_A_SECOND * seconds, _MOST_TEXTS)
        texts = {**_TEXTS, "D": progress}
        frames = edges + sum(texts.values())
        return cls(other=edges, total=edges, frames=frames, texts=texts)

    def of_text(self, kind: str) -> int:
        """How many text frames of a kind."""
        return _MOST_TEXTS if self.texts is None else self.texts.get(kind, 0)


def task_limit(plan: CapturePlan, period_us: int) -> int:
    """The most stamps of a task, or releases of its grid, in a window of ``plan``."""
    period_us = max(1, period_us)
    if ProgramOptions.of_plan(plan) is not None:
        shortest = max(1, min(task.period_us for task in plan.tasks))
        window_us = plan.duration_us + _PROGRAM_LATE_US
        return _PROGRAM_ROOM * window_us // shortest + _SPARE_STAMPS
    return 2 * plan.duration_us // period_us + _SPARE_STAMPS
