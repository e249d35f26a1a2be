"""The options that all commands about the history share: which history, which runs of it."""

from __future__ import annotations

import argparse
import contextlib
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from hil.history.location import find_location
from hil.model.errors import ConfigurationError
from hil.model.numbers import shown_text
from hil.model.printable import escaped_line
from hil.model.verdicts import RUN_VERDICTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.history.database import History
    from hil.history.queries import RunFilter

_OUT = Path("reports")


def add_location_argument(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    """The option that says which history."""
    parser.add_argument(
        "--history",
        metavar="URL",
        default=default,
        help="postgresql://… or a file (default: HIL_HISTORY, else reports/history.db)",
    )


def add_board_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that say which boards; each takes a pattern with ``*`` and ``?``."""
    parser.add_argument(
        "--board",
        metavar="NAME",
        help="only this board: its name or unique id, or a pattern: rack7-*",
    )
    parser.add_argument(
        "--machine", metavar="MODEL", help="only boards with this in their model, or a pattern"
    )
    parser.add_argument(
        "--firmware",
        metavar="VERSION",
        help="only MicroPython versions that begin so, or a pattern",
    )


def add_filter_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that say which runs."""
    add_board_arguments(parser)
    parser.add_argument("--technique", metavar="NAME", help="only with this technique")
    parser.add_argument("--load", metavar="NAME", help="only with this load")
    parser.add_argument("--since", metavar="DAY", help="only from 2026-11-01 on, or the last 7d")
    parser.add_argument("--until", metavar="DAY", help="only before that, in UTC")
    parser.add_argument("--verdict", choices=RUN_VERDICTS, help="only runs that came out so")


def run_filter(args: argparse.Namespace) -> RunFilter:
    """The filters as they were given; raises ``ConfigurationError`` for a day that is none."""
    from hil.history.queries import RunFilter

    return RunFilter(
        board=args.board,
        machine=args.machine,
        firmware=args.firmware,
        technique=args.technique,
        load=args.load,
        since=None if args.since is None else parse_moment("--since", args.since),
        until=None if args.until is None else parse_moment("--until", args.until),
        verdict=args.verdict,
    )


def parse_moment(option: str, given: str) -> str:
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
def opened_history(args: argparse.Namespace, *, create: bool = False) -> Iterator[History]:
    """The history that the command line means; ``HilError`` where there is none."""
    from hil.history.database import open_history

    location = find_location(args.history, _OUT)
    if location is None:
        raise ConfigurationError("--history none: name a history")
    with open_history(location, create=create) as history:
        yield history
