"""Views for SQL of one's own: stable names over tables that may change with any version.

Their columns are documented in ``docs/reference/sql-views.md``. Nothing in this package reads them.
A change here needs a migration that drops the old ones and calls :func:`create_views`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.model.expected_boards import MISSING_BOARD

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

_CASE_COLUMNS = """\
  runs.run AS run, runs.started_utc AS started_utc, runs.order_utc AS order_utc,
  runs.profile AS profile, runs.source AS source, runs.verdict AS run_verdict,
  boards.name AS board, boards.key AS board_key, boards.machine AS machine,
  boards.micropython AS micropython, boards.firmware AS firmware,
  plan_cases.technique AS technique, plan_cases.load AS load,
  case_figures.lateness_p50_us AS lateness_p50_us,
  case_figures.lateness_p99_us AS lateness_p99_us,
  case_figures.lateness_max_us AS lateness_max_us, case_figures.missed AS missed,
  case_figures.figures AS figures, case_figures.failed AS failed,
  case_figures.undecided AS undecided
FROM boards
JOIN runs ON runs.id = boards.run_id
JOIN case_figures ON case_figures.board_id = boards.id
JOIN plan_cases ON plan_cases.plan_id = boards.plan_id
  AND plan_cases.position = case_figures.position"""
VIEWS: Mapping[str, str] = {
    "case_nights": f"CREATE VIEW case_nights AS SELECT\n{_CASE_COLUMNS}",
    "latest_figures": f"CREATE VIEW latest_figures AS SELECT\n{_CASE_COLUMNS}\n"
    "WHERE NOT EXISTS (\n"
    "  SELECT 1 FROM boards AS newer\n"
    "  WHERE newer.key = boards.key AND newer.profile = boards.profile\n"
    "    AND (newer.order_utc > boards.order_utc\n"
    "      OR (newer.order_utc = boards.order_utc AND newer.id > boards.id)))",
    "board_nights": f"""CREATE VIEW board_nights AS SELECT
  runs.run AS run, runs.started_utc AS started_utc, runs.order_utc AS order_utc,
  substr(runs.started_utc, 1, 10) AS night, runs.profile AS profile,
  runs.verdict AS run_verdict, runs.worse AS run_worse,
  boards.name AS board, boards.key AS board_key, boards.machine AS machine,
  boards.micropython AS micropython, boards.firmware AS firmware, 1 AS answered,
  (SELECT count(*) FROM case_figures WHERE case_figures.board_id = boards.id) AS cases,
  (SELECT coalesce(sum(case_figures.failed), 0) FROM case_figures
    WHERE case_figures.board_id = boards.id) AS failed,
  (SELECT coalesce(sum(case_figures.undecided), 0) FROM case_figures
    WHERE case_figures.board_id = boards.id) AS undecided
FROM boards JOIN runs ON runs.id = boards.run_id
UNION ALL SELECT
  runs.run, runs.started_utc, runs.order_utc, substr(runs.started_utc, 1, 10), runs.profile,
  runs.verdict, runs.worse, errors.board, NULL, NULL, NULL, NULL, 0, 0, 0, 0
FROM errors JOIN runs ON runs.id = errors.run_id
WHERE errors.technique = '-' AND errors.error LIKE '{MISSING_BOARD}%'""",
}
"""Name -> the statement that makes it, word for word as a file of SQLite has it then."""


def create_views(connection: Connection) -> None:
    """Make every view; those that are there already have to be dropped before."""
    for statement in VIEWS.values():
        connection.exec_driver_sql(
            statement.replace("%", "%%") if _escapes(connection) else statement
        )


def _escapes(connection: Connection) -> bool:
    """Whether a per cent sign has to be written twice for the database's driver."""
    return connection.dialect.name == "postgresql"
