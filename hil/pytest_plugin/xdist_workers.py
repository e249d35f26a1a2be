"""Several boards side by side: one pytest-xdist worker a board, all into one folder.

The scheduling is xdist's ``loadscope`` with the board as the scope: all tests of a board stay with
one worker. (``loadgroup`` would use a mark, but it renames tests, which newer pytest ignores.)
The controlling process measures nothing; it makes the report from what is stored.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.model.errors import ConfigurationError
from hil.recording.run_folder import RunFolder

if TYPE_CHECKING:
    from typing import Any

    from hil.experiments.plan import RunOptions

_FOLDER, _BOARDS = "hil_folder", "hil_boards"


def worker_input(config: pytest.Config) -> dict[str, Any] | None:
    """What the controlling process told this worker; ``None`` in any other process."""
    given = getattr(config, "workerinput", None)
    return given if given is not None and _FOLDER in given else None


def worker_boards(given: dict[str, Any]) -> list[str]:
    """The run's boards, ``auto`` spelled out."""
    return list(given[_BOARDS])


def worker_folder(given: dict[str, Any]) -> RunFolder:
    """The run's folder."""
    return RunFolder(Path(given[_FOLDER]))


def request_workers(config: pytest.Config, options: RunOptions) -> bool:
    """Ask xdist for one worker a board; false where there is one board, which needs none.

    Raises :class:`~hil.model.errors.ConfigurationError` without pytest-xdist.
    """
    option = config.option
    there = config.pluginmanager.hasplugin("xdist")
    if len(options.boards) <= 1:
        if there and option.dist != "no":  # several workers can't share a board
            option.dist, option.tx, option.numprocesses = "no", [], 0
        return False
    if not there:
        raise ConfigurationError(
            "several boards need pytest-xdist: pip install pytest-xdist (and no -p no:xdist)"
        )
    count = len(options.boards)
    option.dist, option.tx, option.numprocesses = "loadscope", ["popen"] * count, count
    return True


class WorkerPerBoard:
    """Registered in the controlling process: tells each worker where the run is."""

    def __init__(self, folder: RunFolder, options: RunOptions) -> None:
        self._folder = folder
        self._options = options

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Called by xdist for each worker before it starts."""
        node.workerinput[_FOLDER] = str(self._folder.path.resolve())
        node.workerinput[_BOARDS] = [board.text for board in self._options.boards]

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        """Let xdist keep the tests of each board together."""
        from xdist.scheduler import LoadScopeScheduling

        boards = sorted((board.text for board in self._options.boards), key=len, reverse=True)

        class BoardScheduling(LoadScopeScheduling):  # type: ignore[misc]
            def _split_scope(self, nodeid: str) -> str:
                # a test's other parameters, or a repetition's number, may stand before the board
                parameters = f"-{nodeid.partition('[')[2]}"
                return next((board for board in boards if f"-{board}-" in parameters), nodeid)

        return BoardScheduling(config, log)
