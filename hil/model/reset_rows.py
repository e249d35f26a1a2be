"""How a board is reset during an experiment, and the rows recorded before and after.

Rows have five numbers, the first one of them a kind: ``BOOT`` jobs restored, 1 if a save was left
unfinished, wall clock in us when the board's ticks were zero (-1 unknown); ``PLANNED`` jobs stored
for the first time; ``RUN`` job (its period is as many seconds and one), planned for, due next, ms
late; ``REPORT`` the scheduler reported a damaged file; ``LOST`` a line did not arrive; ``ASLEEP``
when the next run is due. Times are in ms of the schedule's clock unless said otherwise, which runs
``speed`` times as fast as the board's. Names of options, methods and channels are those of stored
captures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SOFT_RESET, KILL, DEEP_SLEEP = "soft_reset", "kill", "deepsleep"
RESET_MODES = (SOFT_RESET, KILL, DEEP_SLEEP)
RESET_METHODS: Mapping[str, str] = {mode: f"survival/{mode}" for mode in RESET_MODES}
"""Way to end a life -> the method of its figures."""
RESET_OPTIONS: Mapping[str, str] = {mode: f"survival_{mode}" for mode in RESET_MODES}
"""Way to end a life -> the plan's option that says how many lives end so."""
RESET_CHANNELS: Mapping[str, str] = {mode: f"survival.{mode}" for mode in RESET_MODES}
"""Way to end a life -> the channel of its rows; ``.speed`` behind it holds the plan clock's."""
BOOT, PLANNED, RUN, REPORT, LOST, ASLEEP = range(6)
ROW_LENGTH = 5


def reset_count(mode: str, options: Mapping[str, int | str]) -> int:
    """How many lives a capture with these options ends in this way."""
    count = options.get(RESET_OPTIONS[mode], 0)
    return count if isinstance(count, int) else 0
