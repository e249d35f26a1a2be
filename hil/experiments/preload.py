"""What a run needs soon, imported and read in the background while a board is being opened."""

from __future__ import annotations

import contextlib
import importlib
import threading
from typing import TYPE_CHECKING

from hil.agents import bundle
from hil.experiments.plan import post_window_files
from hil.experiments.registry import chosen_workloads
from hil.model.captures import CALIBRATE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hil.experiments.plan import Case

PRELOADED_MODULES = (
    "hil.recording.capture_reader",
    "hil.recording.validity",
    "hil.analysis.clock",
    "rich.progress",
)
"""Imported while a board is being opened.

No more than fits into that time: what is still at work when the board begins to answer takes its
turns from the many short answers up to the first stamp, and later it would disturb an embedded
board that is being measured. So what the page needs is imported when it is made.
"""


def start_preload(cases: Iterable[Case]) -> threading.Thread:
    """Import :data:`PRELOADED_MODULES` and read the first case's agent in the background.

    Who needs something of ours earlier makes it ready itself. The thread is to be joined before
    anything is measured: packages of others may not stand being imported by two threads at once.
    """
    first = next(iter(cases), None)
    thread = threading.Thread(target=_preload, args=(first,), name="hil-prepare", daemon=True)
    thread.start()
    return thread


def _preload(case: Case | None) -> None:
    with contextlib.suppress(Exception):  # who needs it is told
        bundle.sources(CALIBRATE)
        if case is not None:
            after = post_window_files(chosen_workloads(case))
            bundle.sources(case.plan.technique, case.plan.load, after=after)
    for name in PRELOADED_MODULES:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
