"""When a figure has changed over many runs, in words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.analysis.change_points import change_points
from hil.model.units import pick_scale

if TYPE_CHECKING:
    from hil.history.trend_queries import TrendLine, TrendPoint


@dataclass(frozen=True, slots=True)
class TrendChange:
    """Between which runs a figure has changed; ``lo`` and ``hi`` bound the new level at 95 %."""

    last_before: str
    first_after: str
    before: float
    after: float
    lo: float | None
    hi: float | None
    text: str


def trend_changes(line: TrendLine) -> list[TrendChange]:
    """The changes of a line, the oldest first."""
    points = [point for point in line.points if math.isfinite(point.value)]
    changes = []
    for change in change_points([point.value for point in points]):
        last, first = points[change.position - 1], points[change.position]
        scale = pick_scale((change.before, change.after), line.unit)
        bounds = scale.bounds(change.lo, change.hi)
        new = f"{scale.quantity(change.after)} {bounds}".rstrip()
        text = f"changed between {_moments(last, first)}: {scale.number(change.before)} -> {new}"
        changes.append(
            TrendChange(
                last.run, first.run, change.before, change.after, change.lo, change.hi, text
            )
        )
    return changes


def _moments(last: TrendPoint, first: TrendPoint) -> str:
    """Both days; both times where it is one day, or where a clock was wrong."""
    days = last.started_utc[:10], first.started_utc[:10]
    if days[0] < days[1] and not (last.clock_wrong or first.clock_wrong):
        return " and ".join(days)
    return f"{last.when} and {first.when}"
