"""What to try, in order, with a board that does not answer: each once, and told."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hil.errors import BoardBrokenError, HilError

LOG = logging.getLogger("hil")


@dataclass(frozen=True, slots=True)
class Rung:
    """One way to bring a board back; ``act`` raises when the board still does not answer.

    ``absent`` says why it can't be tried here, empty if it can.
    """

    name: str
    act: Callable[[], None]
    absent: str = ""


def climb(board: str, rungs: Sequence[Rung]) -> str:
    """Try the rungs from the mildest on; returns the name of the one that helped.

    Raises :class:`~hil.errors.BoardBrokenError` with what the mildest said (it knows most of the
    board's state as it was found) and the list of what was tried.
    """
    first: HilError | None = None
    told = []
    for rung in rungs:
        if rung.absent:
            told.append(f"no {rung.name} ({rung.absent})")
            continue
        if first is not None:
            LOG.warning("%s: no answer; trying a %s", board, rung.name)
        try:
            rung.act()
        except HilError as error:
            first = first or error
            told.append(f"{rung.name}: no answer")
            LOG.info("%s: %s: %s", board, rung.name, error)
        else:
            if first is not None:
                LOG.warning("%s: the board came back after a %s", board, rung.name)
            return rung.name
    raise BoardBrokenError(f"{first or board}; tried: {', '.join(told)}") from first
