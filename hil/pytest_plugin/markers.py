"""The ``hil`` marker: a name in it that does not exist is refused, and never leaves a test out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.model.known_names import unknown_name
from hil.model.techniques import LOADS, TECHNIQUES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    import pytest


def marker_mistakes(
    items: Iterable[pytest.Item], own_programs: Iterable[str]
) -> dict[pytest.Item, str]:
    """What is wrong with the tests' markers, one line each; ``own_programs`` are techniques too."""
    known: dict[str, Collection[str]] = {
        "techniques": dict.fromkeys((*TECHNIQUES, *own_programs)),
        "loads": LOADS,
    }
    mistakes = {}
    for item in items:
        for mark in item.iter_markers("hil"):
            said = _mistake(mark, known)
            if said is not None:
                name = item.nodeid.partition("[")[0]
                mistakes[item] = f"{name}: marker hil: {said}"
    return mistakes


def _mistake(mark: pytest.Mark, known: Mapping[str, Collection[str]]) -> str | None:
    if mark.args:
        keywords = " or ".join(f"{keyword}=[...]" for keyword in known)
        return f"{mark.args[0]!r:.60} has no keyword; give {keywords}"
    for keyword, given in mark.kwargs.items():
        if keyword not in known:
            return unknown_name("keyword", keyword, known)
        for name in (given,) if isinstance(given, str) else given:
            if name not in known[keyword]:
                return unknown_name(keyword.removesuffix("s"), str(name), known[keyword])
    return None
