"""Everything that the history has of one night over all boards, read at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hil.history.key_figures import key_figures
from hil.history.known_names import nothing_found
from hil.history.night_queries import (
    boards_before,
    boards_of_night,
    errors_of_night,
    newest_nights,
    night_span,
)
from hil.history.queries import RunFilter
from hil.model.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.history.database import History
    from hil.history.key_figures import KeyFigure
    from hil.history.night_queries import NightBoard, NightError

NEWEST = "last"
_NIGHTS_NAMED = 5


@dataclass(frozen=True, slots=True)
class FleetNight:
    """One night: the run of each board in it, who reported before, what failed, key figures.

    ``begin`` and ``end`` are its hours in UTC. ``earlier`` holds the newest run of each board in
    the ``back`` nights before, if it has none in this night, by whatever firmware. ``errors`` are
    those of all boards, whatever was filtered.
    """

    day: str
    first_hour: int
    begin: str
    end: str
    back: int
    boards: Sequence[NightBoard]
    earlier: Sequence[NightBoard]
    errors: Sequence[NightError]
    figures: Sequence[KeyFigure]


def read_night(
    history: History,
    wanted: RunFilter,
    *,
    night: str = NEWEST,
    first_hour: int = 0,
    back: int = 7,
    metrics: Sequence[str],
    every_method: bool = False,
) -> FleetNight:
    """The night called ``night``, or the newest that there is, of the boards that are wanted.

    Raises :class:`~hil.model.errors.ConfigurationError` for what is no day, and where no board that
    is wanted reported in that night or in the ``back`` nights before; it names what there is.
    """
    if night == NEWEST:
        newest = newest_nights(history, RunFilter(), 1, first_hour)
        if not newest:
            raise ConfigurationError(f"{history.location.shown} holds no run")
        night = newest[0].day
    begin, end = night_span(night, first_hour)
    boards = boards_of_night(history, night, wanted, first_hour)
    earlier = boards_before(history, night, back, wanted, first_hour)
    if wanted.firmware is None:
        here = boards
    else:  # a board with new firmware is not missing
        here = boards_of_night(history, night, replace(wanted, firmware=None), first_hour)
    if not boards and not earlier:
        raise _no_board(history, night, first_hour, wanted)
    figures = key_figures(
        history,
        [board.board_id for board in boards],
        metrics,
        wanted,
        every_method=every_method,
    )
    errors = errors_of_night(history, night, first_hour)
    keys = {board.key for board in here}
    missing = [board for board in earlier if board.key not in keys]
    return FleetNight(night, first_hour, begin, end, back, boards, missing, errors, figures)


def _no_board(
    history: History, night: str, first_hour: int, wanted: RunFilter
) -> ConfigurationError:
    nights = newest_nights(history, RunFilter(), _NIGHTS_NAMED, first_hour)
    days = [known.day for known in nights]
    if night in days:
        return nothing_found(history, f"no board of the night {night}", wanted)
    return ConfigurationError(
        f"no board in the night {night} and before in {history.location.shown}; "
        f"the newest nights are {', '.join(days)}"
    )
