"""Runs that stay and runs that go: baselines, and the removal of old runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import sqlalchemy as sa

from hil.history.month_summaries import add_to_summaries
from hil.history.run_reader import find_run
from hil.history.sql_tables import baselines, boards, runs
from hil.model.errors import ConfigurationError
from hil.model.printable import database_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from hil.history.database import History

_RUNS_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Baseline:
    """A run that is a baseline, and for which boards and firmware lines."""

    run: str
    set_utc: str
    note: str
    profile: str
    lines: tuple[str, ...]


def set_baseline(history: History, name: str, *, note: str = "", add: bool = False) -> list[str]:
    """Make a run a baseline; the names of those that it replaces.

    It replaces every baseline of the same profile that shares a board and a firmware
    line with it, unless ``add``. Raises :class:`~hil.model.errors.ConfigurationError` for no such
    run.
    """
    number = _number(history, name)
    return history.write(lambda connection: _set(connection, number, note, add))


def list_baselines(history: History) -> list[Baseline]:
    """All baselines, the newest first."""
    return history.read(_list)


def remove_baseline(history: History, name: str) -> None:
    """The run is no baseline any more; it stays in the history.

    Raises :class:`~hil.model.errors.ConfigurationError` where it is none.
    """
    number = _number(history, name)

    def work(connection: Connection) -> int:
        return connection.execute(baselines.delete().where(baselines.c.run_id == number)).rowcount

    if not history.write(work):
        raise ConfigurationError(f"{name}: is no baseline; see `hil baseline list`")


def _number(history: History, name: str) -> int:
    number = find_run(history, name)
    if number is None:
        raise ConfigurationError(
            f"{name}: no such run in {history.location.shown}; see `hil history`"
        )
    return number


def _set(connection: Connection, number: int, note: str, add: bool) -> list[str]:
    old: list[str] = []
    if not add:
        lines_of_run = connection.execute(
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
        lines = {tuple(row) for row in lines_of_run}
        replaced = {
            row.run_id: row.run
            for row in rows
            if (row.key, row.firmware, row.profile) in lines and row.run_id != number
        }
        connection.execute(baselines.delete().where(baselines.c.run_id.in_(list(replaced))))
        old = list(replaced.values())
    connection.execute(baselines.delete().where(baselines.c.run_id == number))
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    connection.execute(
        baselines.insert().values(run_id=number, set_utc=now, note=database_text(note, 500))
    )
    return old


def _list(connection: Connection) -> list[Baseline]:
    rows = connection.execute(
        sa.select(
            *(runs.c.run, runs.c.profile, baselines.c.set_utc, baselines.c.note),
            *(boards.c.name, boards.c.firmware),
        )
        .join(runs, runs.c.id == baselines.c.run_id)
        .outerjoin(boards, boards.c.run_id == runs.c.id)
        .order_by(baselines.c.set_utc.desc(), runs.c.id.desc(), boards.c.id)
    ).all()
    baselines_by_run: dict[str, Baseline] = {}
    for row in rows:
        before = baselines_by_run[row.run].lines if row.run in baselines_by_run else ()
        line = f"{row.name}, MicroPython {row.firmware}"
        baselines_by_run[row.run] = Baseline(
            row.run, row.set_utc, row.note, row.profile, (*before, line)
        )
    return list(baselines_by_run.values())


def baseline_names(history: History) -> frozenset[str]:
    """The names of the runs that are baselines."""
    query = sa.select(runs.c.run).join(baselines, baselines.c.run_id == runs.c.id)
    return history.read(lambda connection: frozenset(connection.execute(query).scalars()))


def remove_runs(history: History, names: Sequence[str], *, summarise: bool = True) -> int:
    """Remove runs with all that belongs to them; returns how many there were.

    What their figures were stays in summaries by month, unless not ``summarise``: in the
    transaction that removes them, so that each run is there once, as itself or in a summary. A
    run that has become a baseline meanwhile stays. What others wait for is never held up for
    more than :data:`_RUNS_AT_ONCE` runs. Coming runs use the room, or the disk gets it back.
    """
    count = 0
    for begin in range(0, len(names), _RUNS_AT_ONCE):
        some = list(names[begin : begin + _RUNS_AT_ONCE])
        count += history.write(partial(_remove, names=some, summarise=summarise))
    if history.location.file is not None and count:
        history.compact()
    return count


def _remove(connection: Connection, names: Sequence[str], summarise: bool) -> int:
    going = sa.select(runs.c.id, runs.c.fingerprint).where(
        runs.c.run.in_(names), runs.c.id.not_in(sa.select(baselines.c.run_id))
    )
    # locked: of two that remove the same run, the second one finds it gone
    rows = connection.execute(going.order_by(runs.c.id).with_for_update(of=runs)).all()
    if summarise:
        add_to_summaries(connection, {int(row.id): row.fingerprint for row in rows})
    removal = runs.delete().where(runs.c.id.in_([row.id for row in rows]))
    return connection.execute(removal).rowcount
