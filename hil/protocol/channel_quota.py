"""Which stamp frames a capture still has room for, before any of them is unpacked. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hil.model.captures import TASK
from hil.protocol.capture_limits import MAX_LOST, MAX_LOST_VALUES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.protocol.capture_limits import CaptureLimits
    from hil.protocol.stamp_blocks import Block

_NUMBER = 3  # digits of a channel's index, and of a task's


class ChannelQuota:
    """Counts the values of each channel; channels that are no task of the plan share one limit."""

    def __init__(self, limits: CaptureLimits) -> None:
        self._limits = limits
        self._tasks: dict[int, int] = {}
        self._counts: Counter[int] = Counter()
        self._other = 0
        self.taken = 0
        """Values that there was room for."""

    def announce(self, fields: Mapping[str, str]) -> None:
        """Note which task a channel is of, if it is; the first announcement counts."""
        index, parts = fields.get("i", ""), TASK.parts(fields.get("name", ""))
        if parts is None or not (index.isdecimal() and parts["task"].isdecimal()):
            return
        if len(index) > _NUMBER or len(parts["task"]) > _NUMBER:
            return
        channel, task = int(index), int(parts["task"])
        # a task has one channel: a second one of its name is no other thousand stamps
        if task < len(self._limits.tasks) and task not in self._tasks.values():
            self._tasks.setdefault(channel, task)

    def why_refused(self, block: Block) -> str:
        """Count the values of ``block``; what is wrong where there is no room, else empty."""
        channel, size = block.channel, block.size
        task = self._tasks.get(channel)
        if task is None:
            most, have = self._limits.other, self._other
            furthest = most + MAX_LOST_VALUES
            what = f"the channels beside the tasks brought more than the {most:,} values"
        else:
            most, have = self._limits.tasks[task], self._counts[channel]
            furthest = most * MAX_LOST
            what = f"task {task} brought more than the {most:,} stamps"
        if have + size > most or self.taken + size > self._limits.total:
            return f"{what} that this capture's plan allows: the rest is not read"
        if self._limits.texts is not None and block.first_index + size > furthest:
            return f"channel {channel} claims value number {block.first_index:,}, which can't be"
        if task is None:
            self._other += size
        else:
            self._counts[channel] += size
        self.taken += size
        return ""
