"""Draws a measurement that goes on: a screen on a terminal, else a line every few seconds."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.text import Text

from hil.report.terminal.console import wants_color
from hil.report.terminal.live_screen import plain_line, screen_lines

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

    from hil.report.live_state import LiveBoard

LINE_EVERY_S = 5.0
_LEAST_HEIGHT = 5
_WARNING, _TITLE = "yellow", "bold"


def suits_screen(stream: TextIO) -> bool:
    """Whether a screen can be drawn on ``stream``: a terminal that moves its cursor."""
    return stream.isatty() and os.environ.get("TERM") not in ("dumb", "", None)


class ScreenView:
    """A screen that is drawn over itself and stays, when it is closed, as it was last."""

    def __init__(self, live: LiveBoard, stream: TextIO) -> None:
        self._board = live
        self._encoding = getattr(stream, "encoding", None)
        color = wants_color(stream)
        self._console = Console(
            file=stream,
            force_terminal=True,
            color_system="standard" if color else None,
            no_color=not color,
            highlight=False,
            markup=False,
            emoji=False,
            legacy_windows=False,
        )
        self._live = Live(
            console=self._console,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )
        self._open = False

    def show(self) -> None:
        """Draw the newest state in the terminal's size."""
        with suppress(OSError, ValueError):  # a terminal that has gone ends no measurement
            if not self._open:
                self._live.start()
                self._open = True
            size = shutil.get_terminal_size()
            height = max(_LEAST_HEIGHT, size.lines - 1)
            lines = screen_lines(self._board.state, size.columns, height, self._encoding)
            text = Text("\n", no_wrap=True, overflow="crop").join(
                Text(line, _style(number, line)) for number, line in enumerate(lines)
            )
            self._live.update(text, refresh=True)

    def close(self) -> None:
        """Leave the last screen where it is."""
        if self._open:
            self._open = False
            with suppress(OSError, ValueError):
                self._live.stop()


def _style(number: int, line: str) -> str:
    return _TITLE if number == 0 else _WARNING if line.startswith("! ") else ""


class LineView:
    """One line every few seconds, without any control character."""

    def __init__(
        self, live: LiveBoard, stream: TextIO, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._board, self._stream, self._clock = live, stream, clock
        self._next_s = clock()

    def show(self) -> None:
        """Write a line if it is time for one."""
        if self._clock() >= self._next_s:
            self._next_s = self._clock() + LINE_EVERY_S
            self._write()

    def close(self) -> None:
        """Write the last state."""
        self._write()

    def _write(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(f"hil: {plain_line(self._board.state)}\n")
            self._stream.flush()
