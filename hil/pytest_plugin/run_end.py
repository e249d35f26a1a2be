"""The exit status of a run, and an end by a signal that still writes the whole report."""

from __future__ import annotations

import contextlib
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.model.errors import HilError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from types import FrameType
    from typing import Any

OUT_OF_BUDGET = int(pytest.ExitCode.TESTS_FAILED)
"""A figure out of its budget, or worse than before: pytest's own 1."""
BENCH_BROKEN = 8
"""The bench failed: a board was lost, a capture is invalid, results could not be written."""
OUT_OF_BUDGET_AND_BROKEN = OUT_OF_BUDGET + BENCH_BROKEN


_HOME = Path(__file__).parents[1]
FAILED_FIGURES: pytest.StashKey[list[tuple[Any, ...]]] = pytest.StashKey()
"""What tells the figures from others that a test found to fail the run, in the test's stash."""
_FIGURES, _NO_FIGURE = "hil_failed_figures", "hil_no_figure"


def mark_report(item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> None:
    """Tell a failed test's figures with its report, and whether an error of the bench ended it.

    Both are plain values, which a worker's reports carry to the controlling process.
    """
    if report.failed:
        setattr(report, _FIGURES, [list(key) for key in item.stash.get(FAILED_FIGURES, ())])
        setattr(report, _NO_FIGURE, call.excinfo is not None and _found_no_figure(call.excinfo))


def _found_no_figure(excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
    """Whether an exception says that there is no figure, or that this package has failed."""
    if excinfo.errisinstance(HilError):
        return True
    if excinfo.errisinstance(pytest.fail.Exception):
        return False
    return any(Path(entry.path).is_relative_to(_HOME) for entry in excinfo.traceback)


class Outcome:
    """Counts what failed: tests that were run to their end, and those that had no measurement.

    ``told`` are the figures that failed tests named.
    """

    def __init__(self) -> None:
        self._failed = False
        self._broken = False
        self.told: set[tuple[Any, ...]] = set()

    def see(self, report: pytest.TestReport) -> None:
        """One phase of a test; only a test itself can find a figure out of budget."""
        if report.failed:
            by_figure = report.when == "call" and not getattr(report, _NO_FIGURE, False)
            self._failed = self._failed or by_figure
            self._broken = self._broken or not by_figure
            self.told.update(tuple(key) for key in getattr(report, _FIGURES, ()))

    def exit_status(
        self, status: int, *, worse: bool = False, broken: bool = False, internal: bool = False
    ) -> int:
        """``status`` told apart; what pytest says of an interrupted or refused run stays.

        ``internal`` says that something failed that should not have: pytest's status for that.
        """
        if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            return status
        if internal:
            return int(pytest.ExitCode.INTERNAL_ERROR)
        failed = OUT_OF_BUDGET if self._failed or worse else 0
        return failed + (BENCH_BROKEN if self._broken or broken else 0)


_NAMES = ("SIGTERM", "SIGHUP")


def end_by_signals() -> Callable[[], None]:
    """Let SIGTERM and SIGHUP raise ``KeyboardInterrupt``; returns what puts the old ways back.

    One that is ignored (``nohup``) stays so.
    """
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    before = {}
    for name in _NAMES:
        number = getattr(signal, name, None)  # Windows has one of them
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            before[number] = signal.signal(number, _end)

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    return restore


class WholeReport:
    """A plugin: Ctrl-C while the outcome is written waits until it is; a second one does not."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        """Around everything that is written; an interrupted run is never a success."""
        with _held() as came:
            try:
                return (yield)
            finally:
                if came:
                    session.exitstatus = session.exitstatus or pytest.ExitCode.INTERRUPTED


@contextlib.contextmanager
def _held() -> Iterator[list[int]]:
    """The signals that came meanwhile; the second one raises ``KeyboardInterrupt``."""
    came: list[int] = []

    def hold(number: int, frame: FrameType | None) -> None:
        if came:
            _end(number, frame)
        came.append(number)

    before = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGINT", *_NAMES):
            number = getattr(signal, name, None)
            if number is not None and callable(signal.getsignal(number)):
                before[number] = signal.signal(number, hold)
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)
