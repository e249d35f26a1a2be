"""The windows of the cases in rounds, what came of each case's, and who shows how far they are."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from hil.experiments.plan import Case
    from hil.model.captures import Capture
    from hil.model.errors import HilError
    from hil.model.results import CaseKey
    from hil.recording.interfaces import Observer


class CaptureDisplay(Protocol):
    """Shows how far the captures are."""

    def capturing(self, board: str, case: Case) -> AbstractContextManager[Observer | None]:
        """Around the capture of one window of a case."""

    def pass_over(self, board: str, case: Case) -> None:
        """Such a window was expected, but is not captured."""


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


class Rounds:
    """The cases that are asked for, by their boards, and which of their windows are to come."""

    def __init__(self, seed: int) -> None:
        self.measured: dict[tuple[CaseKey, int], MeasuredWindows] = {}
        """What was begun, by attempts: the cases of a board in the order of their selection."""
        self._seed = seed
        self._selected: dict[str, dict[str, Case]] = {}
        self._to_come: dict[str, Iterator[Case]] = {}

    def select(self, pairs: Iterable[tuple[str, Case]]) -> None:
        """Say which cases are going to be asked for."""
        for board, case in pairs:
            self._selected.setdefault(board, {})[case.id] = case

    @property
    def selected(self) -> list[tuple[str, Case]]:
        """All of them, each with the board that it is asked for on."""
        return [(board, case) for board, cases in self._selected.items() for case in cases.values()]

    def to_come(self, board: str, case: Case) -> Iterator[Case]:
        """The windows of a board that were not given yet, all of its selected cases.

        A case that was not selected is measured alone, and so is one that is measured again. Each
        window is given once, whatever happens to whoever asked for it.
        """
        cases = self._selected.get(board, {})
        alone = case.id not in cases or case.plan.attempt > 0
        name = f"{board} {case.id} {case.plan.attempt}" if alone else board
        if name not in self._to_come:
            wanted = (case,) if alone else tuple(cases.values())
            for each in wanted:
                key = (case_of(board, each), each.plan.attempt)
                self.measured.setdefault(key, MeasuredWindows(each))
            self._to_come[name] = windows_in_rounds(wanted, self._seed)
        return self._to_come[name]


def case_of(board: str, case: Case) -> CaseKey:
    """Board, technique and load."""
    return (board, case.plan.technique, case.plan.load)
