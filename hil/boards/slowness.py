"""How many times slower than a usual board a board is, which every time limit is multiplied by.

It is given, or measured on what the board does: how long it takes to answer, and how long for a
loop of known length. One answer tells nothing, for anything may have held it up: the middle of
several counts.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hil.boards.backend import BoardSpec

SAMPLES = 3
MOST_MEASURED = 100.0
"""A limit of 20 s becomes half an hour at most; a board that is even slower needs ``slow=N``."""
LEAST_TOLD = 2.0
"""A smaller factor is a matter of the link, and not told."""
LOOP = b"for __name__ in range(1000):pass\n__name__='__main__'"
"""By a name that every board has: one more makes a small board's table of names grow for good."""
USUAL_LOOP_S = 0.01
"""What the slower ones of the usual boards take for :data:`LOOP`: an RP2040 needs 4.5 ms."""
_SUGGESTED, _MOST_SUGGESTED = 80, 1000


class Slowness:
    """The factor of one board, at least 1; kept while its port is opened again and again.

    ``given`` is the user's; then nothing is measured.
    """

    def __init__(self, given: float | None = None) -> None:
        self._given = given
        self._samples: list[float] = []

    @property
    def wants_sample(self) -> bool:
        """Whether another answer is to be timed: while there are too few."""
        return self._given is None and len(self._samples) < SAMPLES

    @property
    def doubtful(self) -> bool:
        """Whether the answers so far say that it is slow, and are too few to say so."""
        return self.wants_sample and any(sample >= LEAST_TOLD for sample in self._samples)

    def add(self, answer_s: float, loop_s: float, usual_answer_s: float) -> None:
        """Take the times of an answer and of :data:`LOOP`."""
        self._samples.append(max(1.0, answer_s / usual_answer_s, loop_s / USUAL_LOOP_S))

    @property
    def factor(self) -> float:
        """How many times longer it is waited for."""
        if self._given is not None:
            return self._given
        if not self._samples:
            return 1.0
        return min(statistics.median(self._samples), MOST_MEASURED)


def slower_hint(spec: BoardSpec, factor: float) -> str:
    """How a board that is only slow gets more time; empty where its text can't say so."""
    more = min(max(_SUGGESTED, 4 * round(factor)), _MOST_SUGGESTED)
    if not spec.backend.takes_slow or more <= factor:
        return ""
    mark = "&" if "?" in spec.text else "?"
    return f"if it is only slow, give it more time: --board={spec.text}{mark}slow={more}"
