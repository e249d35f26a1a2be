"""Text from boards, ports and files made safe to print, store or export: one line each."""

from __future__ import annotations


def escaped_line(text: str, also: str = "") -> str:
    """One printable line: whatever else is in ``text`` is shown as its escape.

    The characters of ``also`` stay as they are.
    """
    if text.isprintable():
        return text
    return "".join(
        char
        if char.isprintable() or char in also
        else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def escaped_bytes(text: bytes) -> str:
    """UTF-8 text with everything that a terminal might act on, but tabs, as an escape."""
    return escaped_line(text.decode("utf-8", "backslashreplace"), also="\t")


def unicode_text(text: str) -> str:
    """``text`` as it is, but for what no UTF-8 file can hold: lone surrogates become escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cell_text(text: str) -> str:
    """Text for a table that a spreadsheet may open: a name is never taken for a formula."""
    text = unicode_text(text)
    return f"'{text}" if text.startswith(_FORMULA) else text


_LONGEST_DATABASE_TEXT = 20_000


def database_text(value: str, most: int = _LONGEST_DATABASE_TEXT) -> str:
    """``value`` as every database takes it: no zero bytes, no half characters, not endless."""
    clean = unicode_text(value.replace("\x00", "\\x00"))
    return clean if len(clean) <= most else clean[: most - 1] + "…"
