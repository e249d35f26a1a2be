"""Failures that nobody foresaw, of this plugin or of another: one line each, and status 3.

Their tracebacks go into the run's folder. The exit status 1 says "out of budget", so none of them
may end a run with it, as an exception does that pytest lets pass.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from hil.model.errors import HilError, brief
from hil.model.secrets import masked_traceback

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TRACEBACK_NAME = "internal-error.txt"
"""The file's name in a run's folder."""
_LONGEST_TEXT = 20_000


class InternalFailures:
    """What failed so far, as ``lines``; with their tracebacks in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / TRACEBACK_NAME
        self.lines: list[str] = []
        self.happened = False

    @contextlib.contextmanager
    def caught(self, what: str) -> Iterator[None]:
        """Keep an exception of the block, which did ``what``; none but a ``HilError`` passes."""
        try:
            yield
        except HilError:
            raise
        except Exception as error:
            self.keep(what, error)

    def keep(self, what: str, error: BaseException) -> None:
        """Keep one exception, with what could not be done."""
        self.happened = True
        text = masked_traceback(error)[-_LONGEST_TEXT:]
        line = f"internal failure, {what}: {brief(error)}"
        try:
            with self._path.open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(f"{line}\n{text}\n")
        except OSError:
            self.lines.append(line)
        else:
            self.lines.append(f"{line}; its traceback is in {self._path}")
