"""How a run came out, as pytest's exit status: measured and too slow, or not measured at all."""

from __future__ import annotations

import pytest

OUT_OF_BUDGET = int(pytest.ExitCode.TESTS_FAILED)
"""A figure out of its budget, or worse than before: pytest's own 1."""
BROKEN = 8
"""The bench failed: a board was lost, a capture is void, results could not be written."""
BOTH = OUT_OF_BUDGET + BROKEN


class Outcome:
    """Counts what failed: tests that were run to their end, and those that had no measurement."""

    def __init__(self) -> None:
        self._failed = False
        self._broken = False

    def see(self, report: pytest.TestReport) -> None:
        """One phase of a test; only a test itself can find a figure out of budget."""
        if report.failed:
            self._failed = self._failed or report.when == "call"
            self._broken = self._broken or report.when != "call"

    def exit_status(self, status: int, *, worse: bool = False, broken: bool = False) -> int:
        """``status`` told apart; what pytest says of an interrupted or refused run stays."""
        if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            return status
        failed = OUT_OF_BUDGET if self._failed or worse else 0
        return failed + (BROKEN if self._broken or broken else 0)
