"""A name that is not in a table is an error that offers the nearest ones: no typo passes."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

_MOST = 3
_LIKENESS = 0.6
_MAX_SHOWN = 60


def unknown_name(what: str, name: str, known: Collection[str]) -> str:
    """``unknown technique 'timer_hrad'; did you mean timer_hard?``, else the names there are.

    The likeness of two names is that of :func:`difflib.get_close_matches`, letters of either case
    taken as the same.
    """
    by_lower = {candidate.lower(): candidate for candidate in known}
    near = get_close_matches(name.lower(), by_lower, _MOST, _LIKENESS)
    if near:
        hint = f"did you mean {' or '.join(by_lower[candidate] for candidate in near)}?"
    else:
        hint = f"known are {', '.join(known)}" if known else "there is none"
    return f"unknown {what} {name!r:.{_MAX_SHOWN}}; {hint}"
