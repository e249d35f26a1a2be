"""Numbers that users give: read strictly, bounded, and shown in a message whatever they are."""

from __future__ import annotations

import math
import re

_SHOWN_CHARACTERS = 40
_SHOWN_INTEGER = 10**_SHOWN_CHARACTERS


class Unreadable(float):
    """``nan`` in place of a number that a float can't tell from 0 or infinity; shown as written."""

    __slots__ = ("_text",)
    _text: str

    @classmethod
    def of(cls, text: str) -> Unreadable:
        """The one that was written like this."""
        made = cls("nan")
        made._text = text
        return made

    def __repr__(self) -> str:
        return self._text


def finite_float(text: str) -> float:
    """The number in ``text``, or an :class:`Unreadable` one, which lies within no bounds.

    Raises ``ValueError`` for a text that is no number. Also what ``tomllib`` takes to read floats.
    """
    value = float(text)
    written = re.search(r"[1-9]", re.split(r"[eE]", text, maxsplit=1)[0]) is not None
    infinite = math.isinf(value) and written
    return Unreadable.of(text) if infinite or (value == 0.0 and written) else value


def shown_value(value: object) -> str:
    """A value for a message: short, on one line, for integers of any length too."""
    if isinstance(value, int) and abs(value) >= _SHOWN_INTEGER:
        return f"a number of more than {_SHOWN_CHARACTERS} digits"
    return shown_text(repr(value))


def shown_text(text: str) -> str:
    """The beginning of a text for a message."""
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


def within(value: object, least: float, most: float) -> bool:
    """Whether it is a number (and no truth value) from ``least`` to ``most``."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and least <= value <= most  # type: ignore[operator]
