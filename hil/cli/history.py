"""``hil history``, ``trend``, ``baseline`` and ``prune``: the commands about past runs."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from hil.cli.main import Subcommand
from hil.cli.number_arguments import MOST_RUNS, whole_number
from hil.cli.unread_captures import name_unread
from hil.history.location import find_location
from hil.model.errors import ConfigurationError
from hil.model.numbers import shown_text
from hil.model.printable import escaped_line
from hil.model.units import format_value
from hil.model.verdicts import RUN_VERDICTS
from hil.recording.atomic_file import replaced_file, write_text_atomically
from hil.recording.latest_run import newest_run
from hil.report.terminal.console import TextConsole
from hil.report.terminal.tables import Cell, Column, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hil.history.database import History
    from hil.history.queries import ListedRun, RunFilter, TrendLine

_OUT = Path("reports")
_LISTED_RUNS, _TREND_RUNS = 50, 100
_RUNS, _RETAINED_RUNS = whole_number(1, MOST_RUNS), whole_number(0, MOST_RUNS)


def add_location_argument(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    """The option that says which history."""
    parser.add_argument(
        "--history",
        metavar="URL",
        default=default,
        help="postgresql://… or a file (default: HIL_HISTORY, else reports/history.db)",
    )


def _add_filter_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that say which runs."""
    parser.add_argument("--board", metavar="NAME", help="only this board: its name or unique id")
    parser.add_argument("--firmware", metavar="VERSION", help="only MicroPython versions like this")
    parser.add_argument("--technique", metavar="NAME", help="only with this technique")
    parser.add_argument("--load", metavar="NAME", help="only with this load")
    parser.add_argument("--since", metavar="DAY", help="only from 2026-11-01 on, or the last 7d")
    parser.add_argument("--verdict", choices=RUN_VERDICTS, help="only runs that came out so")


def _run_filter(args: argparse.Namespace) -> RunFilter:
    """The filters as they were given; raises ``ConfigurationError`` for a day that is none."""
    from hil.history.queries import RunFilter

    return RunFilter(
        board=args.board,
        firmware=args.firmware,
        technique=args.technique,
        load=args.load,
        since=None if args.since is None else _parse_moment("--since", args.since),
        verdict=args.verdict,
    )


def _parse_moment(option: str, given: str) -> str:
    """A time in UTC as runs have it, from ``2026-11-01``, an ISO time, or an age like ``7d``."""
    age = re.fullmatch(r"(\d{1,6})d", given)
    try:
        if age:
            moment = datetime.now(UTC) - timedelta(days=int(age[1]))
        else:
            moment = datetime.fromisoformat(given)
            moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        shown = shown_text(escaped_line(given))
        raise ConfigurationError(
            f"{option} {shown}: give a day (2026-11-01), a time, or an age in days (7d)"
        ) from None
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@contextlib.contextmanager
def _opened_history(args: argparse.Namespace, *, create: bool = False) -> Iterator[History]:
    """The history that the command line means; ``HilError`` where there is none."""
    from hil.history.database import open_history

    location = find_location(args.history, _OUT)
    if location is None:
        raise ConfigurationError("--history none: name a history")
    with open_history(location, create=create) as history:
        yield history


def _short_revision(revision: str | None, modified: bool | None) -> str:
    """A commit as people write it, with a plus where files differed from it."""
    return "" if revision is None else f"{revision[:9]}{'+' if modified else ''}"


def _add_history_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    add_location_argument(parser)
    _add_filter_arguments(parser)
    parser.add_argument(
        "--last", metavar="N", type=_RUNS, default=_LISTED_RUNS, help="the newest N (50)"
    )
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
    from hil.history.queries import list_runs

    wanted = _run_filter(args)
    with _opened_history(args) as history:
        runs = list_runs(history, wanted, args.last)
        shown = history.location.shown
    if args.json:
        rows = [dataclasses.asdict(run) for run in runs]
        print(json.dumps({"schema": 1, "history": shown, "runs": rows}))
    elif not runs:
        print(f"no such run in {shown}")
    else:
        _print_runs(runs)
    return 0


def _add_folders(args: argparse.Namespace) -> int:
    from hil.experiments.evaluation import judged_history_run, left_out
    from hil.history.run_writer import add_run

    done = []
    missing: list[str] = []
    with _opened_history(args, create=True) as history:
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
        _opened_history(args) as history,
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
            ", ".join(dict.fromkeys(board.name for board in run.boards)),
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


def _add_trend_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("metric", metavar="METRIC", help="for example lateness_p99_us")
    add_location_argument(parser)
    _add_filter_arguments(parser)
    parser.add_argument(
        "--last", metavar="N", type=_RUNS, default=_TREND_RUNS, help="the newest N (100)"
    )
    parser.add_argument("--html", metavar="FILE", help="write a page with charts")
    parser.add_argument("--json", action="store_true", help="for programs")


def show_trend(args: argparse.Namespace) -> int:
    """Print the lines; exit status 1 where the history has no such figure."""
    from hil.history.queries import known_metrics, trend_lines
    from hil.report.page.history_pages import sort_trend_lines, trend_page
    from hil.report.trend_changes import trend_changes

    wanted = _run_filter(args)
    with _opened_history(args) as history:
        lines = sort_trend_lines(trend_lines(history, args.metric, wanted, args.last))
        shown = history.location.shown
        others = [] if lines else known_metrics(history)
    if not lines:
        named = (
            ", ".join(other for other in others if other.startswith(args.metric[:4]))
            or "none like it"
        )
        raise ConfigurationError(
            f"{escaped_line(args.metric)}: no such figure in {shown} with these filters; "
            f"there is {named}"
        )
    if args.html:
        write_text_atomically(Path(args.html), trend_page(args.metric, lines))
    if args.json:
        rows = [
            {
                **dataclasses.asdict(line),
                "changes": [dataclasses.asdict(change) for change in trend_changes(line)],
            }
            for line in lines
        ]
        print(json.dumps({"schema": 1, "history": shown, "metric": args.metric, "lines": rows}))
        return 0
    _print_trend(lines)
    if args.html:
        print(f"page: {args.html}")
    return 0


_TREND_COLUMNS = (
    Column("technique", folds=True),
    Column("over time", keep=2),
    Column("smallest", keep=3, right=True),
    Column("largest", keep=4, right=True),
    Column("last", right=True),
    Column("runs", keep=1, right=True),
)


def _print_trend(lines: list[TrendLine]) -> None:
    from hil.report.page.history_pages import describe_trend_line
    from hil.report.terminal.sparklines import sparkline

    console = TextConsole.of_output()
    for group in dict.fromkeys((line.board, line.firmware, line.profile) for line in lines):
        board, firmware, profile = group
        title = f"{board}, MicroPython {firmware}, profile {profile}"
        console.print(escaped_line(title), "bold")
        of_group = [line for line in lines if (line.board, line.firmware, line.profile) == group]
        rows = []
        for line in of_group:
            values = [point.value for point in line.points]
            last = line.points[-1]
            style = "red" if last.verdict == "fail" else ""
            rows.append(
                [
                    Cell(escaped_line(describe_trend_line(line))),
                    Cell(sparkline(values)),
                    *(Cell(format_value(end, line.unit)) for end in (min(values), max(values))),
                    Cell(format_value(last.value, line.unit), style),
                    Cell(str(len(values))),
                ]
            )
        console.table(Table(_TREND_COLUMNS, rows, _JSON_HINT))
        for line in of_group:
            _print_trend_notes(console, line)
    console.write()


def _print_trend_notes(console: TextConsole, line: TrendLine) -> None:
    """When a line has changed, and which of its runs have no start that can be right."""
    from hil.report.page.history_pages import describe_trend_line
    from hil.report.trend_changes import trend_changes

    texts = [change.text for change in trend_changes(line)]
    texts += [f"{point.run}: {point.when}" for point in line.points if point.clock_wrong]
    for text in texts:
        console.print(escaped_line(f"{describe_trend_line(line)}: {text}"))


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

    with _opened_history(args) as history:
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


def _add_prune_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    add_location_argument(parser)
    parser.add_argument(
        "--keep", metavar="N", type=_RETAINED_RUNS, help="the newest N runs of each board stay"
    )
    parser.add_argument(
        "--older-than", metavar="DAYS", help="only what began before that: 90d, or a day"
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would go")
    parser.add_argument("--json", action="store_true", help="for programs")


def prune_runs(args: argparse.Namespace) -> int:
    """Remove what neither option keeps; at least one is needed."""
    from hil.history.retention import old_runs, remove_runs

    if args.keep is None and args.older_than is None:
        raise ConfigurationError("say what stays: --keep N, --older-than 90d, or both")
    given = args.older_than
    if given is not None and given.isdecimal():
        given += "d"
    before = None if given is None else _parse_moment("--older-than", given)
    with _opened_history(args) as history:
        names = old_runs(history, keep=args.keep, before_utc=before)
        count = 0 if args.dry_run else remove_runs(history, names)
        shown = history.location.shown
    if args.json:
        done = {"schema": 1, "history": shown, "runs": names, "removed": count}
        print(json.dumps(done))
        return 0
    for name in names:
        print(f"{'would remove' if args.dry_run else 'removed'} {escaped_line(name)}")
    if not names:
        print(f"nothing to remove from {shown}")
    return 0


HISTORY = Subcommand(_add_history_arguments, show_history)
TREND = Subcommand(_add_trend_arguments, show_trend)
BASELINE = Subcommand(_add_baseline_arguments, change_baselines)
PRUNE = Subcommand(_add_prune_arguments, prune_runs)
