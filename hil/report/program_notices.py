"""What is said of a user's own program beside its figures, for the terminal and the page alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.model.results import case_key
from hil.model.units import format_list, format_measurement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.model.results import CaseKey, Measurement, Notice, Results
    from hil.report.result_tables import TechniqueRow

UNSEEN_DELAY = "from the first activation: a constant delay can't be seen without asked()"
"""What is said beside a lateness whose grid nobody asked for."""
_SHOWN = (("lateness_p50_us", "p50"), ("lateness_p99_us", "p99"), ("lateness_max_us", "max"))


def notice_lines(results: Results, rows: Sequence[TechniqueRow]) -> list[tuple[CaseKey, str]]:
    """Every notice of ``results`` with its case, one line each; those on lateness come first.

    ``rows`` are the lines of the tables. A lateness that counts from the first activation is told
    together with its figures.
    """
    lines = [(case_key(row), line) for row in rows if (line := _unseen_delay(results, row))]
    for notice in results.notices:
        key = case_key(notice)
        several = notice.task is not None and _several(results, key)
        task = f", {_label(results, notice)}" if several else ""
        lines.append((key, f"{notice.technique}{task}: {notice.text}"))
    return lines


def reference_of(row: TechniqueRow) -> str | None:
    """What the lateness in a row counts from, where that is not the grid that was asked for."""
    figures = (row.cells.get(name) for name, _ in _SHOWN)
    return next((figure.reference for figure in figures if figure and figure.reference), None)


def _unseen_delay(results: Results, row: TechniqueRow) -> str:
    if reference_of(row) is None:
        return ""
    figures = [
        f"{word} {format_measurement(figure).value}"
        for name, word in _SHOWN
        if (figure := row.cells.get(name)) is not None
    ]
    tasks = {
        m.task: f'"{m.task_name}"' if m.task_name else str(m.task)
        for m in _of(results, case_key(row))
        if m.reference and m.task is not None
    }
    calls = format_list([f"asked({tasks[task]}, US_TO_FIRST)" for task in sorted(tasks)])
    return (
        f"{row.technique}: lateness {', '.join(figures)}, counted {UNSEEN_DELAY}; call {calls} "
        "right before the schedule begins"
    )


def _of(results: Results, key: CaseKey) -> list[Measurement]:
    return [m for m in results.measurements if case_key(m) == key]


def _label(results: Results, notice: Notice) -> str:
    figures = (m for m in _of(results, case_key(notice)) if m.task == notice.task)
    return next((m.task_label for m in figures), f"task {notice.task}")


def _several(results: Results, key: CaseKey) -> bool:
    return len({m.task for m in _of(results, key) if m.task is not None}) > 1
