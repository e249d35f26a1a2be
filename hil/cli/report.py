"""``hil report FOLDER``: the outputs of a run again, from what is stored."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hil.cli.output import terminal_width, wants_color, write_out
from hil.experiments.budget_files import default_budgets, load_budgets
from hil.experiments.evaluation import evaluate_run
from hil.model.errors import CaptureError
from hil.recording.atomic_file import write_text_atomically
from hil.recording.run_folder import CHANGES_NAME, RunFolder, read_changes, write_results
from hil.recording.stored_run import read_run, sound_captures
from hil.report.exports.job_summary import job_summary, write_summary
from hil.report.exports.junit import junit_text
from hil.report.page.page import write_page
from hil.report.terminal.run_summary import terminal_summary

if TYPE_CHECKING:
    import argparse

    from hil.model.results import Results

DEFAULT_FOLDER = "reports/latest"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument(
        "folder", nargs="?", default=DEFAULT_FOLDER, help=f"the run's (default: {DEFAULT_FOLDER})"
    )
    parser.add_argument("--budgets", metavar="FILE", help="judge by these budgets (TOML)")
    parser.add_argument("--markdown", metavar="FILE", help="also a summary for a CI server's page")
    parser.add_argument("--json", action="store_true", help="say in JSON what was written")


def run(args: argparse.Namespace) -> int:
    """See :func:`remake_report`."""
    return remake_report(args.folder, args.budgets, args.markdown, as_json=args.json)


def remake_report(
    folder: str, budgets: str | None, markdown: str | None = None, *, as_json: bool = False
) -> int:
    """Write ``results.json``, ``report.html`` and ``junit.xml`` anew and print the table.

    A ``junit.xml`` that pytest wrote names its tests and how long they took, which no capture
    tells: it stays, unless other ``budgets`` judge the run now.
    """
    path = Path(folder)
    if not path.is_dir():
        raise CaptureError(f"{folder}: no such folder; give a run's, for example {DEFAULT_FOLDER}")
    run = read_run(path)
    results = evaluate_run(run, load_budgets(Path(budgets)) if budgets else default_budgets())
    files = RunFolder(path)
    results = replace(results, run=replace(results.run, hashes=files.hashes()))
    stored = path / CHANGES_NAME
    comparison = read_changes(stored) if stored.exists() else None
    write_results(files.results, results)
    write_page(files.report, results, sound_captures(run), comparison)
    if budgets or not _of_pytest(files.junit):
        write_text_atomically(files.junit, junit_text(results))
    if markdown is not None:
        write_summary(Path(markdown), job_summary(results, comparison))
    if as_json:
        print(json.dumps(_written(files, results)))
        return 0
    color = wants_color(sys.stdout)
    write_out(terminal_summary(results, width=terminal_width(), color=color, comparison=comparison))
    print(f"results: {files.results}\nreport:  {files.report}\njunit:   {files.junit}")
    return 0


def _of_pytest(junit: Path) -> bool:
    """Whether there is a file that pytest wrote, and not this command."""
    try:
        with junit.open("rb") as file:
            return b'<testsuites name="hil">' not in file.read(200)
    except OSError:
        return False


def _written(files: RunFolder, results: Results) -> dict[str, object]:
    return {
        "schema": 1,
        "run": results.run.id,
        "results": str(files.results),
        "report": str(files.report),
        "junit": str(files.junit),
        "figures": len(results.measurements),
        "out_of_budget": sum(one.verdict == "fail" for one in results.measurements),
        "errors": len(results.errors),
        "skipped": len(results.skipped),
    }
