"""What can be made ready while a board is waited for: modules that only its stamps need."""

from __future__ import annotations

import contextlib
import importlib
import threading

_LATER = ("hil.analysis.summary", "hil.report.html", "hil.report.terminal", "hil.report.remake")


def prepare_meanwhile() -> None:
    """Import them in the background; who needs one earlier waits for it, or imports it itself."""
    threading.Thread(target=_prepare, name="hil-prepare", daemon=True).start()


def _prepare() -> None:
    for name in _LATER:
        with contextlib.suppress(Exception):  # who needs it is told
            importlib.import_module(name)
