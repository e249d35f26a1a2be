"""A stored run in the place of a board: nothing is measured, everything is computed anew."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from hil.boards.backend import Backend, BoardSpec
from hil.boards.diagnosis import not_a_board
from hil.model.errors import BoardNotFoundError, ConfigurationError
from hil.recording.latest_run import newest_run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hil.boards.backend import Finding
    from hil.model.board import Source


class ReplayBackend(Backend):
    """``replay:FOLDER``."""

    name = "replay"
    forms = "replay:FOLDER"
    source: Source = "replay"

    def parse(self, text: str) -> BoardSpec | None:
        """``replay:FOLDER``; the folder is read later."""
        prefix, mark, folder = text.partition(":")
        if not mark or prefix != self.name:
            return None
        if not folder:
            raise ConfigurationError(f"--board={text}: replay: needs a run's folder behind it")
        return BoardSpec(text, self, folder)

    def open(self, spec: BoardSpec) -> NoReturn:
        """There is no board."""
        raise BoardNotFoundError(f"{spec.text}: a stored run, with no board behind it")

    def stored_run(self, spec: BoardSpec) -> Path:
        """The run's folder."""
        return newest_run(Path(spec.target))

    def checks(self, spec: BoardSpec) -> Iterable[Finding]:
        """There is no board to look at."""
        return (not_a_board(spec.text),)
