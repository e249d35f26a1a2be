"""What a comparison says to ``git bisect run``: worse, not worse, or not measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.model.captures import task_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.model.results import Comparison

NOT_WORSE, WORSE, NOT_MEASURED = 0, 1, 125
"""The exit statuses; 125 makes ``git bisect run`` skip the commit."""
_MOST_NAMED = 3


def bisect_verdict(comparison: Comparison, problems: Sequence[str]) -> tuple[int, str]:
    """The exit status, and one line that says why.

    ``problems`` are what either run failed to measure. A figure that is worse counts, whatever else
    is missing; without one, all that was measured before must be there now, measured in the same
    way.
    """
    worse = [
        f"{change.metric} of {change.technique}, {change.load}"
        + ("" if change.task is None else f", {task_label(change.task, change.task_name)}")
        for change in comparison.changes
        if change.trend == "worse"
    ]
    if worse:
        return WORSE, f"worse: {_named(worse)}"
    missing = [*problems, *comparison.absent, *comparison.missing]
    if missing:
        return NOT_MEASURED, f"not measured: {_named(missing)}"
    if not comparison.changes:
        return NOT_MEASURED, "not measured: the runs have no figure in common"
    better = sum(change.trend == "better" for change in comparison.changes)
    return NOT_WORSE, f"not worse: {len(comparison.changes)} figures compared, {better} better"


def _named(texts: Sequence[str]) -> str:
    more = len(texts) - _MOST_NAMED
    return "; ".join(texts[:_MOST_NAMED]) + (f"; and {more} more" if more > 0 else "")
