"""The charts of a run's page as a PDF."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.report.charts.run_charts import run_charts

if TYPE_CHECKING:
    from pathlib import Path

    from hil.report.exports.export_format import ExportInput


def write_pdf(path: Path, run: ExportInput) -> int:
    """Write every chart, a page each; how many there are. Memory: all captures at once."""
    from hil.report.charts.matplotlib_drawing import write_pages  # 0.4 s, for this format alone

    return write_pages(path, run_charts(run.results, list(run.captures)))
