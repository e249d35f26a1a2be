"""``hil history``: list the runs that are kept, and put in those that are not."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

from hil.cli.asking import add_filters, add_place, opened, plain, shortened, wanted
from hil.errors import ConfigurationError
from hil.history.kept import KeptRun
from hil.history.listing import ListedRun, list_runs

_MOST = 50
_WIDE = 200


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    add_place(parser)
    add_filters(parser)
    parser.add_argument("--last", metavar="N", type=int, default=_MOST, help="the newest N (50)")
    parser.add_argument("--json", action="store_true", help="for programs")
    actions = parser.add_subparsers(dest="action", metavar="add")
    add = actions.add_parser("add", help="put runs' folders into the history")
    add.add_argument("folders", nargs="+", metavar="FOLDER", help="for example reports/latest")
    add_place(add, argparse.SUPPRESS)
    add.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="for programs")


def run(args: argparse.Namespace) -> int:
    """List, or add what is named."""
    if args.action == "add":
        return _add(args)
    with opened(args) as history:
        found = list_runs(history, wanted(args), max(1, args.last))
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
    from hil.history.storing import add_run

    done = []
    with opened(args, create=True) as history:
        for folder in args.folders:
            name, new = add_run(history, _kept(Path(folder)))
            done.append({"folder": folder, "run": name, "new": new})
            if not args.json:
                print(f"{plain(name)}: {'added' if new else 'was there already'}")
        if args.json:
            print(json.dumps({"schema": 1, "history": history.place.shown, "added": done}))
    return 0


def _kept(folder: Path) -> KeptRun:
    """A folder as its run would have stored it: judged as in ``results.json`` if that is there."""
    from hil.budgets import default_budgets
    from hil.history.preparing import keep_run
    from hil.report.remake import results_of, sound_captures
    from hil.report.results_json import read_results
    from hil.run_folder import RunFolder
    from hil.stored_run import read_run

    stored = read_run(folder)
    if stored.log.info.source == "replay":
        raise ConfigurationError(f"{folder}: a replayed run; add the run that it replays")
    written = RunFolder(folder).results
    results = read_results(written) if written.is_file() else results_of(stored, default_budgets())
    if not results.measurements and not results.errors:
        raise ConfigurationError(f"{folder}: nothing was measured in it")
    return keep_run(results, sound_captures(stored))


def _print(found: list[ListedRun]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

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
            *(Text(plain(cell)) for cell in cells),
            Text(one.verdict, style=styles.get(one.verdict, "")),
            Text(worse, style="red" if one.worse else ""),
            Text(shortened(one.revision, one.modified)),
        )
    Console(width=None if sys.stdout.isatty() else _WIDE).print(table)
