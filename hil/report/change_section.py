"""What changed since the runs compared with: worse first, then better, in rows and words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.model.metrics import metric_rank
from hil.model.techniques import load_rank, technique_rank
from hil.model.units import UNWRITTEN_UNITS, format_digits, pick_unit

if TYPE_CHECKING:
    from typing import Any

    from hil.model.results import Change, Comparison, Trend

NO_HISTORY = (
    "Nothing to compare with: no past run of this board was asked for. "
    "Every run is kept, so run again with --hil-compare=last."
)
"""What is said instead, and how to get it."""


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One change as text; ``one`` is the record that it was made from."""

    where: str
    figure: str
    before: str
    after: str
    difference: str
    note: str
    one: Change

    @property
    def line(self) -> str:
        """All of it on one line."""
        text = f"{self.where}: {self.figure} {self.before} -> {self.after}"
        text += f" (change {self.difference})" if self.difference else ""
        return f"{text}; {self.note}" if self.note else text


@dataclass(frozen=True, slots=True)
class ChangeSection:
    """A comparison sorted by what a reader wants first; ``same`` is a number only."""

    against: str
    worse: tuple[ChangeRow, ...]
    better: tuple[ChangeRow, ...]
    unclear: tuple[ChangeRow, ...]
    same: int
    absent: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """How many of each."""
        if not (self.worse or self.better or self.unclear or self.same):
            return f"Against {self.against}: nothing could be compared."
        parts = [
            f"{len(self.worse)} worse",
            f"{len(self.better)} better",
            f"{self.same} unchanged",
            f"{len(self.unclear)} unclear",
        ]
        text = f"Against {self.against}: {', '.join(parts)}"
        return f"{text}; {len(self.absent)} not compared." if self.absent else f"{text}."


def make_change_section(comparison: Comparison) -> ChangeSection:
    """Rows in the order of boards, loads, techniques and metrics."""

    def of(trend: Trend) -> tuple[ChangeRow, ...]:
        found = [one for one in comparison.changes if one.trend == trend]
        return tuple(_row(one) for one in sorted(found, key=_change_order))

    return ChangeSection(
        against=comparison.against,
        worse=of("worse"),
        better=of("better"),
        unclear=of("unclear"),
        same=sum(one.trend == "same" for one in comparison.changes),
        absent=comparison.absent,
    )


def change_lines(view: ChangeSection, most: int) -> list[str]:
    """The sentence, then at most ``most`` lines of what is worse and ``most`` of what is better."""
    lines = [view.sentence]
    for word, rows in (("worse", view.worse), ("better", view.better)):
        lines += [f"{word}: {row.line}" for row in rows[:most]]
        if len(rows) > most:
            lines.append(f"and {len(rows) - most} more {word}, all on the page")
    lines += [f"not compared: {text}" for text in view.absent[:most]]
    if len(view.absent) > most:
        lines.append(f"and {len(view.absent) - most} more not compared")
    return lines


def _row(one: Change) -> ChangeRow:
    sizes = [abs(value) for value in (one.before, one.after) if math.isfinite(value)]
    unit, factor = pick_unit(max(sizes, default=0.0), one.unit)

    def text(value: float | None, sign: str = "") -> str:
        if value is None or not math.isfinite(value):
            return "?"
        said = format_digits(value * factor, one.unit in UNWRITTEN_UNITS)
        return f"{sign}{said}" if value > 0 else said

    tail = f" {unit}" if unit else ""
    difference = ""
    if math.isfinite(one.before):
        difference = f"{text(one.after - one.before, '+')}{tail}"
        if one.lo is not None or one.hi is not None:
            difference += f" [{text(one.lo, '+')}, {text(one.hi, '+')}]"
    figure = one.metric
    figure += f" ({one.method})" if one.method else ""
    figure += "" if one.task is None else f", task {one.task}"
    return ChangeRow(
        where=f"{one.technique}, {one.load}, {one.board}",
        figure=figure,
        before="-" if math.isnan(one.before) else f"{text(one.before)}{tail}",
        after=f"{text(one.after)}{tail}",
        difference=difference,
        note=one.note or "",
        one=one,
    )


def _change_order(one: Change) -> tuple[Any, ...]:
    task = -1 if one.task is None else one.task
    ranks = (load_rank(one.load), technique_rank(one.technique), metric_rank(one.metric))
    return (one.board, *ranks, one.method or "", task)
