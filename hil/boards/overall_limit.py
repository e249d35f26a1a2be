"""One time limit over everything that is asked of a board meanwhile, whatever it sends.

Every single wait has a limit of its own. A board that meets each of them, but only just, or that
makes another one necessary each time, would hold a run for hours all the same.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.model.errors import BoardTimeoutError
from hil.recording.interfaces import seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.boards.slowness import Slowness
    from hil.recording.interfaces import Clock


_MOST_STEP_S = 10.0
"""A port is looked at more often than that: what is longer is a host that stood still."""


@dataclass(slots=True)
class _Limit:
    what: str
    usual_s: float
    per_slowness_s: float
    spent_s: float = 0.0


class OverallLimit:
    """The limits that hold at the moment; each is looked at whenever the port is read or written.

    ``name`` is the board's in messages. Time is taken from the clock of the port that is open; a
    port that was opened again may have another one.
    """

    def __init__(self, name: str, slowness: Slowness) -> None:
        self._name = name
        self._slowness = slowness
        self._limits: list[_Limit] = []
        self._clock: Clock | None = None
        self._last_s = 0.0

    @contextlib.contextmanager
    def within(
        self, what: str, usual_s: float, per_slowness_s: float = 0.0, *, alone: bool = False
    ) -> Iterator[None]:
        """Everything inside may take ``usual_s`` together, and more on a slower board.

        ``what`` is done, for the message. With ``alone`` the limits around it do not hold
        meanwhile.
        """
        if self._clock is not None:
            self._advance(self._clock)
        limit = _Limit(what, usual_s, per_slowness_s)
        around = self._limits
        self._limits = [limit] if alone else [*around, limit]
        try:
            yield
        finally:
            self._limits = around

    def check(self, clock: Clock) -> None:
        """Raise :class:`~hil.model.errors.BoardTimeoutError` where a limit has passed."""
        self._advance(clock)
        more = self._slowness.factor - 1.0
        for limit in self._limits:
            most_s = limit.usual_s + more * limit.per_slowness_s
            if limit.spent_s > most_s:
                raise BoardTimeoutError(
                    f"{self._name}: {limit.what} was not done after {most_s:.0f} s, its limit "
                    "over all steps: the board answers too little or too slowly"
                )

    def _advance(self, clock: Clock) -> None:
        now_s = seconds(clock)
        passed_s = min(now_s - self._last_s, _MOST_STEP_S) if clock is self._clock else 0.0
        self._clock, self._last_s = clock, now_s
        for limit in self._limits:
            limit.spent_s += passed_s
