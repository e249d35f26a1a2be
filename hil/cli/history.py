"""``hil history``: list the runs that are kept, and put in those that are not."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

from hil.cli.history_arguments import (
    add_filter_arguments,
    add_location_argument,
    opened_history,
    run_filter,
    short_revision,
)
from hil.history.queries import list_runs
from hil.model.board import SOURCES
from hil.model.errors import ConfigurationError
from hil.model.printable import escaped_line

if TYPE_CHECKING:
    from hil.history.queries import ListedRun
    from hil.history.stored_records import HistoryRun

_MOST = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    add_location_argument(parser)
    add_filter_arguments(parser)
    parser.add_argument("--last", metavar="N", type=int, default=_MOST, help="the newest N (50)")
    parser.add_argument("--json", action="store_true", help="for programs")
    actions = parser.add_subparsers(dest="action", metavar="add")
    add = actions.add_parser("add", help="put runs' folders into the history")
    add.add_argument("folders", nargs="+", metavar="FOLDER", help="for example reports/latest")
    add_location_argument(add, argparse.SUPPRESS)
    add.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="for programs")


def run(args: argparse.Namespace) -> int:
    """List, or add what is named."""
    if args.action == "add":
        return _add(args)
    with opened_history(args) as history:
        found = list_runs(history, run_filter(args), max(1, args.last))
        shown = history.place.shown
    if args.json:
        rows = [dataclasses.asdict(one) for one in found]
        print(json.dumps({"schema": 1, "history": shown, "runs": rows}))
    elif not found:
        print(f"no such run in {shown}")
    else:
        _print(found)
    return 0


def _add(args: argparse.Namespace) -> int:
    from hil.history.run_writer import add_run

    done = []
    with opened_history(args, create=True) as history:
        for folder in args.folders:
            name, new = add_run(history, _judged_history_run(Path(folder)))
            done.append({"folder": folder, "run": name, "new": new})
            if not args.json:
                print(f"{escaped_line(name)}: {'added' if new else 'was there already'}")
        if args.json:
            print(json.dumps({"schema": 1, "history": history.place.shown, "added": done}))
    return 0


def _judged_history_run(folder: Path) -> HistoryRun:
    """A folder as its run would have stored it: judged as in ``results.json`` if that is there."""
    from hil.experiments.budget_files import default_budgets
    from hil.experiments.evaluation import evaluate_run
    from hil.history.stored_records import make_history_run
    from hil.recording.run_folder import RunFolder, read_results
    from hil.recording.stored_run import read_run, sound_captures

    stored = read_run(folder)
    if not SOURCES[stored.log.info.source].measured:
        raise ConfigurationError(f"{folder}: a replayed run; add the run that it replays")
    written = RunFolder(folder).results
    results = (
        read_results(written) if written.is_file() else evaluate_run(stored, default_budgets())
    )
    if not results.measurements and not results.errors:
        raise ConfigurationError(f"{folder}: nothing was measured in it")
    return make_history_run(results, sound_captures(stored))


def _print(found: list[ListedRun]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from hil.report.terminal.console import output_console

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in (
        "run",
        "boards",
        "MicroPython",
        "profile",
        "cases",
        "verdict",
        "worse",
        "commit",
    ):
        table.add_column(heading, overflow="fold")
    styles = {"fail": "red", "error": "red", "pass": "green"}
    for one in found:
        name = one.run + (" (baseline)" if one.baseline else "")
        cells = (
            name,
            ", ".join(dict.fromkeys(board.name for board in one.boards)),
            ", ".join(dict.fromkeys(board.micropython for board in one.boards)),
            one.profile,
            str(one.cases),
        )
        worse = "" if one.worse is None else str(one.worse)
        table.add_row(
            *(Text(escaped_line(cell)) for cell in cells),
            Text(one.verdict, style=styles.get(one.verdict, "")),
            Text(worse, style="red" if one.worse else ""),
            Text(short_revision(one.revision, one.modified)),
        )
    output_console().print(table)
