"""Rows of the table, and how things are timed: both sides in turn, several rounds, medians."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One line; ``why`` is the physical reason of a goal that is missed, or what is compared.

    ``bound`` says that the goal was measured to be out of anybody's reach in this run.
    """

    what: str
    goal: str
    measured: str
    met: bool
    why: str = ""
    bound: bool = False

    @property
    def verdict(self) -> str:
        """The last column."""
        return "yes" if self.met else "no: out of reach, see the note" if self.bound else "no"


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of each round of one piece of work."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def spread(self) -> str:
        return (
            f"{min(self.seconds) / self.median - 1:+.0%} {max(self.seconds) / self.median - 1:+.0%}"
        )


def in_turn(rounds: int, works: Mapping[str, Callable[[], object]]) -> dict[str, Times]:
    """Each piece of work once a round, so that a slow spell of the machine meets all of them."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - start)
    return {name: Times(tuple(values)) for name, values in times.items()}


def ratio(times: Mapping[str, Times], above: str, below: str) -> tuple[float, str]:
    """Median and spread over the rounds of how many times longer ``above`` took."""
    pairs = zip(times[above].seconds, times[below].seconds, strict=True)
    each = sorted(a / b for a, b in pairs)
    return statistics.median(each), f"{each[0]:.3g} to {each[-1]:.3g}"


def text_of(rows: list[Row]) -> str:
    """The table as Markdown."""
    lines = ["| what | goal | measured | met |", "|---|---|---|---|"]
    for row in rows:
        lines.append(f"| {row.what} | {row.goal} | {row.measured} | {row.verdict} |")
    notes = [f"- {row.what}: {row.why}" for row in rows if row.why]
    return "\n".join([*lines, "", *notes])
