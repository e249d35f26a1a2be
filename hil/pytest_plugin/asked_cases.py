"""Which cases the selected tests of a run ask for; what was not selected is not missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.history.missing_parts import AskedCases
from hil.pytest_plugin.options import asked_boards

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from hil.experiments.plan import RunOptions
    from hil.model.results import CaseKey

_EVERY_BOARD = "auto"


class SelectedCases:
    """A plugin that sees the collection, here or by the names that workers report."""

    def __init__(self, config: pytest.Config, options: RunOptions) -> None:
        self._every_board = _EVERY_BOARD in asked_boards(config)
        self._by_name: dict[str, CaseKey] = {
            f"{board.text}-{case.id}": (board.text, case.plan.technique, case.plan.load)
            for board in options.boards
            for case in options.cases
        }
        self._cases: set[CaseKey] = set()

    @property
    def asked(self) -> AskedCases:
        """What the selected tests ask for."""
        return AskedCases(frozenset(self._cases), self._every_board)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Take the names of the tests that were not deselected."""
        # of a run whose workers collect there are none here
        items: Sequence[pytest.Item] = getattr(session, "items", None) or ()
        self._see(item.nodeid for item in items if not any(item.iter_markers("skip")))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: Sequence[str]) -> None:
        """Take the names that a worker collected."""
        del node
        self._see(ids)

    def _see(self, names: Iterable[str]) -> None:
        for name in names:
            parameters = name.partition("[")[2].removesuffix("]")
            self._cases.update(
                case
                for known, case in self._by_name.items()
                # beside a test's other parameters, which stand before or behind
                if f"-{known}-" in f"-{parameters}-"
            )
