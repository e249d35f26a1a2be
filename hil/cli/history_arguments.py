"""Arguments of the commands about the history: where it is, and which runs are meant."""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from hil.history.database import open_history
from hil.history.location import find_location
from hil.history.queries import RunFilter
from hil.model.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from hil.history.database import History

_OUT = Path("reports")
_VERDICTS = ("pass", "fail", "error", "none")


def add_location_argument(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    """The option that says which history."""
    parser.add_argument(
        "--history",
        metavar="URL",
        default=default,
        help="postgresql://… or a file (default: HIL_HISTORY, else reports/history.db)",
    )


def add_filter_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that say which runs."""
    parser.add_argument("--board", metavar="NAME", help="only this board: its name or unique id")
    parser.add_argument("--firmware", metavar="VERSION", help="only MicroPython versions like this")
    parser.add_argument("--technique", metavar="NAME", help="only with this technique")
    parser.add_argument("--load", metavar="NAME", help="only with this load")
    parser.add_argument("--since", metavar="DAY", help="only from 2026-11-01 on, or the last 7d")
    parser.add_argument("--verdict", choices=_VERDICTS, help="only runs that came out so")


def run_filter(args: argparse.Namespace) -> RunFilter:
    """The filters as they were given; raises ``ConfigurationError`` for a day that is none."""
    return RunFilter(
        board=args.board,
        firmware=args.firmware,
        technique=args.technique,
        load=args.load,
        since=None if args.since is None else parse_moment("--since", args.since),
        verdict=args.verdict,
    )


def parse_moment(option: str, given: str) -> str:
    """A time in UTC as runs have it, from ``2026-11-01``, an ISO time, or an age like ``7d``."""
    age = re.fullmatch(r"(\d{1,6})d", given)
    try:
        if age:
            found = datetime.now(UTC) - timedelta(days=int(age[1]))
        else:
            found = datetime.fromisoformat(given)
            found = found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ConfigurationError(
            f"{option} {given}: give a day (2026-11-01), a time, or an age in days (7d)"
        ) from None
    return found.strftime("%Y-%m-%dT%H:%M:%SZ")


@contextlib.contextmanager
def opened_history(args: argparse.Namespace, *, create: bool = False) -> Iterator[History]:
    """The history that the command line means; ``HilError`` where there is none."""
    place = find_location(args.history, _OUT)
    if place is None:
        raise ConfigurationError("--history none: name a history")
    with open_history(place, create=create) as history:
        yield history


def short_revision(revision: str | None, modified: bool | None) -> str:
    """A commit as people write it, with a plus where files differed from it."""
    return "" if revision is None else f"{revision[:9]}{'+' if modified else ''}"
