"""The windows of the cases in rounds, and what came of each case's windows."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hil.experiments.plan import Case
    from hil.model.captures import Capture
    from hil.model.errors import HilError


def windows_in_rounds(cases: Sequence[Case], seed: int) -> Iterator[Case]:
    """Every window of ``cases`` in the order in which they are measured.

    First the first window of each case, in an order drawn by ``seed``, then the second of each in
    another order: what changes with time, such as the temperature, meets every case alike.
    """
    draw = random.Random(seed)
    for number in range(max((case.plan.windows for case in cases), default=0)):
        windows = [case.in_window(number) for case in cases if number < case.plan.windows]
        draw.shuffle(windows)
        yield from windows


@dataclass(slots=True)
class MeasuredWindows:
    """What came of the windows of one case: the valid captures, and the first failure.

    ``taken`` counts the windows that were tried.
    """

    case: Case
    captures: list[Capture] = field(default_factory=list)
    failure: HilError | None = None
    taken: int = 0

    @property
    def ended(self) -> bool:
        """Whether no further window of it is measured: there is none, or the first one failed."""
        failed = self.failure is not None and not self.captures
        return failed or self.taken == self.case.plan.windows

    def joined(self) -> Capture:
        """One capture of all; raises the failure where there is none."""
        from hil.recording.joined_windows import join_windows  # late: numpy

        if not self.captures:
            assert self.failure is not None, "no window was measured"
            raise self.failure
        return join_windows(self.captures)
