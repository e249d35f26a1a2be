"""Baselines: the runs that later ones are held against, until somebody sets others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hil.errors import ConfigurationError
from hil.history.database import History
from hil.history.loading import find_run
from hil.history.storing import text

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class Baseline:
    """A run that is a baseline, and for which boards and firmware lines."""

    run: str
    set_utc: str
    note: str
    profile: str
    lines: tuple[str, ...]


def set_baseline(history: History, name: str, *, note: str = "", add: bool = False) -> list[str]:
    """Make a run a baseline; the names of those whose place it takes.

    It takes the place of every baseline of the same profile that shares a board and a firmware
    line with it, unless ``add``. Raises :class:`~hil.errors.ConfigurationError` for no such run.
    """
    number = _number(history, name)
    return history.write(lambda connection: _set(connection, number, note, add))


def list_baselines(history: History) -> list[Baseline]:
    """All baselines, the newest first."""
    return history.read(_list)


def remove_baseline(history: History, name: str) -> None:
    """The run is no baseline any more; it stays in the history.

    Raises :class:`~hil.errors.ConfigurationError` where it is none.
    """
    number = _number(history, name)

    def work(connection: Connection) -> int:
        from hil.history.schema import baselines

        return connection.execute(baselines.delete().where(baselines.c.run_id == number)).rowcount

    if not history.write(work):
        raise ConfigurationError(f"{name}: is no baseline; see `hil baseline list`")


def _number(history: History, name: str) -> int:
    number = find_run(history, name)
    if number is None:
        raise ConfigurationError(f"{name}: no such run in {history.place.shown}; see `hil history`")
    return number


def _set(connection: Connection, number: int, note: str, add: bool) -> list[str]:
    import sqlalchemy as sa

    from hil.history.schema import baselines, boards, runs

    old: list[str] = []
    if not add:
        mine = connection.execute(
            sa.select(boards.c.key, boards.c.firmware, runs.c.profile)
            .join(runs, boards.c.run_id == runs.c.id)
            .where(runs.c.id == number)
        ).all()
        rows = connection.execute(
            sa.select(
                baselines.c.run_id, runs.c.run, boards.c.key, boards.c.firmware, runs.c.profile
            )
            .join(runs, runs.c.id == baselines.c.run_id)
            .join(boards, boards.c.run_id == runs.c.id)
        ).all()
        lines = {tuple(row) for row in mine}
        gone = {
            row.run_id: row.run
            for row in rows
            if (row.key, row.firmware, row.profile) in lines and row.run_id != number
        }
        connection.execute(baselines.delete().where(baselines.c.run_id.in_(list(gone))))
        old = list(gone.values())
    connection.execute(baselines.delete().where(baselines.c.run_id == number))
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    connection.execute(baselines.insert().values(run_id=number, set_utc=now, note=text(note, 500)))
    return old


def _list(connection: Connection) -> list[Baseline]:
    import sqlalchemy as sa

    from hil.history.schema import baselines, boards, runs

    rows = connection.execute(
        sa.select(
            *(runs.c.run, runs.c.profile, baselines.c.set_utc, baselines.c.note),
            *(boards.c.name, boards.c.firmware),
        )
        .join(runs, runs.c.id == baselines.c.run_id)
        .outerjoin(boards, boards.c.run_id == runs.c.id)
        .order_by(baselines.c.set_utc.desc(), runs.c.id.desc(), boards.c.id)
    ).all()
    found: dict[str, Baseline] = {}
    for row in rows:
        before = found[row.run].lines if row.run in found else ()
        line = f"{row.name}, MicroPython {row.firmware}"
        found[row.run] = Baseline(row.run, row.set_utc, row.note, row.profile, (*before, line))
    return list(found.values())
