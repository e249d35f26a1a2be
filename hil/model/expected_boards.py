"""Boards that a bench expects: their list, and which of them are there.

A board goes by several labels: its name, port, unique id, USB serial number and machine. A word of
the list is one of these; every word stands for one board, so that a machine's name given twice
expects two of its kind.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.model.errors import ConfigurationError
from hil.model.numbers import shown_text
from hil.model.printable import escaped_line

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from hil.model.board import BoardIdentity
    from hil.model.results import ErrorRecord

MISSING_BOARD = "expected board is missing"
"""How an error begins whose ``board`` is a word of the list that no board fits."""
MAX_EXPECTED = 2000
_LONGEST = 400
_KNOB = re.compile(r"[a-z_]+=", re.ASCII)
ID_PREFIX = "id:"


def split_words(text: str) -> list[str]:
    """The words between commas, without blanks around them and without empty ones.

    ``KEY=VALUE`` belongs to the word before it: ``sim:ppm=40,seed=2,pico-1`` are two words.
    Raises :class:`~hil.model.errors.ConfigurationError` for one that no board can be called.
    """
    words: list[str] = []
    for part in text.split(","):
        word = part.strip()
        if words and _KNOB.match(word):
            words[-1] += f",{word}"
        else:
            words.append(word)
    for word in words:
        if len(word) > _LONGEST or not word.isprintable():
            shown = shown_text(escaped_line(word))
            raise ConfigurationError(f"--hil-expect: {shown}: no board is called that")
    return [word for word in words if word]


def is_missing_board(error: ErrorRecord) -> bool:
    """Whether an error says that an expected board is missing."""
    return error.error.startswith(MISSING_BOARD)


@dataclass(frozen=True, slots=True)
class BoardMatch:
    """``missing`` words of the list, and what is to be said of boards, a name and a sentence."""

    missing: tuple[str, ...]
    told: tuple[tuple[str, str], ...]


def board_labels(board: BoardIdentity, serial_number: str = "") -> frozenset[str]:
    """Everything that a board may be called by; compare with :func:`folded`."""
    short, _, chip = board.machine.partition(" with ")
    labels = [board.name, board.port, board.machine, short if chip else ""]
    for number in (board.unique_id, serial_number):
        labels += [number, f"{ID_PREFIX}{number}"] if number else []
    return frozenset(folded(label) for label in labels if label)


def folded(word: str) -> str:
    """A label as it is compared: the case of letters and blanks around it do not count."""
    return word.strip().casefold()


def match_boards(words: Sequence[str], labels: Mapping[str, Collection[str]]) -> BoardMatch:
    """Give each word a board of its own, as many words as can have one.

    ``labels`` are those of each board by its name (see :func:`board_labels`). Told are boards that
    no word fits, boards beyond the number that a word expects, and such with the same id.
    """
    fits = [[name for name, known in labels.items() if folded(word) in known] for word in words]
    owner: dict[str, int] = {}
    # the most particular words first: a machine's name takes what is left
    order = sorted(range(len(words)), key=lambda index: len(fits[index]))
    missing = [index for index in order if not _placed(index, fits, owner)]
    told: list[tuple[str, str]] = []
    for name in labels:
        if name in owner:
            continue
        rivals = [index for index, names in enumerate(fits) if name in names]
        if not rivals:
            text = "attached, but not expected; add it to --hil-expect, or take it off"
        else:
            word = words[rivals[0]]
            others = ", ".join(other for other in fits[rivals[0]] if other != name)
            text = (
                f"two boards claim the name {word}, this one and {others}; "
                "expect each by its id (`hil boards` shows them), or name it once for each"
            )
        told.append((name, text))
    return BoardMatch(tuple(words[index] for index in sorted(missing)), (*told, *_same_id(labels)))


def _placed(first: int, fits: Sequence[Sequence[str]], owner: dict[str, int]) -> bool:
    """Give the word number ``first`` a board; words that have one may move to another.

    Breadth first, without recursion: the list may be long.
    """
    reached_by: dict[str, int] = {}
    held = {index: name for name, index in owner.items()}
    words = [first]
    for index in words:
        for name in fits[index]:
            if name in reached_by:
                continue
            reached_by[name] = index
            if name in owner:
                words.append(owner[name])
                continue
            free: str | None = name
            while free is not None:  # back along the way: each word moves to the next board
                taker = reached_by[free]
                owner[free] = taker
                free = held.get(taker)
            return True
    return False


def _same_id(labels: Mapping[str, Collection[str]]) -> Iterable[tuple[str, str]]:
    seen: dict[str, str] = {}
    for name, known in labels.items():
        for label in sorted(known):
            if not label.startswith(ID_PREFIX):
                continue
            other = seen.setdefault(label, name)
            if other != name:
                yield (
                    name,
                    f"it has the same {label} as {other}: in the history they are one board",
                )
                break
