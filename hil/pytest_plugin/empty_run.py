"""A run in which nothing was measured: it leaves no folder behind, and one line says why."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.model.printable import escaped_line

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from hil.model.results import ErrorRecord, Skip

INTERRUPTED_TEXT = "interrupted"
_MOST_REASONS = 3
_MEASURING = ("figures", "hil_bench")


def asks_for_board(item: pytest.Item) -> bool:
    """Whether a test uses one of the fixtures that measure, and is not skipped."""
    names = getattr(item, "fixturenames", ())
    return any(name in names for name in _MEASURING) and not any(item.iter_markers("skip"))


class EmptyRun:
    """A plugin that counts what a run's tests came to, and says why nothing was measured."""

    def __init__(self, board: str) -> None:
        self._board = board
        self._deselected = 0
        self._hidden: list[object] = []

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        """Count what ``-k``, ``-m`` and the markers left out."""
        self._deselected += len(items)

    def reason(self, session: pytest.Session, skipped: Iterable[Skip]) -> str | None:
        """One line for the reader; ``None`` where pytest itself says it."""
        status = session.exitstatus
        if status == pytest.ExitCode.USAGE_ERROR:
            return None
        if status == pytest.ExitCode.INTERRUPTED:
            return "hil: the run ended before anything was measured"
        reasons = list(dict.fromkeys(skip.reason for skip in skipped))
        if reasons:
            more = f" (and {len(reasons) - _MOST_REASONS} more)"
            told = "; ".join(reasons[:_MOST_REASONS]) + more * (len(reasons) > _MOST_REASONS)
            return escaped_line(f"hil: nothing was measured, every case was skipped: {told}")
        if self._deselected and not session.testscollected:
            return (
                f"hil: nothing was measured: all {self._deselected} tests were left out "
                "by -k, -m, --hil-technique, --hil-load or a marker"
            )
        return (
            "hil: nothing was measured: no test here asks for `figures`; in any folder, "
            f"`hil run {escaped_line(self._board)}` runs the suite that comes with hil"
        )

    def hide_files(self, manager: pytest.PytestPluginManager, folder: Path) -> None:
        """Let pytest's writers announce no file in ``folder``, which is about to be removed."""
        for plugin in list(manager.get_plugins()):
            file = _written_by(plugin)
            if file is not None and file.is_relative_to(folder.absolute()):
                manager.unregister(plugin)
                self._hidden.append(plugin)

    @pytest.hookimpl(tryfirst=True)
    def pytest_unconfigure(self, config: pytest.Config) -> None:
        """The writers are there again when they take themselves out."""
        for plugin in self._hidden:
            config.pluginmanager.register(plugin)
        self._hidden.clear()


def tells_nothing(errors: Iterable[ErrorRecord], *, interrupted: bool) -> bool:
    """Whether no error is worth a folder: an end by hand is none."""
    return all(interrupted and error.error == INTERRUPTED_TEXT for error in errors)


def _written_by(plugin: Any) -> Path | None:
    """The file that one of pytest's or pytest-html's writers makes, ``None`` for other plugins."""
    path = getattr(plugin, "logfile", None) or getattr(plugin, "_report_path", None)
    with contextlib.suppress(TypeError, ValueError):
        return Path(path).absolute() if path is not None else None
    return None
