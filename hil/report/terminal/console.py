"""What is printed for people: as wide as its terminal, coloured where wanted, in its characters.

The width is that of ``COLUMNS`` where it is set, else the terminal's. Into a pipe or a file nothing
is wrapped and nothing left out, as git and kubectl have it: a program or a pager reads on.
"""

from __future__ import annotations

import io
import os
import sys
from functools import partial
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from hil.report.terminal.standard_streams import fitting_text, output_width
from hil.report.terminal.tables import folded

if TYPE_CHECKING:
    from typing import TextIO

    from hil.report.terminal.tables import Table

UNLIMITED = 100_000
"""Columns where nothing limits them; no line is padded to it."""


class TextConsole:
    """Collects lines for people, with escapes if ``color``; nothing in a text is a mark.

    ``width`` is in cells, ``None`` for no limit. What ``encoding`` does not have is written in
    ASCII before it is laid out, so that it is not wider afterwards.
    """

    def __init__(
        self, width: int | None, *, color: bool = False, encoding: str | None = "utf-8"
    ) -> None:
        self.width = UNLIMITED if width is None else max(1, width)
        self._fit = partial(fitting_text, encoding=encoding)
        self._stream = io.StringIO()
        self._console = Console(
            file=self._stream,
            width=UNLIMITED,
            force_terminal=color,
            color_system="standard" if color else None,
            no_color=not color,
            legacy_windows=False,
            highlight=False,
            markup=False,
            emoji=False,
        )

    @classmethod
    def of_output(cls) -> TextConsole:
        """One that suits standard output."""
        return cls(
            output_width(sys.stdout),
            color=wants_color(sys.stdout),
            encoding=sys.stdout.encoding,
        )

    def print(self, text: str = "", style: str = "") -> None:
        """Add a paragraph; its lines break between words and are indented as the first one is."""
        indent = text[: len(text) - len(text.lstrip(" "))]
        for line in folded(self._fit(text), self.width - len(indent)) or [""]:
            self._add(Text(f"{indent}{line}" if line else "", style))

    def table(self, table: Table) -> None:
        """Add a table."""
        for line in table.lines(self.width, self._fit):
            self._add(line)

    def _add(self, line: Text) -> None:
        self._console.print(line, soft_wrap=True)

    @property
    def height(self) -> int:
        """How many lines there are."""
        return self._stream.getvalue().count("\n")

    @property
    def text(self) -> str:
        """All lines, without blanks at their ends."""
        return "\n".join(line.rstrip() for line in self._stream.getvalue().split("\n"))

    def write(self) -> None:
        """Write all of it to standard output."""
        sys.stdout.write(self.text)


def wants_color(stream: TextIO) -> bool:
    """Whether to colour: a terminal that knows colours, and nobody who asks for none.

    ``NO_COLOR`` is https://no-color.org: any text but the empty one.
    """
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def can_show(text: str, stream: TextIO) -> bool:
    """Whether the stream's encoding has every character of ``text``."""
    return fitting_text(text, stream.encoding) == text
