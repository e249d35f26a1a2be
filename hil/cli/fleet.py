"""``hil fleet``: one night over all boards of a history."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from hil.cli.history_arguments import (
    add_board_arguments,
    add_location_argument,
    opened_history,
)
from hil.cli.number_arguments import whole_number
from hil.recording.atomic_file import write_text_atomically
from hil.report.terminal.console import TextConsole

if TYPE_CHECKING:
    from hil.history.fleet_night import FleetNight
    from hil.report.fleet.view import FleetView

_LAST_HOUR, _MOST_NIGHTS, _NIGHTS_BACK = 23, 366, 7
_WORSE, _BROKEN = 1, 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    add_location_argument(parser)
    parser.add_argument(
        "--night", metavar="DAY", default="last", help="2026-11-27, or last (the newest with a run)"
    )
    parser.add_argument(
        "--first-hour",
        metavar="HOUR",
        type=whole_number(0, _LAST_HOUR),
        default=0,
        help="the hour (UTC) at which a night begins (0)",
    )
    parser.add_argument(
        "--back",
        metavar="N",
        type=whole_number(0, _MOST_NIGHTS),
        default=_NIGHTS_BACK,
        help="missing is who reported in the N nights before and not in this one (7)",
    )
    add_board_arguments(parser)
    parser.add_argument("--technique", metavar="NAME", help="only figures of this technique")
    parser.add_argument("--load", metavar="NAME", help="only figures under this load")
    parser.add_argument(
        "--metric", metavar="NAME", help="hold boards against each other by this figure alone"
    )
    parser.add_argument("--all", action="store_true", help="everything, not one screen")
    parser.add_argument("--page", metavar="FILE", help="write a page")
    parser.add_argument(
        "--fail",
        action="store_true",
        help="exit 1 where a board is worse or over a limit, 8 where one is missing or failed",
    )
    parser.add_argument("--json", action="store_true", help="for programs")


def run(args: argparse.Namespace) -> int:
    """Print the night; the exit status says how it was if ``--fail`` asks for that."""
    from hil.report.fleet.view import fleet_view

    view = fleet_view(_read(args))
    if args.page:
        from hil.report.page.fleet_page import fleet_page

        write_text_atomically(Path(args.page), fleet_page(view))
    if args.json:
        from hil.report.fleet.document import fleet_document

        print(json.dumps(fleet_document(view)))
    else:
        from hil.report.terminal.fleet_summary import SCREEN_ROWS, print_fleet

        console = TextConsole.of_output()
        print_fleet(console, view, rows=None if args.all else SCREEN_ROWS - bool(args.page))
        console.write()
        if args.page:
            print(f"page: {args.page}")
    return _status(view) if args.fail else 0


def _read(args: argparse.Namespace) -> FleetNight:
    from hil.history.fleet_night import read_night
    from hil.history.queries import RunFilter
    from hil.report.fleet.spreads import KEY_METRICS

    wanted = RunFilter(
        board=args.board,
        machine=args.machine,
        firmware=args.firmware,
        technique=args.technique,
        load=args.load,
    )
    with opened_history(args) as history:
        return read_night(
            history,
            wanted,
            night=args.night,
            first_hour=args.first_hour,
            back=args.back,
            metrics=[args.metric] if args.metric else KEY_METRICS,
            every_method=args.metric is not None,
        )


def _status(view: FleetView) -> int:
    worse = view.counts["worse"] or view.counts["over limit"]
    broken = view.counts["missing"] or view.counts["failed"]
    return (_WORSE if worse else 0) + (_BROKEN if broken else 0)
