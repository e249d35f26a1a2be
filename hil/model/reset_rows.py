"""How a board is reset during an experiment, and the rows recorded before and after.

Rows have five numbers, the first of them a kind: ``BOOT`` jobs restored, 1 if a save was left
unfinished, wall clock in us when the board's ticks were zero (-1 unknown); ``PLANNED`` jobs stored
for the first time; ``RUN`` job (its period is as many seconds and one), planned for, due next, ms
late; ``REPORT`` the scheduler reported a damaged file; ``LOST`` a line did not arrive; ``ASLEEP``
when the next run is due. Times are in ms of the schedule's clock unless said otherwise, which runs
``speed`` times as fast as the board's. Names of options, methods and channels are those of stored
captures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.model.captures import Channel

if TYPE_CHECKING:
    from collections.abc import Mapping

SOFT_RESET, KILL, DEEP_SLEEP = "soft_reset", "kill", "deepsleep"
RESET_MODES = (SOFT_RESET, KILL, DEEP_SLEEP)
RESET_METHODS: Mapping[str, str] = {mode: f"survival/{mode}" for mode in RESET_MODES}
"""Way to reset -> the method of its figures."""
RESET_OPTIONS: Mapping[str, str] = {mode: f"survival_{mode}" for mode in RESET_MODES}
"""Way to reset -> the plan's option that says how many resets there are."""
BOOT, PLANNED, RUN, REPORT, LOST, ASLEEP = range(6)
RESET_COLUMNS = ("kind", "first", "second", "third", "fourth")
ROW_LENGTH = len(RESET_COLUMNS)
RESET_CHANNELS: Mapping[str, Channel] = {
    mode: Channel(f"{mode} rows", f"survival.{mode}", "1", "records", RESET_COLUMNS)
    for mode in RESET_MODES
}
"""Way to reset -> the channel of its rows."""
SPEED_CHANNELS: Mapping[str, Channel] = {
    mode: Channel(f"{mode} speed", f"survival.{mode}.speed", "1", "values") for mode in RESET_MODES
}
"""Way to reset -> the channel that holds the speed of the schedule's clock."""


def reset_count(mode: str, options: Mapping[str, int | str]) -> int:
    """How many resets of this kind a capture with these options has."""
    count = options.get(RESET_OPTIONS[mode], 0)
    return count if isinstance(count, int) else 0
