"""The summary of a run as a PDF of one page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.report.charts.run_charts import group_charts
from hil.report.deadline_advice import advise
from hil.report.headline import headline
from hil.report.result_tables import group_rows, technique_rows
from hil.report.run_facts import demonstrating_boards, run_facts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from hil.model.captures import Capture
    from hil.model.results import Results
    from hil.report.exports.export_format import ExportInput
    from hil.report.result_tables import TechniqueRow


def write_summary_pdf(path: Path, run: ExportInput) -> int:
    """Write one page, so give 1. Memory: all captures at once."""
    from hil.report.charts.matplotlib_drawing import write_sheet  # 0.4 s, for this format alone
    from hil.report.charts.summary_sheet import summary_sheet

    results, captures = run.results, list(run.captures)
    boards = [board.name for board in results.boards]
    rows = technique_rows(results.measurements, boards)
    groups = group_rows(rows)
    charts = group_charts(groups[0], captures) if groups else []
    title = f"hil: timing of {', '.join(boards) or 'no board'}"
    lines = list(_lines(results, rows, captures))
    write_sheet(path, summary_sheet(title, lines, rows, charts))
    return 1


def _lines(
    results: Results, rows: Sequence[TechniqueRow], captures: Sequence[Capture]
) -> Iterator[tuple[str, bool]]:
    """The texts of the page's first screen, and whether each is a heading."""
    verdict = headline(results, rows)
    yield verdict.sentence, True
    yield from ((line, False) for line in (*verdict.remedy, *verdict.listed))
    facts = {about.board: about.facts for about in run_facts(results, rows, captures)}
    for advice in advise(rows, demonstrating_boards(results), results.errors):
        soft = "at most 1 activation of 100 later, with 95 % confidence"
        yield f"Deadline {advice.deadline}, soft ({soft}): {advice.soft}", True
        yield f"Deadline {advice.deadline}, hard (none later): {advice.hard}", False
        if advice.demonstration:
            yield f"{advice.board} only demonstrates: it runs on a computer.", False
        if advice.invalid:
            yield advice.invalid_line, False
        yield "; ".join(f"{word}: {text}" for word, text in facts[advice.board]), False
    run = results.run
    yield f"Run {run.id}, {run.started_utc}, profile {run.profile}, source {run.source}", False
