"""``hil trend METRIC``: a figure over time, for each board, firmware line and technique."""

from __future__ import annotations

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
from hil.history.queries import known_metrics, trend_lines
from hil.model.errors import ConfigurationError
from hil.model.printable import escaped_line

if TYPE_CHECKING:
    import argparse

    from hil.history.queries import TrendLine

_MOST = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("metric", metavar="METRIC", help="for example lateness_p99_us")
    add_location_argument(parser)
    add_filter_arguments(parser)
    parser.add_argument("--last", metavar="N", type=int, default=_MOST, help="the newest N (100)")
    parser.add_argument("--html", metavar="FILE", help="write a page with charts")
    parser.add_argument("--json", action="store_true", help="for programs")


def run(args: argparse.Namespace) -> int:
    """Print the lines; exit status 1 where the history has no such figure."""
    from hil.report.page.history_pages import sort_trend_lines

    with opened_history(args) as history:
        lines = sort_trend_lines(
            trend_lines(history, args.metric, run_filter(args), max(1, args.last))
        )
        shown = history.place.shown
        others = [] if lines else known_metrics(history)
    if not lines:
        named = (
            ", ".join(one for one in others if one.startswith(args.metric[:4])) or "none like it"
        )
        raise ConfigurationError(
            f"{escaped_line(args.metric)}: no such figure in {shown} with these filters; "
            f"there is {named}"
        )
    if args.html:
        from hil.recording.atomic_file import write_text_atomically
        from hil.report.page.history_pages import trend_page

        write_text_atomically(Path(args.html), trend_page(args.metric, lines))
    if args.json:
        rows = [dataclasses.asdict(one) for one in lines]
        print(json.dumps({"schema": 1, "history": shown, "metric": args.metric, "lines": rows}))
        return 0
    _print(lines)
    if args.html:
        print(f"page: {args.html}")
    return 0


def _print(lines: list[TrendLine]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from hil.model.units import format_value
    from hil.report.page.history_pages import describe_trend_line
    from hil.report.terminal.console import output_console
    from hil.report.terminal.sparklines import sparkline

    console = output_console()
    for group in dict.fromkeys((one.board, one.firmware, one.profile) for one in lines):
        board, firmware, profile = group
        console.print(
            Text(escaped_line(f"{board}, MicroPython {firmware}, profile {profile}"), "bold")
        )
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for heading in ("technique", "over time", "smallest", "largest", "last", "runs"):
            right = heading in ("smallest", "largest", "last", "runs")
            table.add_column(heading, justify="right" if right else "left", no_wrap=True)
        for one in lines:
            if (one.board, one.firmware, one.profile) != group:
                continue
            values = [point.value for point in one.points]
            last = one.points[-1]
            table.add_row(
                Text(escaped_line(describe_trend_line(one))),
                sparkline(values),
                *(format_value(value, one.unit) for value in (min(values), max(values))),
                Text(format_value(last.value, one.unit), "red" if last.verdict == "fail" else ""),
                str(len(values)),
            )
        console.print(table)
