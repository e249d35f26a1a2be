"""Failures that nobody foresaw, of this plugin or of another: one line each, and status 3.

Their tracebacks go into the run's folder. The exit status 1 says "out of budget", so none of them
may end a run with it, as an exception does that pytest lets pass.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

import pytest

from hil.model.errors import HilError, brief
from hil.model.secrets import masked_traceback
from hil.pytest_plugin.options import names_board
from hil.report.terminal.standard_streams import LastingStream

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path
    from typing import Any

TRACEBACK_NAME = "internal-error.txt"
"""The file's name in a run's folder."""
NO_BEGIN: pytest.StashKey[int] = pytest.StashKey()
"""The status of a run that can't begin, if that is not because of how it was asked for."""
_LONGEST_TEXT = 20_000
_TOLD_BY_PYTEST = (pytest.UsageError, pytest.exit.Exception)
_JUDGED = (0, 1, 8, 9)
"""Statuses of a run that came to its end."""


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


class OutermostGuard:
    """A plugin around the whole of a run: an exception that passes all of pytest is status 3.

    ``measures`` says whether a run measures boards, and ``failures`` gives those of one that began.
    """

    def __init__(
        self,
        measures: Callable[[pytest.Config], bool],
        failures: Callable[[pytest.Config], InternalFailures | None],
    ) -> None:
        self._measures = measures
        self._failures = failures

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_load_initial_conftests(self, args: list[str]) -> Generator[None, Any, Any]:
        """Before a run; pytest itself tells of conftests and plugins that can't be imported."""
        try:
            return (yield)
        except _TOLD_BY_PYTEST:
            raise
        except Exception as error:
            if type(error).__module__.startswith("_pytest.") or not names_board(args):
                raise
            _say(f"ERROR: internal failure, before the run: {brief(error)}")
            raise SystemExit(int(pytest.ExitCode.INTERNAL_ERROR)) from None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_cmdline_main(self, config: pytest.Config) -> Generator[None, Any, Any]:
        """Pytest itself guards less: what is raised at its end is a traceback and status 1."""
        try:
            status = yield
        except pytest.exit.Exception:
            raise
        except pytest.UsageError as error:
            if not self._measures(config):
                raise
            _say(f"ERROR: {error}")  # as pytest does, which fails where nobody reads it
            return int(config.stash.get(NO_BEGIN, pytest.ExitCode.USAGE_ERROR))
        except Exception as error:
            if not self._measures(config):
                raise
            failures = self._failures(config)
            if failures is None:
                _say(masked_traceback(error))
            else:
                failures.keep("at the end of the run", error)
                _say(f"ERROR: {failures.lines[-1]}")
            return int(pytest.ExitCode.INTERNAL_ERROR)
        failures = self._failures(config)
        happened = failures is not None and failures.happened
        return int(pytest.ExitCode.INTERNAL_ERROR) if happened and status in _JUDGED else status


def _say(text: str) -> None:
    stream = LastingStream(sys.stderr)
    stream.write(f"{text}\n\n")
    stream.flush()
