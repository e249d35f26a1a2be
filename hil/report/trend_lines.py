"""Lines of a trend: their order and what they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.model.captures import BOARD_SOURCE
from hil.model.results import case_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.history.queries import TrendLine


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
