"""The table of exports: the only place that lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.model.result_files import finite_results
from hil.report.exports.badge import badge_svg, shields_json
from hil.report.exports.benchmark_json import BIGGER, SMALLER, action_json, bencher_json
from hil.report.exports.charts_pdf import write_pdf
from hil.report.exports.export_format import Export, FileExport, TextExport
from hil.report.exports.junit import junit_text
from hil.report.exports.openmetrics import openmetrics_text
from hil.report.exports.perfetto import write_perfetto
from hil.report.exports.stamp_table import write_csv, write_parquet
from hil.report.exports.summary_pdf import write_summary_pdf
from hil.report.exports.vcd import write_vcd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path
    from typing import TextIO

    from hil.model.captures import Capture
    from hil.model.metric import Sense
    from hil.model.results import Results
    from hil.report.exports.export_format import ExportInput


def _figures(make_text: Callable[[Results], str]) -> Callable[[TextIO, ExportInput], int]:
    def write(out: TextIO, run: ExportInput) -> int:
        results = finite_results(run.results)
        out.write(make_text(results))
        return len(results.measurements)

    return write


def _words(make_text: Callable[[Results], str]) -> Callable[[TextIO, ExportInput], int]:
    def write(out: TextIO, run: ExportInput) -> int:
        out.write(make_text(run.results))
        return 1

    return write


def _action(senses: tuple[Sense, ...]) -> Callable[[TextIO, ExportInput], int]:
    def write(out: TextIO, run: ExportInput) -> int:
        text, count = action_json(run.results, senses)
        out.write(text)
        return count

    return write


def _stamps(
    write_captures: Callable[[Path, Iterable[Capture]], int],
) -> Callable[[Path, ExportInput], int]:
    return lambda path, run: write_captures(path, run.captures)


_ACTION = "github-action-benchmark"
_EXPORTS: tuple[Export, ...] = (
    FileExport(
        *("vcd", "pins.vcd", "GTKWave, PulseView, sigrok-cli"), _stamps(write_vcd), package="pyvcd"
    ),
    FileExport(
        *("perfetto", "trace.pftrace", "https://ui.perfetto.dev"),
        _stamps(write_perfetto),
        package="perfetto",
    ),
    FileExport(
        *("parquet", "stamps.parquet", "pandas, Polars, DuckDB"),
        _stamps(write_parquet),
        package="pyarrow",
    ),
    TextExport(
        *("csv", "stamps.csv", "every spreadsheet and data frame"),
        lambda out, run: write_csv(out, run.captures),
        counts="activations",
    ),
    TextExport("openmetrics", "metrics.prom", "Prometheus", _figures(openmetrics_text)),
    TextExport("bmf", "bmf.json", "Bencher (--adapter json)", _figures(bencher_json)),
    TextExport(
        *("gab", "gab-smaller.json", f"{_ACTION} (customSmallerIsBetter)"), _action(SMALLER)
    ),
    TextExport(
        *("gab-bigger", "gab-bigger.json", f"{_ACTION} (customBiggerIsBetter)"), _action(BIGGER)
    ),
    TextExport("junit", "junit-figures.xml", "CI servers", _figures(junit_text)),
    TextExport("badge", "badge.svg", "browsers, READMEs", _words(badge_svg), counts="badge"),
    TextExport(
        *("shields", "badge.json", "shields.io (endpoint badge)"),
        _words(shields_json),
        counts="badge",
    ),
    FileExport(
        *("pdf", "charts.pdf", "printers, every PDF viewer: the charts"), write_pdf, counts="charts"
    ),
    FileExport(
        *("summary", "summary.pdf", "printers, every PDF viewer: one page"),
        write_summary_pdf,
        counts="pages",
    ),
)
EXPORTS: Mapping[str, Export] = {export.name: export for export in _EXPORTS}
"""Format name -> export, in the order in which they are listed."""
