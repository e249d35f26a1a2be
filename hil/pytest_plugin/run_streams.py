"""What pytest prints in a run that measures boards: no output ends it, whatever becomes of it."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

import pytest

from hil.report.terminal.standard_streams import LastingStream, reader_has_gone, settle_streams

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any


class RunStreams:
    """A plugin: the reporter's stream is one that never fails, and so are those at the very end."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._lasting: LastingStream | None = None
        config.add_cleanup(self._settle)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionstart(self) -> Generator[None, None, None]:
        """Before the reporter's first line; whoever has replaced the reporter has done so."""
        reporter = self._config.pluginmanager.getplugin("terminalreporter")
        writer: Any = getattr(reporter, "_tw", None)
        stream = getattr(writer, "_file", None)
        if stream is not None and not isinstance(stream, LastingStream):
            self._lasting = LastingStream(stream)
            writer._file = self._lasting
        return (yield)

    def _settle(self) -> None:
        """Before pytest and Python flush for the last time, which would end with status 1."""
        capture = self._config.pluginmanager.getplugin("capturemanager")
        if capture is not None:
            with contextlib.suppress(OSError, ValueError, AttributeError):
                capture.stop_global_capturing()
        failure = settle_streams()
        if self._lasting is not None:
            failure = self._lasting.failure or failure
        if failure is not None and not reader_has_gone(failure):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                sys.stderr.write(f"hil: standard output could not be written: {failure}\n")
