"""Names of boards, techniques and loads are data; each format takes them in its own alphabet."""

from __future__ import annotations

import re

_LONGEST = 60
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def plain(text: str) -> str:
    """One printable line: whatever else is in ``text`` is shown as its escape."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def unicode_text(text: str) -> str:
    """``text`` as it is, but for what no UTF-8 file can hold: lone surrogates become escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def cell_text(text: str) -> str:
    """Text for a table that a spreadsheet may open: a name is never taken for a formula."""
    text = unicode_text(text)
    return f"'{text}" if text.startswith(_FORMULA) else text


class Identifiers:
    """Names reduced to letters, digits and ``_``, each one given once."""

    def __init__(self) -> None:
        self._given: dict[str, str] = {}
        self._taken: set[str] = set()

    def of(self, text: str) -> str:
        """The identifier of ``text``, the same one every time."""
        if text not in self._given:
            stem = re.sub(r"[^A-Za-z0-9_]+", "_", text)[:_LONGEST] or "_"
            name, count = stem, 1
            while name in self._taken:
                count += 1
                name = f"{stem}_{count}"
            self._given[text] = name
            self._taken.add(name)
        return self._given[text]
