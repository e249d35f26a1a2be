"""A run that is told to end goes the way of Ctrl-C: boards stopped, report written."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType

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


def _end(number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)
