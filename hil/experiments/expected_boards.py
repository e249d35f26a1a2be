"""The boards that a run expects: the list as it was given, held against those that answered."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from hil.boards.backends.serial import attached_ports
from hil.model.errors import CaptureError, ConfigurationError
from hil.model.expected_boards import (
    MAX_EXPECTED,
    MISSING_BOARD,
    board_labels,
    folded,
    match_boards,
    split_words,
)
from hil.model.results import BENCH, ErrorRecord, Skip
from hil.model.toml_text import MAX_BYTES
from hil.recording.stored_file import read_given

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hil.model.board import BoardIdentity

FILE_MARK = "@"


def read_expected(texts: Iterable[str]) -> tuple[str, ...]:
    """The words of ``--hil-expect``, each several with commas; ``@FILE`` has a board a line.

    In a file ``#`` begins a comment. Raises :class:`~hil.model.errors.ConfigurationError` for a
    file that can't be read, and where nothing is named.
    """
    words: list[str] = []
    given = False
    for text in texts:
        given = True
        if text.startswith(FILE_MARK):
            words += _file_words(Path(text.removeprefix(FILE_MARK)))
        else:
            words += split_words(text)
    if given and not words:
        raise ConfigurationError("--hil-expect needs a board: a name, an id, a port or a machine")
    if len(words) > MAX_EXPECTED:
        raise ConfigurationError(f"--hil-expect: more than {MAX_EXPECTED} boards")
    return tuple(words)


def _file_words(path: Path) -> list[str]:
    try:
        text = read_given(path, MAX_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8"
        ) from None
    except (OSError, ValueError, CaptureError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigurationError(f"--hil-expect={FILE_MARK}{path}: {reason}") from None
    return [word for line in text.splitlines() for word in split_words(line.partition("#")[0])]


def check_expected(
    words: Sequence[str], boards: Sequence[BoardIdentity], asked: Sequence[str]
) -> tuple[list[ErrorRecord], list[Skip]]:
    """An error for each expected board that did not answer, and what is to be said of others.

    ``asked`` are the boards that were to be measured; of those that did not answer each case tells
    why.
    """
    if not words:
        return [], []
    serials = {_resolved(port.port): port.serial_number for port in attached_ports()}
    labels = {}
    for board in boards:
        port = _resolved(board.port)
        own = board_labels(board, serials.get(port, ""))
        labels[board.name] = own | {folded(port), folded(_resolved(board.name))}
    resolved = [_resolved(word) for word in words]
    match = match_boards(resolved, labels)
    names = dict(zip(resolved, words, strict=True))
    silent = {_resolved(text) for text in asked} - {_resolved(board.name) for board in boards}
    there = ", ".join(labels) or "no board"
    errors = []
    for word in match.missing:
        why = "it did not answer" if word in silent else f"{there} answered"
        todo = "see its cable and power, `hil boards` lists what is there"
        error = f"{MISSING_BOARD}: {names[word]} ({why}); {todo}"
        errors.append(ErrorRecord(names[word], "-", "-", error))
    return errors, [Skip(name, BENCH, "any", text) for name, text in match.told]


def _resolved(word: str) -> str:
    """A port behind the links that udev makes of it; any other word as it is."""
    if not word.startswith("/"):
        return word
    try:
        return os.path.realpath(word)
    except (OSError, ValueError):
        return word
