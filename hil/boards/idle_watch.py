"""A board left alone at its prompt for a while: whether it is reset all the same.

A watchdog that the board's own program started goes on when that program was stopped, over a soft
reset too, and nothing feeds it any more.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from hil.boards.last_reset import LastReset, ask_last_reset
from hil.model.errors import BoardResetError, LinkLostError, RemoteCodeError
from hil.recording.boot_messages import RESET_SOMEHOW, ResetWatch
from hil.recording.interfaces import seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.recording.interfaces import Prompt

_SLICE_S = 0.2


def watch_idle_board(prompt: Prompt, duration_s: float, tell: Callable[[float], None]) -> None:
    """Do nothing with the board for so long, and ``tell`` the seconds that have passed.

    The prompt is a raw one. Raises :class:`~hil.model.errors.BoardResetError` if the board was
    reset, and the other kinds of ``HilError`` if it does not answer afterwards.
    """
    before = _ask(prompt)
    watch = ResetWatch(prompt.port, prompt.clock)
    begin_s = seconds(prompt.clock)
    try:
        while (elapsed_s := seconds(prompt.clock) - begin_s) < duration_s:
            watch.feed(prompt.read(min(_SLICE_S, duration_s - elapsed_s)))
            watch.check(when="while nothing ran on it")
            tell(elapsed_s)
        watch.feed(prompt.read(_SLICE_S))
        watch.check(when="while nothing ran on it", at_once=True)
        prompt.enter(soft_reset=False)
    except LinkLostError as error:
        raise BoardResetError(
            f"{prompt.port}: the port went away while nothing ran on the board: it was reset, or "
            f"its cable is loose; {RESET_SOMEHOW}"
        ) from error
    after = _ask(prompt)
    reset = after.describe(begin_s)
    if before.booted_s is not None and reset:
        raise BoardResetError(f"{prompt.port}: nothing ran on the board, but {reset}")


def _ask(prompt: Prompt) -> LastReset:
    with contextlib.suppress(RemoteCodeError):
        return ask_last_reset(prompt)
    return LastReset()
