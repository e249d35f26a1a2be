"""What a history has, in a line, for who asked for something that it does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.history.night_queries import boards_of_night, newest_nights
from hil.history.queries import RunFilter
from hil.model.errors import ConfigurationError
from hil.model.printable import escaped_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hil.history.database import History

_NAMED = 5


def nothing_found(history: History, what: str, wanted: RunFilter) -> ConfigurationError:
    """``what`` (``no run``) with these filters: the error that names what would have matched.

    The names are those of the newest night, for each filter on boards that was given.
    """
    shown = history.location.shown
    newest = newest_nights(history, RunFilter(), 1)
    if not newest:
        return ConfigurationError(f"{what}: {shown} is empty")
    boards = boards_of_night(history, newest[0].day, RunFilter())
    names = []
    if wanted.board is not None:
        names.append(f"boards {listed(board.name for board in boards)}")
    if wanted.machine is not None:
        names.append(f"models {listed(board.machine for board in boards)}")
    if wanted.firmware is not None:
        names.append(f"MicroPython {listed(board.firmware for board in boards)}")
    has = "; ".join(names) or f"{len(boards)} boards"
    text = f"{what} with these filters in {shown}; its newest night, {newest[0].day}, has {has}"
    return ConfigurationError(escaped_line(text))


def listed(names: Iterable[str]) -> str:
    """The first names, each once, and how many more there are."""
    known = sorted(set(names))
    more = f" and {len(known) - _NAMED} more" if len(known) > _NAMED else ""
    return ", ".join(known[:_NAMED]) + more
