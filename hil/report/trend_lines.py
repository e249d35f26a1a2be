"""Lines of a trend: their order and what they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.model.captures import BOARD_SOURCE
from hil.model.results import case_order
from hil.model.units import pick_scale

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.history.figure_summary import MonthSummary
    from hil.history.trend_queries import TrendLine


def sort_trend_lines(lines: Sequence[TrendLine]) -> list[TrendLine]:
    """By board, firmware line, load and technique, as everywhere in a report."""
    return sorted(
        lines,
        key=lambda line: (
            *(line.board, line.firmware, line.profile),
            case_order((line.board, line.technique, line.load)),
            *(line.method or "", -1 if line.task is None else line.task, line.source, line.plan),
        ),
    )


def describe_trend_line(line: TrendLine) -> str:
    """Technique, load, and what else the figure is about."""
    text = f"{line.technique}, {line.load}"
    text += f", {line.method}" if line.method else ""
    text += "" if line.task is None else f", task {line.task}"
    text += "" if line.source == BOARD_SOURCE else f", by {line.source}"
    return f"{text} ({line.plan})" if line.plan else text


def describe_months(months: Sequence[MonthSummary]) -> str:
    """Which months of removed runs these are, whose medians are shown."""
    first, last = months[0].month, months[-1].month
    span = first if first == last else f"{first} to {last}"
    return f"by month {span}"


def describe_summary(month: MonthSummary, unit: str) -> str:
    """A month of removed runs in a line: how many, their median, spread and extremes."""
    scale = pick_scale((month.smallest, month.largest), unit)
    many = "1 removed run" if month.runs == 1 else f"{month.runs} removed runs"
    text = f"{month.month}, {many}: median {scale.quantity(month.median)}"
    text += f", 5 to 95 % {scale.bounds(month.p05, month.p95)}"
    text += f", largest {scale.quantity(month.largest)}"
    return f"{text}, {month.failed} out of budget" if month.failed else text
