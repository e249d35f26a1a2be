"""Around all of a pytest run: no exception ends one that measures boards with status 1.

Every pytest run where the package is installed loads this, so nothing of it is imported here but
what is small.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from hil.pytest_plugin.options import names_board
from hil.report.terminal.standard_streams import LastingStream

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any

    from hil.pytest_plugin.internal_failures import InternalFailures

NO_BEGIN: pytest.StashKey[int] = pytest.StashKey()
"""The status of a run that can't begin, if that is not because of how it was asked for."""
_TOLD_BY_PYTEST = (pytest.UsageError, pytest.exit.Exception)
_JUDGED = (0, 1, 8, 9)
"""Statuses of a run that came to its end."""


class OutermostGuard:
    """A plugin around the whole of a run: an exception that passes all of pytest is status 3.

    ``measures`` says whether a run measures boards, ``failures`` gives those of one that began, and
    ``describe`` an exception's traceback as it may be shown.
    """

    def __init__(
        self,
        measures: Callable[[pytest.Config], bool],
        failures: Callable[[pytest.Config], InternalFailures | None],
        describe: Callable[[BaseException], str],
    ) -> None:
        self._measures = measures
        self._describe = describe
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
            told = self._describe(error).splitlines()[-1]
            _say(f"ERROR: internal failure, before the run: {told}")
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
                _say(self._describe(error))
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
