"""``hil baseline``: the runs that ``--hil-compare=baseline`` holds later ones against."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from hil.cli.history_arguments import add_location_argument, opened_history
from hil.history.retention import list_baselines, remove_baseline, set_baseline
from hil.model.printable import escaped_line

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
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


def run(args: argparse.Namespace) -> int:
    """Set, list or remove."""
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
        found = list_baselines(history)
    if args.json:
        print(json.dumps({"schema": 1, "baselines": [dataclasses.asdict(one) for one in found]}))
        return 0
    if text:
        print(escaped_line(text))
        return 0
    for one in found:
        note = f" ({one.note})" if one.note else ""
        print(escaped_line(f"{one.run}: {'; '.join(one.lines)}, profile {one.profile}{note}"))
    if not found:
        print("no baseline; `hil baseline set RUN` makes a run one")
    return 0
