"""A VM that stands still for good: noticed, so that its supervisor starts it anew.

In real time its main thread may wait for a lock for ever after Ctrl-C. In virtual time a loop in
native code, or a thread that neither waits nor reads the clock, lets no time pass.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hil.boards.backends.sim_vm import VmProcess

REAL_LIMIT_S = float(os.environ.get("HIL_SIM_REAL_LIMIT_S") or 30.0)
"""How long a slice of virtual time may take in real time."""
STUCK_IN_LOCK = b"\r\nMPY: the VM no longer answers\r\n"
STUCK_IN_TIME = (
    b"\r\nMPY: the clock stood still for %d s: a loop in native code, or a thread that neither "
    b"waits nor reads the clock; the board was reset\r\n"
) % round(REAL_LIMIT_S)
_NUDGE_S, _FIRST_LOOK_S, _NEXT_LOOK_S = 0.003, 1.5, 0.5
_UNLOCK_S = 1.0


class InterruptWatch:
    """After Ctrl-C in real time: looks some times whether the main thread is stuck in a lock."""

    def __init__(self) -> None:
        self._look_at_s = 0.0
        self._progress: tuple[str, str] | None = None

    def begin(self) -> None:
        """Ctrl-C was just sent."""
        self._look_at_s = time.monotonic() + _NUDGE_S
        self._progress = None

    def cancel(self) -> None:
        """The VM is another one."""
        self._look_at_s = 0.0

    @property
    def wait_s(self) -> float | None:
        """How long until the next look; ``None`` if there is none."""
        return max(0.0, self._look_at_s - time.monotonic()) if self._look_at_s else None

    def is_stuck(self, vm: VmProcess) -> bool:
        """Look, if it is time; whether the VM must start again."""
        if not self._look_at_s or time.monotonic() < self._look_at_s:
            return False
        if self._progress is None:
            vm.nudge()  # blocked in a read it would not notice
            self._progress = ("", "")
            self._look_at_s = time.monotonic() + _FIRST_LOOK_S
            return False
        progress = vm.progress()
        if not progress[0].startswith("futex"):
            self.cancel()
            return False
        if progress == self._progress:
            return True
        if not self._progress[0]:
            vm.interrupt(hard=True)
        self._progress = progress
        self._look_at_s = time.monotonic() + _NEXT_LOOK_S
        return False


class SliceWatch:
    """In virtual time: watches that a slice that was granted comes to its end.

    ``sched_state_address`` is that of the VM's scheduler, which may stay locked by mistake.
    """

    def __init__(self, sched_state_address: int) -> None:
        self._address = sched_state_address
        self._moved_at_s = 0.0
        self._unlock_tried = False

    def begin(self) -> None:
        """The board may run from now on."""
        self._moved_at_s = time.monotonic()
        self._unlock_tried = False

    def moved(self) -> None:
        """The board did what it should."""
        self._moved_at_s = time.monotonic()

    def is_stuck(self, vm: VmProcess) -> bool:
        """Whether the VM must start again; a scheduler that is locked is unlocked first."""
        standing_s = time.monotonic() - self._moved_at_s
        if standing_s <= _UNLOCK_S:
            return False
        if vm.waits_for_input():
            self.moved()
        elif not self._unlock_tried:
            self._unlock_tried = True
            vm.unlock_scheduler(self._address)
        else:
            return standing_s > REAL_LIMIT_S
        return False
