"""A run that is told to end goes the way of Ctrl-C: boards stopped, report written to its end."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Generator, Iterator
from types import FrameType

import pytest

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
