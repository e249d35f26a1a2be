"""The table of exports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.recording.atomic_file import replaced_file
from hil.report.charts.run_charts import run_charts
from hil.report.exports.benchmark_json import BIGGER, SMALLER, action_json, bencher_json
from hil.report.exports.export_format import ExportFormat
from hil.report.exports.junit import junit_text
from hil.report.exports.openmetrics import openmetrics_text
from hil.report.exports.perfetto import write_perfetto
from hil.report.exports.stamp_table import write_csv, write_parquet
from hil.report.exports.vcd import write_vcd

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from hil.model.captures import Capture
    from hil.model.results import Results


def _all_measurements(make: Callable[[Results], str]) -> Callable[[Results], tuple[str, int]]:
    return lambda results: (make(results), len(results.measurements))


def _pdf(path: Path, results: Results, captures: Sequence[Capture]) -> int:
    from hil.report.charts.matplotlib_drawing import write_pages  # 0.4 s, for this format alone

    with replaced_file(path) as temporary:
        return write_pages(temporary, run_charts(results, captures))


EXPORTS: Mapping[str, ExportFormat] = {
    one.name: one
    for one in (
        ExportFormat("vcd", "pins.vcd", "GTKWave, PulseView, sigrok-cli", stamps=write_vcd),
        ExportFormat("perfetto", "trace.pftrace", "https://ui.perfetto.dev", stamps=write_perfetto),
        ExportFormat("parquet", "stamps.parquet", "pandas, Polars, DuckDB", stamps=write_parquet),
        ExportFormat("csv", "stamps.csv", "every spreadsheet and data frame", rows=write_csv),
        ExportFormat(
            "openmetrics", "metrics.prom", "Prometheus", figures=_all_measurements(openmetrics_text)
        ),
        ExportFormat(
            "bmf", "bmf.json", "Bencher (--adapter json)", figures=_all_measurements(bencher_json)
        ),
        ExportFormat(
            "gab",
            "gab-smaller.json",
            "github-action-benchmark (customSmallerIsBetter)",
            figures=lambda results: action_json(results, SMALLER),
        ),
        ExportFormat(
            "gab-bigger",
            "gab-bigger.json",
            "github-action-benchmark (customBiggerIsBetter)",
            figures=lambda results: action_json(results, BIGGER),
        ),
        ExportFormat(
            "junit", "junit-figures.xml", "CI servers", figures=_all_measurements(junit_text)
        ),
        ExportFormat("pdf", "charts.pdf", "printers, every PDF viewer: the charts", charts=_pdf),
    )
}
"""Format name -> format, in the order in which they are listed."""
