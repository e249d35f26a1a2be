"""What runs leave behind that are removed: each figure's spread over a month of a board's line.

One row for each metric of a board, firmware line, profile and calendar month (UTC), with the
figures of all cases; see :mod:`hil.history.figure_summary`. Trends show them as the older part of a
series. Nothing is compared with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from hil.history.case_rows import case_at, plan_of, read_plans
from hil.history.column_values import data, text
from hil.history.figure_packing import unpack_set
from hil.history.figure_summary import FigureSummary, pack_summaries, unpack_summaries
from hil.history.sql_tables import boards, figure_sets, month_summaries, summarised_runs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from sqlalchemy import Connection

    from hil.history.figure_summary import Name

_Key = tuple[int, str, str, str, str]


def add_to_summaries(connection: Connection, going: Mapping[int, str]) -> None:
    """Add the figures of runs, by their numbers and fingerprints; each fingerprint counts once."""
    known = set(
        connection.execute(
            sa.select(summarised_runs.c.fingerprint).where(
                summarised_runs.c.fingerprint.in_(list(going.values()))
            )
        ).scalars()
    )
    new = {mark: number for number, mark in going.items() if mark not in known}
    if not new:
        return
    connection.execute(summarised_runs.insert(), [{"fingerprint": mark} for mark in sorted(new)])
    query = (
        sa.select(
            *(boards.c.key, boards.c.firmware, boards.c.profile, boards.c.order_utc),
            *(boards.c.name, boards.c.machine, boards.c.plan_id),
            *(figure_sets.c.metric_id, figure_sets.c.data),
        )
        .join(figure_sets, figure_sets.c.board_id == boards.c.id)
        .where(boards.c.run_id.in_(list(new.values())))
        .order_by(boards.c.order_utc, boards.c.id)
    )
    rows = connection.execute(query).all()
    plans = read_plans(connection, {row.plan_id for row in rows})
    by_key: dict[_Key, list[Any]] = {}
    for row in rows:
        line = text(row.key), text(row.firmware), text(row.profile or "")
        by_key.setdefault((row.metric_id, *line, text(row.order_utc)[:7]), []).append(row)
    for key in sorted(by_key):  # in one order, so that two writers do not wait for each other
        _add(connection, key, by_key[key], plans)


def _add(
    connection: Connection, key: _Key, rows: list[Any], plans: Mapping[int, list[Any]]
) -> None:
    columns = ("metric_id", "key", "firmware", "profile", "month")
    named = dict(zip(columns, key, strict=True))
    here = [month_summaries.c[column] == value for column, value in named.items()]
    before = connection.execute(
        sa.select(month_summaries.c.data).where(*here).with_for_update()
    ).scalar()
    summaries = {} if before is None else unpack_summaries(data(before))
    for row in rows:
        cases = plans.get(row.plan_id, [])
        for figure in unpack_set(data(row.data)):
            case = case_at(cases, figure.position)
            name: Name = (
                *(case.technique, case.load, plan_of(case), figure.task),
                *(figure.method, figure.source, figure.unit),
            )
            summaries.setdefault(name, FigureSummary()).add(figure)
    values = {
        "name": text(rows[-1].name),
        "machine": text(rows[-1].machine),
        "data": pack_summaries(summaries),
    }
    if before is None:
        connection.execute(month_summaries.insert().values(**named, **values))
    else:
        connection.execute(month_summaries.update().where(*here).values(**values))
