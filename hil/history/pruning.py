"""Removing old runs; baselines stay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hil.history.database import History

if TYPE_CHECKING:
    from sqlalchemy import Connection


def old_runs(history: History, *, keep: int | None, before_utc: str | None) -> list[str]:
    """The runs to remove, the oldest first; never a baseline.

    ``keep``: a run stays if it is one of the newest so many of any of its boards. ``before_utc``: a
    run stays if it began then or later. With both a run goes only where neither keeps it.
    """
    return history.read(lambda connection: _old(connection, keep, before_utc))


def _old(connection: Connection, keep: int | None, before_utc: str | None) -> list[str]:
    import sqlalchemy as sa

    from hil.history.schema import baselines, boards, runs

    kept = {int(one) for one in connection.execute(sa.select(baselines.c.run_id)).scalars()}
    rows = connection.execute(
        sa.select(runs.c.id, runs.c.run, runs.c.started_utc, boards.c.key)
        .outerjoin(boards, boards.c.run_id == runs.c.id)
        .order_by(runs.c.started_utc.desc(), runs.c.id.desc())
    ).all()
    seen: dict[str | None, set[int]] = {}
    for row in rows:
        mine = seen.setdefault(row.key, set())
        if keep is not None and (row.id in mine or len(mine) < keep):
            kept.add(row.id)
            mine.add(row.id)
        if before_utc is not None and row.started_utc >= before_utc:
            kept.add(row.id)
    gone = {row.run: None for row in reversed(rows) if row.id not in kept}
    return list(gone)


def remove_runs(history: History, names: Sequence[str]) -> int:
    """Remove runs with all that belongs to them; how many there were.

    A run that has become a baseline meanwhile stays.
    """
    count = history.write(lambda connection: _remove(connection, names))
    if history.place.file is not None and count:
        history.compact()
    return count


def _remove(connection: Connection, names: Sequence[str]) -> int:
    import sqlalchemy as sa

    from hil.history.schema import baselines, runs

    count = 0
    for name in names:
        held = sa.select(baselines.c.run_id)
        done = connection.execute(runs.delete().where(runs.c.run == name, runs.c.id.not_in(held)))
        count += done.rowcount
    return count
