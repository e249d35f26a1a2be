"""The charts of a run: of each board and load, then of each case, in the order of its page."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hil.model.results import case_order, group_by_case
from hil.report.charts.case_charts import MAX_TASKS, POINTS, technique_charts
from hil.report.charts.long_term_charts import long_term_charts
from hil.report.charts.overview_charts import overview_charts
from hil.report.result_tables import group_rows, technique_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hil.model.captures import Capture
    from hil.model.results import Measurement, Results
    from hil.report.charts.chart import Chart
    from hil.report.result_tables import RowGroup

MANY_CASES = 40
"""With more cases than this each series has fewer points, and stability is that of one task: the
page stays below 5 MB and is made in seconds."""
_FEWER_POINTS = 120


def run_charts(results: Results, captures: Sequence[Capture]) -> Iterator[Chart]:
    """Every chart of a run's page, its board, load and technique in the title."""
    boards = [board.name for board in results.boards]
    captures = page_order(captures, boards)
    rows = technique_rows(results.measurements, boards)
    for group in group_rows(rows):
        for chart in group_charts(group, captures):
            yield replace(chart, title=f"{group.title}: {chart.title}")
    groups = group_by_case(results.measurements)
    for capture in captures:
        figures = groups.get(capture.case, [])
        board, technique, load = capture.case
        title = f"{board}, {technique}, load {load}"
        for chart in case_charts(capture, figures, len(captures)):
            yield replace(chart, title=f"{title}: {chart.title}")


def group_charts(group: RowGroup, captures: Sequence[Capture]) -> list[Chart]:
    """The charts of all techniques of one board under one load."""
    key = (group.board, group.load)
    measured = [c for c in captures if (c.board.name, c.plan.load) == key]
    return list(overview_charts(measured, group.rows, group.title))


def case_charts(capture: Capture, measurements: Sequence[Measurement], cases: int) -> list[Chart]:
    """The charts of one case of a run with so many ``cases``; the figures are those of the case."""
    points, tasks = (POINTS, MAX_TASKS) if cases <= MANY_CASES else (_FEWER_POINTS, 1)
    return [
        *technique_charts(capture, measurements, points),
        *long_term_charts(capture, measurements, points, tasks),
    ]


def page_order(captures: Sequence[Capture], boards: Sequence[str]) -> list[Capture]:
    """Captures by board, in the order of ``boards``, then by technique and load."""
    return sorted(
        captures, key=lambda capture: case_order(capture.case, boards, technique_first=True)
    )
