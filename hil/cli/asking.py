"""What the commands about the history have in common: where it is, and which runs are meant."""

from __future__ import annotations

import argparse
import contextlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hil.errors import ConfigurationError
from hil.history.database import History, open_history
from hil.history.listing import Wanted
from hil.history.place import find_place

_OUT = Path("reports")
_VERDICTS = ("pass", "fail", "error", "none")


def add_place(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    """The option that says which history."""
    parser.add_argument(
        "--history",
        metavar="URL",
        default=default,
        help="postgresql://… or a file (default: HIL_HISTORY, else reports/history.db)",
    )


def add_filters(parser: argparse.ArgumentParser) -> None:
    """The options that say which runs."""
    parser.add_argument("--board", metavar="NAME", help="only this board: its name or unique id")
    parser.add_argument("--firmware", metavar="VERSION", help="only MicroPython versions like this")
    parser.add_argument("--technique", metavar="NAME", help="only with this technique")
    parser.add_argument("--load", metavar="NAME", help="only with this load")
    parser.add_argument("--since", metavar="DAY", help="only from 2026-11-01 on, or the last 7d")
    parser.add_argument("--verdict", choices=_VERDICTS, help="only runs that came out so")


def wanted(args: argparse.Namespace) -> Wanted:
    """The filters as they were given; raises ``ConfigurationError`` for a day that is none."""
    return Wanted(
        board=args.board,
        firmware=args.firmware,
        technique=args.technique,
        load=args.load,
        since=None if args.since is None else moment("--since", args.since),
        verdict=args.verdict,
    )


def moment(option: str, given: str) -> str:
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
def opened(args: argparse.Namespace, *, create: bool = False) -> Iterator[History]:
    """The history that the command line means; ``HilError`` where there is none."""
    place = find_place(args.history, _OUT)
    if place is None:
        raise ConfigurationError("--history none: name a history")
    with open_history(place, create=create) as history:
        yield history


def plain(text: str) -> str:
    """One printable line; a board's name may hold anything."""
    return "".join(c if c.isprintable() else "?" for c in text)


def shortened(revision: str | None, modified: bool | None) -> str:
    """A commit as people write it, with a plus where files differed from it."""
    return "" if revision is None else f"{revision[:9]}{'+' if modified else ''}"
