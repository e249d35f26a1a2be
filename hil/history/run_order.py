"""Which run came after which: by when they began, unless the clock was wrong.

A run stands in the history at the time ``order_utc``, and runs of the same time in the order in
which they were stored. It is when the run began, as the host's clock had it. A clock can be known
to be wrong when a run is stored at its end: it began before the last stored run of one of its
boards, or before this harness was installed. Such a run stands directly after the last one that was
stored, and everything that lists runs says so. A run's folder that is added later tells nothing of
that kind: it stands where it began.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

import hil
from hil.history.sql_tables import boards, runs

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

    from hil.history.stored_records import HistoryRun

CLOCK_WRONG = "clock wrong, ordered as stored"
"""What is said of a run whose clock is known to have been wrong."""
_INSTALLED_BEFORE_S = 86_400.0

newest_first: tuple[ColumnElement[str] | ColumnElement[int], ...] = (
    runs.c.order_utc.desc(),
    runs.c.id.desc(),
)
"""What a query for runs is ordered by."""


def order_time(connection: Connection, run: HistoryRun, installed_utc: str | None = None) -> str:
    """The ``order_utc`` of a run that ends now: when it began, or that of the last stored run.

    ``installed_utc`` is when the harness came to this host, less a day (default: from its files).
    """
    began = run.info.started_utc
    keys = [board.key for board in run.boards]
    of_its_boards = (
        sa.select(sa.func.max(runs.c.order_utc))
        .join(boards, boards.c.run_id == runs.c.id)
        .where(boards.c.key.in_(keys), runs.c.fingerprint != run.fingerprint)
    )
    last = connection.execute(of_its_boards).scalar() or ""
    if began >= max(last, installed_utc if installed_utc is not None else _installed_utc()):
        return began
    newest = connection.execute(
        sa.select(sa.func.max(runs.c.order_utc)).where(runs.c.fingerprint != run.fingerprint)
    ).scalar()
    return max(newest or began, began)


def _installed_utc() -> str:
    """A day before the package's files came to this host, as ISO text."""
    file = Path(hil.__file__ or "")
    try:
        moment = file.stat().st_mtime - _INSTALLED_BEFORE_S
    except OSError:
        return ""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
