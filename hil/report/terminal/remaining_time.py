"""How long a run still takes: by its plan at first, then by what its windows took so far. Pure.

A window takes its own length and something around it: an upload, the way of the stamps, the
analysis. That is nearly the same in every window of a case, and similar in others. The last window
of a case is followed by workloads, whose usual length the plan knows for a usual board; how much
longer this board takes is learned from those that it did.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

USUAL_AROUND_S = 0.4
"""Around a window, before one was measured."""
_TRUSTED_S = 4.0
"""The plan's word on what follows windows counts as so many seconds that were measured."""


_FEWEST_CHANGES = 3


class WindowPlan(NamedTuple):
    """One window to come: its case, its length, and what usually follows it, in seconds.

    One without a length is not going to be captured.
    """

    case: str
    window_s: float
    extra_s: float = 0.0


@dataclass(slots=True)
class _Case:
    """The windows of one case that are still to come, and what the others took around them."""

    to_come: list[WindowPlan] = field(default_factory=list)
    around_s: list[float] = field(default_factory=list)


class RemainingTime:
    """The rest of a run: :meth:`expect` its windows, then tell of each one that is over."""

    def __init__(self) -> None:
        self._cases: dict[str, _Case] = {}
        self._around_s: list[float] = []
        self._changes_s: list[float] = []
        self._rates: list[float] = []
        self._extra_s = self._planned_extra_s = 0.0

    def expect(self, windows: Iterable[WindowPlan]) -> None:
        """Say what is to come, each case's windows in order, instead of what was said before."""
        self._cases = {}
        for window in windows:
            self._cases.setdefault(window.case, _Case()).to_come.append(window)

    @property
    def left_s(self) -> float:
        """The time that all windows to come take, in seconds of a clock on the wall."""
        return sum(self._needs(c, w) for c in self._cases.values() for w in c.to_come)

    def of_next(self, case: str) -> float:
        """What the next window of a case takes; 0 for one that was not expected."""
        own = self._cases.get(case)
        return self._needs(own, own.to_come[0]) if own and own.to_come else 0.0

    def done(self, case: str, took_s: float) -> None:
        """A window of the case is over, captured."""
        own = self._cases.get(case)
        if own is None or not own.to_come:
            return
        window = own.to_come.pop(0)
        if window.extra_s:
            self._planned_extra_s += window.extra_s
            self._extra_s += max(0.0, took_s - window.window_s - self._around(own))
            return
        around_s = took_s - window.window_s
        if len(own.around_s) == 1:
            self._changes_s.append(around_s - own.around_s[0])
        own.around_s.append(around_s)
        self._around_s.append(around_s)
        if window.window_s > 0:
            self._rates.append(took_s / window.window_s)

    def pass_over(self, case: str) -> None:
        """A window of the case is not captured."""
        own = self._cases.get(case)
        if own is not None and own.to_come:
            own.to_come.pop(0)

    def give_up(self, case: str) -> None:
        """No further window of the case is captured: they are no time to wait for."""
        self._cases.pop(case, None)

    def _needs(self, case: _Case, window: WindowPlan) -> float:
        if not window.window_s:
            return 0.0
        extra_s = window.extra_s * self._extra_factor
        return max(0.0, window.window_s + self._around(case)) + extra_s

    def _around(self, case: _Case) -> float:
        """What a window takes beside its own length: less than nothing in a fast virtual time."""
        if not case.around_s:
            return _mean(self._around_s, USUAL_AROUND_S)
        own = _mean(case.around_s, 0.0)
        if len(case.around_s) == 1 and len(self._changes_s) >= _FEWEST_CHANGES:
            return own + median(self._changes_s)  # its first window had an upload, too
        return own

    @property
    def _extra_factor(self) -> float:
        """How much longer this board takes for what follows windows than a usual one."""
        trusted_s = _TRUSTED_S * min(
            1.0, _mean(self._rates, 1.0)
        )  # a slow way to the board slows no workload
        return (trusted_s + self._extra_s) / (_TRUSTED_S + self._planned_extra_s)


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
