"""What a terminal can show: colour, width and characters."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

_INSTEAD = str.maketrans({"─": "-", "━": "-", "…": "~", "µ": "u"})


def wants_color(stream: TextIO) -> bool:
    """Whether to colour: a terminal that knows colours, and nobody who asks for none.

    ``NO_COLOR`` is https://no-color.org: any text but the empty one.
    """
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def can_show(text: str, stream: TextIO) -> bool:
    """Whether the stream's encoding has every character of ``text``."""
    try:
        text.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def terminal_width() -> int:
    """Columns of the terminal; 80 where there is none to ask."""
    return shutil.get_terminal_size().columns


def write_out(text: str) -> None:
    """Print ``text``; characters that the terminal does not have are replaced."""
    stream = sys.stdout
    if not can_show(text, stream):
        known = stream.encoding or "ascii"
        text = text.translate(_INSTEAD).encode(known, "replace").decode(known)
    stream.write(text)
