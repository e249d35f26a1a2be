"""What is made ready while a board is listened to: its programs, and what its stamps need.

No more than fits into that time: what is still at work when the board begins to answer takes its
turns from the many short answers up to the first stamp, and later it would disturb an embedded
board that is being measured. So what the page needs is imported when it is made.
"""

from __future__ import annotations

import contextlib
import importlib
import threading
from collections.abc import Iterable

from hil import agents
from hil.plan import CALIBRATE, Case

LATER = ("hil.store.reader", "hil.void", "hil.analysis.calibration", "rich.progress")


def prepare_meanwhile(cases: Iterable[Case]) -> threading.Thread:
    """In the background; who needs something of ours earlier makes it ready itself.

    The thread is to be joined before anything is measured: packages of others may not stand being
    imported by two threads at once.
    """
    first = next(iter(cases), None)
    thread = threading.Thread(target=_prepare, args=(first,), name="hil-prepare", daemon=True)
    thread.start()
    return thread


def _prepare(case: Case | None) -> None:
    with contextlib.suppress(Exception):  # who needs it is told
        agents.sources(CALIBRATE)
        if case is not None:
            agents.sources(case.plan.technique, case.plan.load, options=case.plan.options)
    for name in LATER:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
