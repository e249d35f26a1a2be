"""The formats of ``hil export``, and writing one of them from a run's folder."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path

from hil.budgets import default_budgets
from hil.errors import CaptureError, ConfigurationError
from hil.records import Capture
from hil.report.charts.run_charts import run_charts
from hil.report.export.bencher import BIGGER, SMALLER, action_json, bencher_json
from hil.report.export.files import replacing
from hil.report.export.junit import junit_text
from hil.report.export.openmetrics import openmetrics_text
from hil.report.export.perfetto_trace import write_perfetto
from hil.report.export.stamp_table import write_csv, write_parquet
from hil.report.export.stamps import StampSource
from hil.report.export.vcd import write_vcd
from hil.report.remake import results_of
from hil.report.results_json import read_results
from hil.results import Results
from hil.run_folder import RunFolder
from hil.stored_run import read_run

STDOUT = Path("-")


@dataclass(frozen=True, slots=True)
class Format:
    """One format: its file in the run's folder, and what opens it.

    Exactly one of the four is there: ``figures`` makes the text from the figures, ``rows`` writes
    text and ``stamps`` a file from the stamps, ``charts`` a file from both; each gives how many are
    in it.
    """

    name: str
    file: str
    opens: str
    figures: Callable[[Results], tuple[str, int]] | None = None
    rows: Callable[[TextIOWrapper, Iterable[Capture]], int] | None = None
    stamps: Callable[[Path, Iterable[Capture]], int] | None = None
    charts: Callable[[Path, Results, Sequence[Capture]], int] | None = None


def _all(make: Callable[[Results], str]) -> Callable[[Results], tuple[str, int]]:
    return lambda results: (make(results), len(results.measurements))


def _pdf(path: Path, results: Results, captures: Sequence[Capture]) -> int:
    from hil.report.charts.matplotlib_drawing import write_pages  # 0.4 s, for this format alone

    with replacing(path) as temporary:
        return write_pages(temporary, run_charts(results, captures))


FORMATS: Mapping[str, Format] = {
    one.name: one
    for one in (
        Format("vcd", "pins.vcd", "GTKWave, PulseView, sigrok-cli", stamps=write_vcd),
        Format("perfetto", "trace.pftrace", "https://ui.perfetto.dev", stamps=write_perfetto),
        Format("parquet", "stamps.parquet", "pandas, Polars, DuckDB", stamps=write_parquet),
        Format("csv", "stamps.csv", "every spreadsheet and data frame", rows=write_csv),
        Format("openmetrics", "metrics.prom", "Prometheus", figures=_all(openmetrics_text)),
        Format("bmf", "bmf.json", "Bencher (--adapter json)", figures=_all(bencher_json)),
        Format(
            "gab",
            "gab-smaller.json",
            "github-action-benchmark (customSmallerIsBetter)",
            figures=lambda results: action_json(results, SMALLER),
        ),
        Format(
            "gab-bigger",
            "gab-bigger.json",
            "github-action-benchmark (customBiggerIsBetter)",
            figures=lambda results: action_json(results, BIGGER),
        ),
        Format("junit", "junit-figures.xml", "CI servers", figures=_all(junit_text)),
        Format("pdf", "charts.pdf", "printers, every PDF viewer: the charts", charts=_pdf),
    )
}
"""Format name -> format, in the order in which they are listed."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: ``count`` activations or figures; ``left_out`` says what is not in it."""

    format: str
    path: str
    what: str
    count: int
    left_out: tuple[str, ...] = ()


def export_run(folder: Path, form: Format, out: Path | None = None) -> Exported:
    """Write one format; ``out`` defaults to the format's file in ``folder``, ``-`` is stdout.

    Figures are those of ``results.json``; where there is none they are computed from the captures
    and judged by the default budgets. Raises :class:`~hil.errors.HilError`.
    """
    path = out if out is not None else folder / form.file
    if form.figures is not None:
        results = results_in(folder)
        text, count = form.figures(results)
        if path == STDOUT:
            sys.stdout.buffer.write(text.encode("utf-8"))
        else:
            with replacing(path) as temporary:
                temporary.write_text(text, encoding="utf-8", newline="\n")
        return Exported(form.name, str(path), "figures", count)
    source = StampSource(folder)
    if form.charts is not None and path != STDOUT:
        count = form.charts(path, results_in(folder), list(source))
        return Exported(form.name, str(path), "charts", count, tuple(source.left_out))
    if form.rows is not None:
        if path == STDOUT:
            count = _to_stream(TextIOWrapper(sys.stdout.buffer, "utf-8", newline=""), form, source)
        else:
            with replacing(path) as file, file.open("w", encoding="utf-8", newline="") as stream:
                count = _to_stream(stream, form, source)
    elif form.stamps is not None and path != STDOUT:
        count = form.stamps(path, source)
    else:
        raise ConfigurationError(f"--to {form.name} does not go to stdout; give --out=FILE")
    return Exported(form.name, str(path), "activations", count, tuple(source.left_out))


def _to_stream(stream: TextIOWrapper, form: Format, source: StampSource) -> int:
    if form.rows is None:
        raise AssertionError(form.name)
    try:
        count = form.rows(stream, source)
        stream.flush()
    finally:
        if stream.buffer is sys.stdout.buffer:
            stream.detach()
    return count


def results_in(folder: Path) -> Results:
    """The results of a run's folder: ``results.json``, else computed from its captures."""
    if not folder.is_dir():
        raise CaptureError(f"{folder}: no such folder; give a run's, for example reports/latest")
    stored = RunFolder(folder).results
    if stored.is_file():
        return read_results(stored)
    return results_of(read_run(folder), default_budgets())
