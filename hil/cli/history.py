"""``hil history``, and ``baseline``: the commands about past runs."""

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
)
from hil.cli.main import Subcommand
from hil.cli.number_arguments import MOST_RUNS, whole_number
from hil.cli.unread_captures import name_unread
from hil.model.errors import ConfigurationError
from hil.model.printable import escaped_line
from hil.recording.atomic_file import replaced_file
from hil.recording.latest_run import newest_run
from hil.report.terminal.console import TextConsole
from hil.report.terminal.tables import Cell, Column, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.history.database import History
    from hil.history.queries import ListedRun, RunFilter

_LISTED_RUNS = 50
_RUNS, _SKIPPED = whole_number(1, MOST_RUNS), whole_number(0, MOST_RUNS)
_AT_ONCE = 1000


def _short_revision(revision: str | None, modified: bool | None) -> str:
    """A commit as people write it, with a plus where files differed from it."""
    return "" if revision is None else f"{revision[:9]}{'+' if modified else ''}"


def _add_history_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    add_location_argument(parser)
    add_filter_arguments(parser)
    parser.add_argument(
        *("--last", "--limit"),
        metavar="N",
        type=_RUNS,
        default=_LISTED_RUNS,
        help="the newest N (50)",
    )
    parser.add_argument(
        "--offset", metavar="N", type=_SKIPPED, default=0, help="but for the newest N"
    )
    parser.add_argument("--all", action="store_true", help="all of them, however many")
    parser.add_argument("--json", action="store_true", help="for programs")
    actions = parser.add_subparsers(dest="action", metavar="add|backup")
    add = actions.add_parser("add", help="put runs' folders into the history")
    add.add_argument("folders", nargs="+", metavar="FOLDER", help="for example reports/latest")
    add_location_argument(add, argparse.SUPPRESS)
    add.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="for programs")
    backup = actions.add_parser("backup", help="copy the history's file, also while runs write")
    backup.add_argument("file", metavar="FILE", help="the copy; one that is there is replaced")
    add_location_argument(backup, argparse.SUPPRESS)


def show_history(args: argparse.Namespace) -> int:
    """List, add what is named, or back up."""
    if args.action == "add":
        return _add_folders(args)
    if args.action == "backup":
        return _back_up(args)
    from hil.history.known_names import nothing_found
    from hil.history.queries import count_runs

    wanted = run_filter(args)
    with opened_history(args) as history:
        count = count_runs(history, wanted)
        runs = _wanted_runs(history, wanted, args)
        shown = history.location.shown
        nothing = "" if count else str(nothing_found(history, "no run", wanted))
    if args.json:
        rows = [dataclasses.asdict(run) for run in runs]
        print(json.dumps({"schema": 1, "history": shown, "count": count, "runs": rows}))
    elif not runs:
        print(nothing or f"{count} runs, none behind --offset={args.offset}")
    else:
        _print_runs(runs)
        end = args.offset + len(runs)
        if end < count:
            print(f"{len(runs)} of {count} runs; the next: --offset={end}, all: --all")
    return 0


def _wanted_runs(history: History, wanted: RunFilter, args: argparse.Namespace) -> list[ListedRun]:
    """The runs to show; read some at a time, since a query names each of them."""
    from hil.history.queries import list_runs

    rest = MOST_RUNS if args.all else args.last
    runs: list[ListedRun] = []
    while rest:
        part = list_runs(history, wanted, min(rest, _AT_ONCE), args.offset + len(runs))
        runs += part
        rest -= len(part)
        if len(part) < _AT_ONCE:
            break
    return runs


def _add_folders(args: argparse.Namespace) -> int:
    from hil.experiments.evaluation import judged_history_run, left_out
    from hil.history.run_writer import add_run

    done = []
    missing: list[str] = []
    with opened_history(args, create=True) as history:
        for folder in args.folders:
            run = judged_history_run(newest_run(Path(folder)))
            missing += left_out(run.errors)
            name, new = add_run(history, run)
            done.append({"folder": folder, "run": name, "new": new})
            if not args.json:
                print(f"{escaped_line(name)}: {'added' if new else 'was there already'}")
        if args.json:
            print(json.dumps({"schema": 1, "history": history.location.shown, "added": done}))
    return name_unread(missing)


def _back_up(args: argparse.Namespace) -> int:
    target = Path(args.file)
    with (
        opened_history(args) as history,
        replaced_file(target, "name another file") as temporary,
    ):
        file = history.location.file
        if file is not None and target.exists() and target.samefile(file):
            raise ConfigurationError(f"{target}: this is the history itself; name another file")
        history.back_up(temporary)
        shown = history.location.shown
    print(f"{escaped_line(shown)}: backed up as {escaped_line(str(target))}")
    return 0


_HISTORY_COLUMNS = (
    Column("run", folds=True),
    Column("boards", keep=1, folds=True),
    Column("MicroPython", keep=3, folds=True),
    Column("profile", keep=5),
    Column("cases", keep=6, right=True),
    Column("verdict"),
    Column("worse", keep=2, right=True),
    Column("commit", keep=4),
)
_JSON_HINT = "--json and a wider terminal have them"


def _print_runs(runs: Sequence[ListedRun]) -> None:
    styles = {"fail": "red", "error": "red", "undecided": "yellow", "pass": "green"}
    rows = []
    for run in runs:
        cells = (
            run.title,
            ", ".join(
                (
                    *dict.fromkeys(board.name for board in run.boards),
                    *(f"{name} (missing)" for name in run.missing),
                )
            ),
            ", ".join(dict.fromkeys(board.micropython for board in run.boards)),
            run.profile,
            str(run.cases),
        )
        worse = "" if run.worse is None else str(run.worse)
        rows.append(
            [
                *(Cell(escaped_line(cell)) for cell in cells),
                Cell(run.verdict, styles.get(run.verdict, "")),
                Cell(worse, "red" if run.worse else ""),
                Cell(escaped_line(_short_revision(run.revision, run.modified))),
            ]
        )
    console = TextConsole.of_output()
    console.table(Table(_HISTORY_COLUMNS, rows, _JSON_HINT))
    console.write()


def _add_baseline_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="set|list|remove")
    put = actions.add_parser("set", help="make a run the baseline of its boards")
    put.add_argument("name", metavar="RUN", help="its id, or how that begins; see `hil history`")
    put.add_argument("--note", default="", metavar="TEXT", help="why")
    put.add_argument("--add", action="store_true", help="beside the baselines that are there")
    shown = actions.add_parser("list", help="list the baselines")
    gone = actions.add_parser("remove", help="a run is no baseline any more")
    gone.add_argument("name", metavar="RUN")
    for parser_of in (put, shown, gone):
        add_location_argument(parser_of)
        parser_of.add_argument("--json", action="store_true", help="for programs")


def change_baselines(args: argparse.Namespace) -> int:
    """Set, list or remove."""
    from hil.history.retention import list_baselines, remove_baseline, set_baseline

    with opened_history(args) as history:
        if args.action == "set":
            old = set_baseline(history, args.name, note=args.note, add=args.add)
            text = f"{args.name} is a baseline"
            if old:
                text += f", in place of {', '.join(old)}"
        elif args.action == "remove":
            remove_baseline(history, args.name)
            text = f"{args.name} is no baseline any more"
        else:
            text = ""
        baselines = list_baselines(history)
    if args.json:
        print(
            json.dumps(
                {"schema": 1, "baselines": [dataclasses.asdict(baseline) for baseline in baselines]}
            )
        )
        return 0
    if text:
        print(escaped_line(text))
        return 0
    for baseline in baselines:
        note = f" ({baseline.note})" if baseline.note else ""
        print(
            escaped_line(
                f"{baseline.run}: {'; '.join(baseline.lines)}, profile {baseline.profile}{note}"
            )
        )
    if not baselines:
        print("no baseline; `hil baseline set RUN` makes a run one")
    return 0


HISTORY = Subcommand(_add_history_arguments, show_history)
BASELINE = Subcommand(_add_baseline_arguments, change_baselines)
