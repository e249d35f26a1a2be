"""Text from boards, ports and files made safe to print, store or export: one line each."""

from __future__ import annotations


def escaped_bytes(text: bytes) -> str:
    """Text with everything that a terminal might act on written as an escape."""
    decoded = text.decode("utf-8", "backslashreplace")
    if decoded.isprintable():
        return decoded
    return "".join(
        c if c.isprintable() or c == "\t" else c.encode("unicode_escape").decode("ascii")
        for c in decoded
    )


_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def escaped_line(text: str) -> str:
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


def masked_line(text: str) -> str:
    """One printable line; a board's name may hold anything."""
    return "".join(c if c.isprintable() else "?" for c in text)


def hex_escaped_line(text: str) -> str:
    """One printable line; what can't be printed as ``\\xNN``."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


_LONGEST_DATABASE_TEXT = 20_000


def database_text(value: str, most: int = _LONGEST_DATABASE_TEXT) -> str:
    """``value`` as every database takes it: no zero bytes, no half characters, not endless."""
    clean = value.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")
    return clean if len(clean) <= most else clean[: most - 1] + "…"
