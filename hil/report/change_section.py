"""What changed since the runs compared with: worse first, then better, in rows and words."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.model.captures import BOARD_SOURCE, task_label
from hil.model.metrics import metric_or_unknown, metric_rank
from hil.model.results import case_key, case_order
from hil.model.units import pick_scale

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from hil.model.results import Change, Comparison, Trend
    from hil.model.units import Scale

NO_HISTORY = (
    "Nothing to compare with: no past run of this board was asked for. "
    "Every run is stored, so run again with --hil-compare=last."
)
"""What is said instead, and how to get it."""
_MOST_TIMES = 100.0


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One change as text; ``change`` is the record that it was made from.

    ``detectable`` is the smallest change that would have been told.
    """

    where: str
    figure: str
    before: str
    after: str
    difference: str
    note: str
    change: Change
    detectable: str = ""

    @property
    def line(self) -> str:
        """All of it on one line."""
        text = f"{self.where}: {self.figure} {self.before} -> {self.after}"
        told_from = f", told from {self.detectable} on" if self.detectable else ""
        text += f" (change {self.difference}{told_from})" if self.difference else ""
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
    missing: tuple[str, ...] = ()
    power: str = ""
    """What could have been seen, of the main figures; empty where nothing could be compared."""
    unchanged: tuple[ChangeRow, ...] = ()

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


def by_relevance(rows: Sequence[ChangeRow]) -> list[ChangeRow]:
    """The rows whose change is the largest beside the smallest that would have been told first."""
    return sorted(rows, key=lambda row: -relevance(row.change))


def relevance(change: Change) -> float:
    """How many times the smallest change that would have been told it is; without one, its share
    of the figure before."""
    size = abs(change.after - change.before)
    if not math.isfinite(size):
        return 0.0
    scale = change.detectable or abs(change.before)
    return size / scale if scale else size


def lead_sentence(view: ChangeSection) -> str:
    """What changed, most of all where, and by how much."""
    judged = len(view.worse) + len(view.better) + view.same + len(view.unclear)
    if not judged:
        return "Nothing could be compared."
    if not (view.worse or view.better):
        unclear = f"; {len(view.unclear)} can't be judged" if view.unclear else ""
        return f"No change was found: {view.same} of {judged} figures are as before{unclear}."
    word, rows = ("worse", view.worse) if view.worse else ("better", view.better)
    most = by_relevance(rows)[0]
    text = f"B is {word} in {len(rows)} of {judged} figures, most in {most.figure} of {most.where}"
    text += f": {most.before}, now {most.after}"
    text += f" (change {most.difference})" if most.difference else ""
    if view.worse and view.better:
        text += f"; better in {len(view.better)}"
    return f"{text}."


def make_change_section(comparison: Comparison) -> ChangeSection:
    """Rows in the order of boards, loads, techniques and metrics."""

    def of(trend: Trend) -> tuple[ChangeRow, ...]:
        changes = [change for change in comparison.changes if change.trend == trend]
        return tuple(_row(change) for change in sorted(changes, key=_change_order))

    return ChangeSection(
        against=comparison.against,
        worse=of("worse"),
        better=of("better"),
        unclear=of("unclear"),
        same=sum(change.trend == "same" for change in comparison.changes),
        absent=comparison.absent,
        missing=comparison.missing,
        power=_power(comparison.changes),
        unchanged=of("same"),
    )


def detectable_text(change: Change, scale: Scale) -> str:
    """The smallest change that would have been told; none is named beyond a hundredfold."""
    if change.detectable is None:
        return ""
    size = max(abs(value) for value in (change.before, change.after) if math.isfinite(value))
    if size and change.unit != "count" and change.detectable > _MOST_TIMES * size:
        return f"{_MOST_TIMES:g} times"
    return scale.quantity(change.detectable)


def _power(changes: Sequence[Change]) -> str:
    """The typical smallest change of each leading metric, as a share of the figure."""
    parts = []
    for metric in dict.fromkeys(change.metric for change in changes):
        shares = [
            change.detectable / abs(change.before)
            for change in changes
            if change.metric == metric
            and change.method is None
            and change.detectable is not None
            and math.isfinite(change.before)
            and change.before
        ]
        if shares and metric_or_unknown(metric).compared == "leading":
            parts.append(f"{metric} {_share_text(statistics.median(shares))}")
    if not parts:
        return ""
    return f"smallest changes that would have been told (median): {', '.join(parts)}"


def _share_text(share: float) -> str:
    if share > _MOST_TIMES:
        return f"more than {_MOST_TIMES:g} times"
    return f"{share:.0%}" if share < 2.0 else f"{share:.0f} times"


def change_lines(view: ChangeSection, most: int) -> list[str]:
    """The sentence, then at most ``most`` lines of what is worse and ``most`` of what is better."""
    lines = [view.sentence, *([view.power] if view.power else [])]
    lines += [f"missing: {text}" for text in view.missing]
    for word, rows in (("worse", view.worse), ("better", view.better)):
        lines += [f"{word}: {row.line}" for row in rows[:most]]
        if len(rows) > most:
            lines.append(f"and {len(rows) - most} more {word}, all on the page")
    lines += [f"not compared: {text}" for text in view.absent[:most]]
    if len(view.absent) > most:
        lines.append(f"and {len(view.absent) - most} more not compared")
    return lines


def _row(change: Change) -> ChangeRow:
    scale = pick_scale((change.before, change.after), change.unit)
    difference = ""
    if math.isfinite(change.before):
        bounds = scale.bounds(change.lo, change.hi, "+")
        difference = f"{scale.quantity(change.after - change.before, '+')} {bounds}".rstrip()
    figure = change.metric
    figure += f" ({change.method})" if change.method else ""
    figure += "" if change.task is None else f", {task_label(change.task, change.task_name)}"
    figure += "" if change.source == BOARD_SOURCE else f", by {change.source}"
    return ChangeRow(
        where=f"{change.technique}, {change.load}, {change.board}",
        figure=figure,
        before="-" if math.isnan(change.before) else scale.quantity(change.before),
        after=scale.quantity(change.after),
        difference=difference,
        note=change.note or "",
        change=change,
        detectable=detectable_text(change, scale) if difference else "",
    )


def _change_order(change: Change) -> tuple[Any, ...]:
    task = -1 if change.task is None else change.task
    return (case_order(case_key(change)), metric_rank(change.metric), change.method or "", task)
