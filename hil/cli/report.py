"""``hil report FOLDER``: the outputs of a run again, from what is stored."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from hil.budgets import default_budgets, load_budgets
from hil.errors import CaptureError
from hil.report.changes_json import NAME, read_changes
from hil.report.html import write_page
from hil.report.job_summary import job_summary, write_summary
from hil.report.remake import results_of, sound_captures
from hil.report.results_json import write_results
from hil.report.terminal import terminal_summary
from hil.run_folder import RunFolder
from hil.stored_run import read_run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("folder", help="the run's folder, for example reports/latest")
    parser.add_argument("--budgets", metavar="FILE", help="judge by these budgets (TOML)")
    parser.add_argument("--markdown", metavar="FILE", help="also a summary for a CI server's page")


def run(args: argparse.Namespace) -> int:
    """See :func:`remake_report`."""
    return remake_report(args.folder, args.budgets, args.markdown)


def remake_report(folder: str, budgets: str | None, markdown: str | None = None) -> int:
    """Write ``results.json`` and ``report.html`` anew and print the table."""
    path = Path(folder)
    if not path.is_dir():
        raise CaptureError(f"{folder}: no such folder; give a run's, for example reports/latest")
    run = read_run(path)
    results = results_of(run, load_budgets(Path(budgets)) if budgets else default_budgets())
    files = RunFolder(path)
    write_results(files.results, results)
    write_page(files.report, results, sound_captures(run))
    if markdown is not None:
        stored = path / NAME
        comparison = read_changes(stored) if stored.exists() else None
        write_summary(Path(markdown), job_summary(results, comparison))
    width = shutil.get_terminal_size().columns
    sys.stdout.write(terminal_summary(results, width=width, color=sys.stdout.isatty()))
    print(f"results: {files.results}\nreport:  {files.report}")
    return 0
