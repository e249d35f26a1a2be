"""``hil prune``: remove old runs from the history; baselines stay."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hil.cli.history_arguments import add_location_argument, opened_history, parse_moment
from hil.history.retention import old_runs, remove_runs
from hil.model.errors import ConfigurationError
from hil.model.printable import escaped_line

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    add_location_argument(parser)
    parser.add_argument(
        "--keep", metavar="N", type=int, help="the newest N runs of each board stay"
    )
    parser.add_argument(
        "--older-than", metavar="DAYS", help="only what began before that: 90d, or a day"
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would go")
    parser.add_argument("--json", action="store_true", help="for programs")


def run(args: argparse.Namespace) -> int:
    """Remove what neither option keeps; at least one is needed."""
    if args.keep is None and args.older_than is None:
        raise ConfigurationError("say what stays: --keep N, --older-than 90d, or both")
    if args.keep is not None and args.keep < 0:
        raise ConfigurationError("--keep: a number of runs, 0 or more")
    given = args.older_than
    if given is not None and given.isdecimal():
        given += "d"
    before = None if given is None else parse_moment("--older-than", given)
    with opened_history(args) as history:
        names = old_runs(history, keep=args.keep, before_utc=before)
        count = 0 if args.dry_run else remove_runs(history, names)
        shown = history.place.shown
    if args.json:
        done = {"schema": 1, "history": shown, "runs": names, "removed": count}
        print(json.dumps(done))
        return 0
    for name in names:
        print(f"{'would remove' if args.dry_run else 'removed'} {escaped_line(name)}")
    if not names:
        print(f"nothing to remove from {shown}")
    return 0
