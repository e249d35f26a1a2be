"""A run's folder made into what the history would keep of it."""

from __future__ import annotations

from pathlib import Path

from hil.analysis.summary import summarise
from hil.history.kept import KeptRun
from hil.history.preparing import keep_run
from hil.results import Results
from hil.stored_run import read_run
from hil.void import is_void


def keep_folder(folder: Path) -> KeptRun:
    """Every sound capture of a run's folder, computed anew; nothing is judged by budgets.

    Raises :class:`~hil.errors.CaptureError` for a folder without a run.
    """
    run = read_run(folder)
    told = {(error.board, error.technique, error.load) for error in run.log.errors}
    sound = [
        one
        for one in run.captures
        if not is_void(one) and (one.board.name, one.plan.technique, one.plan.load) not in told
    ]
    boards = {one.board.name: one.board for one in run.captures}
    results = Results(
        run=run.log.info,
        boards=tuple(boards.values()),
        measurements=tuple(m for one in sound for m in summarise(one).measurements),
        skipped=run.log.skipped,
        errors=run.log.errors,
    )
    return keep_run(results, sound)
