"""What is stored of a board's lives: the ways to end one, and the rows that tell of them.

Rows have five numbers, the first one of them a kind: ``BOOT`` jobs restored, 1 if a save was left
unfinished, wall clock in us when the board's ticks were zero (-1 unknown); ``PLANNED`` jobs stored
for the first time; ``RUN`` job (its period is as many seconds and one), planned for, due next, ms
late; ``REPORT`` the scheduler reported a damaged file; ``LOST`` a line did not arrive; ``ASLEEP``
when the next run is due. Times are in ms of the plan's clock unless said otherwise, which runs
``speed`` times as fast as the board's.
"""

from __future__ import annotations

from collections.abc import Mapping

SOFT, KILL, SLEEP = "soft_reset", "kill", "deepsleep"
MODES = (SOFT, KILL, SLEEP)
METHODS: Mapping[str, str] = {mode: f"survival/{mode}" for mode in MODES}
"""Way to end a life -> the method of its figures."""
OPTIONS: Mapping[str, str] = {mode: f"survival_{mode}" for mode in MODES}
"""Way to end a life -> the plan's option that says how many lives end so."""
ROWS: Mapping[str, str] = {mode: f"survival.{mode}" for mode in MODES}
"""Way to end a life -> the channel of its rows; ``.speed`` behind it holds the plan clock's."""

BOOT, PLANNED, RUN, REPORT, LOST, ASLEEP = range(6)
ROW = 5


def lives_asked(mode: str, options: Mapping[str, int | str]) -> int:
    """How many lives a capture with these options ends in this way."""
    count = options.get(OPTIONS[mode], 0)
    return count if isinstance(count, int) else 0
