"""``hil trend``: a figure over time."""

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
from hil.cli.number_arguments import MOST_RUNS, whole_number
from hil.model.errors import ConfigurationError
from hil.model.printable import escaped_line
from hil.model.units import format_value
from hil.recording.atomic_file import write_text_atomically
from hil.report.terminal.console import TextConsole
from hil.report.terminal.tables import Cell, Column, Table
from hil.report.trend_lines import (
    describe_months,
    describe_summary,
    describe_trend_line,
    sort_trend_lines,
)

if TYPE_CHECKING:
    from hil.history.fleet_trends import FleetTrend
    from hil.history.trend_queries import TrendLine

_TREND_RUNS, _FLEET_NIGHTS = 100, 10
_MOST_BOARDS = 8
"""Of more boards there is one table a model, and not one a board."""
_RUNS = whole_number(1, MOST_RUNS)
_JSON_HINT = "--json and a wider terminal have them"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("metric", metavar="METRIC", help="for example lateness_p99_us")
    add_location_argument(parser)
    add_filter_arguments(parser)
    parser.add_argument(
        "--last",
        metavar="N",
        type=_RUNS,
        help="the newest N runs of each board (100), or nights of many boards (10)",
    )
    parser.add_argument(
        "--each-board", action="store_true", help="every board by itself, however many there are"
    )
    parser.add_argument("--html", metavar="FILE", help="write a page with charts")
    parser.add_argument("--json", action="store_true", help="for programs")


def run(args: argparse.Namespace) -> int:
    """Print the lines; exit status 1 where the history has no such figure."""
    from hil.history.fleet_trends import count_boards, fleet_trends
    from hil.history.known_names import nothing_found
    from hil.history.queries import known_metrics
    from hil.history.trend_queries import trend_lines
    from hil.report.fleet_lines import line_of_fleet, print_fleet
    from hil.report.page.trend_page import trend_page
    from hil.report.trend_changes import trend_changes

    wanted = run_filter(args)
    fleet: list[FleetTrend] = []
    lines: list[TrendLine] = []
    with opened_history(args) as history:
        if not args.each_board and count_boards(history, wanted) > _MOST_BOARDS:
            fleet = fleet_trends(history, args.metric, wanted, args.last or _FLEET_NIGHTS)
        else:
            lines = trend_lines(history, args.metric, wanted, args.last or _TREND_RUNS)
        shown = history.location.shown
        others = [] if lines or fleet else known_metrics(history)
        if args.metric in others:
            raise nothing_found(history, f"no {args.metric}", wanted)
    lines = sort_trend_lines(lines or [line_of_fleet(trend) for trend in fleet])
    if not lines:
        named = (
            ", ".join(other for other in others if other.startswith(args.metric[:4]))
            or "none like it"
        )
        raise ConfigurationError(
            f"{escaped_line(args.metric)}: no such figure in {shown}; there is {named}"
        )
    if args.html:
        write_text_atomically(Path(args.html), trend_page(args.metric, lines))
    if args.json:
        rows = (
            []
            if fleet
            else [
                {
                    **dataclasses.asdict(line),
                    "changes": [dataclasses.asdict(change) for change in trend_changes(line)],
                }
                for line in lines
            ]
        )
        document = {"schema": 1, "history": shown, "metric": args.metric, "lines": rows}
        if fleet:
            document["boards"] = [dataclasses.asdict(trend) for trend in fleet]
        print(json.dumps(document))
        return 0
    if fleet:
        print_fleet(args.metric, fleet)
    else:
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
    console = TextConsole.of_output()
    for group in dict.fromkeys((line.board, line.firmware, line.profile) for line in lines):
        board, firmware, profile = group
        title = f"{board}, MicroPython {firmware}, profile {profile}"
        console.print(escaped_line(title), "bold")
        of_group = [line for line in lines if (line.board, line.firmware, line.profile) == group]
        rows = []
        for line in of_group:
            if line.points:
                rows.append(_runs_row(line))
            if line.summaries:
                rows.append(_summaries_row(line))
        console.table(Table(_TREND_COLUMNS, rows, _JSON_HINT))
        for line in of_group:
            _print_trend_notes(console, line)
    console.write()


def _runs_row(line: TrendLine) -> list[Cell]:
    from hil.report.terminal.sparklines import sparkline

    values = [point.value for point in line.points]
    last = line.points[-1]
    style = "red" if last.verdict == "fail" else ""
    return [
        Cell(escaped_line(describe_trend_line(line))),
        Cell(sparkline(values)),
        *(Cell(format_value(end, line.unit)) for end in (min(values), max(values))),
        Cell(format_value(last.value, line.unit), style),
        Cell(str(len(values))),
    ]


def _summaries_row(line: TrendLine) -> list[Cell]:
    """The medians of the months of removed runs, and the extremes of all these runs."""
    from hil.report.terminal.sparklines import sparkline

    months = line.summaries
    ends = min(m.smallest for m in months), max(m.largest for m in months)
    name = describe_months(months)
    return [
        Cell(escaped_line(name if line.points else f"{describe_trend_line(line)}, {name}")),
        Cell(sparkline([m.median for m in months])),
        *(Cell(format_value(value, line.unit)) for value in (*ends, months[-1].median)),
        Cell(str(sum(m.runs for m in months))),
    ]


def _print_trend_notes(console: TextConsole, line: TrendLine) -> None:
    """When a line has changed, and which of its runs have no start that can be right."""
    from hil.report.trend_changes import trend_changes

    texts = [describe_summary(month, line.unit) for month in line.summaries[-1:]]
    texts += [change.text for change in trend_changes(line)]
    texts += [f"{point.run}: {point.when}" for point in line.points if point.clock_wrong]
    for text in texts:
        console.print(escaped_line(f"{describe_trend_line(line)}: {text}"))
