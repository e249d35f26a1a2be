"""Nights without a board: the expected boards that were missing in stored runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from hil.history.column_values import text
from hil.history.sql_tables import errors
from hil.model.expected_boards import MISSING_BOARD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection, Select

_SAYS_MISSING: ColumnElement[bool] = errors.c.error.startswith(MISSING_BOARD, autoescape=True)


def missing_by_run(connection: Connection, run_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """The missing boards of each of these runs, by the run's number, as they were expected."""
    rows = connection.execute(
        sa.select(errors.c.run_id, errors.c.board)
        .where(errors.c.run_id.in_(run_ids), _SAYS_MISSING)
        .order_by(errors.c.id)
    )
    missing: dict[int, tuple[str, ...]] = {}
    for row in rows:
        missing[row.run_id] = (*missing.get(row.run_id, ()), text(row.board))
    return missing


def runs_without(board: str) -> Select[tuple[int]]:
    """The numbers of the runs that expected this board and did not find it."""
    return sa.select(errors.c.run_id).where(errors.c.board == board, _SAYS_MISSING)
