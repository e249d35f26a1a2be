"""Many writers at once: runs are stored by so many processes, and counted."""

from __future__ import annotations

import multiprocessing
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hil.history.database import open_history
from hil.history.location import find_location
from hil.history.run_writer import add_run
from tools.history_scale.made_runs import Farm, variant_of

if TYPE_CHECKING:
    from hil.history.stored_records import HistoryRun


def store_by_many(
    address: str, template: HistoryRun, writers: int = 20, runs: int = 1000
) -> tuple[int, float]:
    """Store ``runs`` runs of as many boards; how many were new, and in how many seconds."""
    spawn = multiprocessing.get_context("spawn")
    shares = [
        (address, template, writer, range(writer, runs, writers)) for writer in range(writers)
    ]
    begun = time.monotonic()
    with spawn.Pool(writers) as pool:
        stored = pool.starmap(_write, shares)
    return sum(stored), time.monotonic() - begun


def _write(address: str, template: HistoryRun, writer: int, chosen: range) -> int:
    location = find_location(address, Path())
    assert location is not None
    count = 0
    of_writer = variant_of(template, writer, Farm(1000, 1))
    for number in chosen:
        info = replace(of_writer.info, id=f"writer{writer}-{number}")
        run = replace(of_writer, info=info, fingerprint=f"{number:032x}{writer:032x}")
        with open_history(location) as history:
            count += add_run(history, run, just_ended=True)[1]
    return count
