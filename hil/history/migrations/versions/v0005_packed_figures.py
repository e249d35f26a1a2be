"""Figures and stamps packed by board instead of one row each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic import op

from hil.history.case_rows import find_plan, pack_cases, read_cases, write_cases
from hil.history.rows_before_0005 import old_cases

if TYPE_CHECKING:
    from sqlalchemy import Connection

revision = "0005"
down_revision = "0004"

_BOARDS_AT_ONCE = 200


def upgrade() -> None:
    """Make the tables, pack one board after another, and drop what is packed then.

    All is one transaction: what stops it half-way leaves the history as it was. Each board is read
    back and compared with what was packed.
    """
    _create()
    connection = op.get_bind()
    for number in _board_numbers(connection):
        _convert(connection, number)
    for table in ("measurements", "stamps", "cases"):
        op.drop_table(table)


def _create() -> None:
    op.create_table(
        "plans",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_plans"),
        sa.UniqueConstraint("digest", name="uq_plans_digest"),
    )
    op.create_table(
        "plan_cases",
        _owner("plan_cases", "plan_id", "plans"),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("technique", sa.String(200), nullable=False),
        sa.Column("load", sa.String(200), nullable=False),
        sa.Column("duration_us", sa.Float),
        sa.Column("periods", sa.Text),
        sa.Column("windows", sa.Integer),
        sa.PrimaryKeyConstraint("plan_id", "position", name="pk_plan_cases"),
    )
    op.create_index("ix_plan_cases_technique", "plan_cases", ["technique", "load"])
    op.create_table(
        "metrics",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_metrics"),
        sa.UniqueConstraint("name", name="uq_metrics_name"),
    )
    op.create_table(
        "figure_sets",
        _owner("figure_sets", "board_id", "boards"),
        sa.Column(
            "metric_id",
            sa.Integer,
            sa.ForeignKey("metrics.id", name="fk_figure_sets_metric_id"),
            nullable=False,
        ),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("board_id", "metric_id", name="pk_figure_sets"),
    )
    for name in ("figure_details", "stamp_sets"):
        op.create_table(
            name,
            _owner(name, "board_id", "boards"),
            sa.Column("part", sa.Integer, nullable=False),
            sa.Column("data", sa.LargeBinary, nullable=False),
            sa.PrimaryKeyConstraint("board_id", "part", name=f"pk_{name}"),
        )
    op.create_table(
        "case_figures",
        _owner("case_figures", "board_id", "boards"),
        sa.Column("position", sa.Integer, nullable=False),
        *(
            sa.Column(name, sa.Float)
            for name in ("lateness_p50_us", "lateness_p99_us", "lateness_max_us", "missed")
        ),
        *(
            sa.Column(name, sa.Integer, nullable=False)
            for name in ("figures", "failed", "undecided")
        ),
        sa.PrimaryKeyConstraint("board_id", "position", name="pk_case_figures"),
    )
    op.add_column("boards", sa.Column("profile", sa.String(200)))
    op.add_column("boards", sa.Column("order_utc", sa.String(40)))
    op.execute(
        "ALTER TABLE boards ADD COLUMN plan_id INTEGER "
        "CONSTRAINT fk_boards_plan_id REFERENCES plans (id)"
    )
    op.drop_index("ix_boards_key", "boards")
    op.create_index("ix_boards_line", "boards", ["key", "firmware", "profile", "order_utc"])
    op.create_index("ix_boards_key", "boards", ["key", "order_utc"])
    op.create_index("ix_boards_name", "boards", ["name", "key"])
    op.create_index("ix_errors_board", "errors", ["board", "run_id"])
    op.create_index("ix_boards_order_utc", "boards", ["order_utc"])


def _owner(table: str, column: str, target: str) -> sa.Column[int]:
    key = sa.ForeignKey(f"{target}.id", name=f"fk_{table}_{column}", ondelete="CASCADE")
    return sa.Column(column, sa.Integer, key, nullable=False)


def _board_numbers(connection: Connection) -> Any:
    last = -(2**63)
    query = sa.text("SELECT id FROM boards WHERE id > :last ORDER BY id LIMIT :most")
    while True:
        given = {"last": last, "most": _BOARDS_AT_ONCE}
        numbers = list(connection.execute(query, given).scalars())
        if not numbers:
            return
        yield from numbers
        last = numbers[-1]


def _convert(connection: Connection, number: int) -> None:
    name, cases = old_cases(connection, number)
    connection.execute(
        sa.text(
            "UPDATE boards SET plan_id = :plan, "
            "profile = (SELECT substr(profile, 1, 200) FROM runs WHERE runs.id = run_id), "
            "order_utc = (SELECT order_utc FROM runs WHERE runs.id = run_id) WHERE id = :board"
        ),
        {"plan": find_plan(connection, cases), "board": number},
    )
    write_cases(connection, number, pack_cases(cases))
    row = connection.execute(
        sa.text("SELECT id, name, plan_id FROM boards WHERE id = :board"), {"board": number}
    ).one()
    packed = read_cases(connection, [row])[number]
    if [(case.technique, case.load, case.measurements) for case in packed] != [
        (case.technique, case.load, case.measurements) for case in cases
    ]:
        raise ValueError(f"the figures of board {name[:60]!r} did not come out as they went in")
