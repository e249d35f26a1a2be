"""Rows of the table, and how things are timed: both sides in turn, several rounds, medians.

A goal is a ratio of two things measured in one run, or a size: it means the same on every machine.
A new row is one function that returns a :class:`Row`, and one line in ``__main__``.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of each round of one piece of work."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


@dataclass(frozen=True, slots=True)
class Paired:
    """How many times more one side took than the other, by rounds: each has its own neighbours."""

    rounds: tuple[float, ...]

    @classmethod
    def of(cls, above: Iterable[float], below: Iterable[float]) -> Paired:
        return cls(tuple(a / b for a, b in zip(above, below, strict=True)))

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    @property
    def spread(self) -> str:
        """The middle four fifths of the rounds."""
        ordered = sorted(self.rounds)
        out = len(ordered) // 10
        return f"{number(ordered[out])} to {number(ordered[-1 - out])}"


@dataclass(frozen=True, slots=True)
class Goal:
    """A number and its limit; ``bound``: measured in this run to be out of anybody's reach."""

    sense: str
    limit: float
    against: str
    value: float
    spread: str = ""
    unit: str = "x"
    bound: bool = False

    @property
    def met(self) -> bool:
        return self.value <= self.limit if self.sense == "<=" else self.value >= self.limit

    @property
    def asked(self) -> str:
        sense = f"{self.sense} " if self.limit else ""
        return f"{sense}{self.limit:g}{self.unit} {self.against}".rstrip()

    @property
    def shown(self) -> str:
        return number(self.value) + self.unit + (f" ({self.spread})" if self.spread else "")


def number(value: float) -> str:
    """Three digits, no exponent."""
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def at_most(limit: float, against: str, paired: Paired) -> Goal:
    """The work takes at most so many times what it is compared with."""
    return Goal("<=", limit, against, paired.median, paired.spread)


def at_least(limit: float, against: str, paired: Paired) -> Goal:
    """The other side takes at least so many times as long."""
    return Goal(">=", limit, against, paired.median, paired.spread)


def size(limit: float, unit: str, value: float, what: str = "") -> Goal:
    """A size, which is the same on every machine."""
    return Goal("<=", limit, what, value, unit=unit)


@dataclass(frozen=True, slots=True)
class Row:
    """One line: what, its goals, what else was measured, and ``why`` as a note below the table."""

    what: str
    goals: tuple[Goal, ...]
    also: str = ""
    why: str = ""

    @property
    def met(self) -> bool:
        return all(goal.met for goal in self.goals)

    @property
    def in_order(self) -> bool:
        """Met, or missed only where nobody could have met it."""
        return all(goal.met or goal.bound for goal in self.goals)

    @property
    def cells(self) -> tuple[str, str, str, str]:
        verdict = "yes" if self.met else "no: out of reach, see the note" if self.in_order else "no"
        measured = "; ".join(goal.shown for goal in self.goals)
        asked = "; ".join(goal.asked for goal in self.goals)
        return self.what, asked, measured + (f"; {self.also}" if self.also else ""), verdict


def in_turn(
    rounds: int,
    works: Mapping[str, Callable[[], object]],
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Times]:
    """Each piece of work once a round, so that a slow spell of the machine meets all of them.

    ``clock`` is ``time.process_time`` for what only computes: what another process took is not
    counted.
    """
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            start = clock()
            work()
            times[name].append(clock() - start)
    return {name: Times(tuple(values)) for name, values in times.items()}


def ratio(times: Mapping[str, Times], above: str, *below: str) -> Paired:
    """How many times longer ``above`` took than all of ``below`` together."""
    sums = map(sum, zip(*(times[name].seconds for name in below), strict=True))
    return Paired.of(times[above].seconds, sums)


def text_of(rows: list[Row]) -> str:
    """The table as Markdown."""
    lines = ["| what | goal | measured | met |", "|---|---|---|---|"]
    lines += [f"| {' | '.join(row.cells)} |" for row in rows]
    notes = [f"- {row.what}: {row.why}" for row in rows if row.why]
    return "\n".join([*lines, "", *notes])
