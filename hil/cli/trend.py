"""``hil trend METRIC``: a figure over time, for each board, firmware line and technique."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

from hil.cli.asking import add_filters, add_place, opened, plain, wanted
from hil.errors import ConfigurationError
from hil.history.listing import TrendLine, known_metrics, trend_lines

_MOST = 100
_WIDE = 200


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("metric", metavar="METRIC", help="for example lateness_p99_us")
    add_place(parser)
    add_filters(parser)
    parser.add_argument("--last", metavar="N", type=int, default=_MOST, help="the newest N (100)")
    parser.add_argument("--html", metavar="FILE", help="write a page with charts")
    parser.add_argument("--json", action="store_true", help="for programs")


def run(args: argparse.Namespace) -> int:
    """Print the lines; exit status 1 where the history has no such figure."""
    from hil.report.trend import sorted_lines

    with opened(args) as history:
        lines = sorted_lines(trend_lines(history, args.metric, wanted(args), max(1, args.last)))
        shown = history.place.shown
        others = [] if lines else known_metrics(history)
    if not lines:
        named = (
            ", ".join(one for one in others if one.startswith(args.metric[:4])) or "none like it"
        )
        raise ConfigurationError(
            f"{plain(args.metric)}: no such figure in {shown} with these filters; there is {named}"
        )
    if args.html:
        from hil.report.trend import trend_page
        from hil.report.whole_file import write_text_atomically

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
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from hil.report.trend import case_text, sparkline, value_text

    console = Console(width=None if sys.stdout.isatty() else _WIDE)
    for group in dict.fromkeys((one.board, one.firmware, one.profile) for one in lines):
        board, firmware, profile = group
        console.print(Text(plain(f"{board}, MicroPython {firmware}, profile {profile}"), "bold"))
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
                Text(plain(case_text(one))),
                sparkline(values),
                *(value_text(value, one.unit) for value in (min(values), max(values))),
                Text(value_text(last.value, one.unit), "red" if last.verdict == "fail" else ""),
                str(len(values)),
            )
        console.print(table)
