"""The consoles that tables are drawn on: into a text, or straight to standard output."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from rich.console import RenderableType

LEAST_WIDTH = 80
"""Columns of the narrowest text."""
_WIDE = 200


class TextConsole:
    """Collects what is printed as text, with escapes if ``color``; nothing in it is a mark."""

    def __init__(self, width: int, *, color: bool) -> None:
        self.width = max(width, LEAST_WIDTH)
        self._stream = io.StringIO()
        self._console = Console(
            file=self._stream,
            width=self.width,
            force_terminal=color,
            color_system="standard" if color else None,
            no_color=not color,
            legacy_windows=False,
            highlight=False,
            markup=False,
            emoji=False,
        )

    def print(self, part: RenderableType = "") -> None:
        """Add a part on lines of its own."""
        self._console.print(part)

    @property
    def text(self) -> str:
        """All lines, without blanks at their ends."""
        return "\n".join(line.rstrip() for line in self._stream.getvalue().splitlines()) + "\n"


def output_console() -> Console:
    """Standard output: as wide as its terminal, else wide enough for a table's rows."""
    return Console(width=None if sys.stdout.isatty() else _WIDE)
