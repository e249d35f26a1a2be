"""Runs with their boards, cases, figures, skips, errors and stamps."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("run", sa.String(200), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("started_utc", sa.String(40), nullable=False),
        sa.Column("duration_s", sa.Float, nullable=False),
        sa.Column("profile", sa.Text, nullable=False),
        sa.Column("harness_version", sa.Text, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("source", sa.String(20), nullable=False),
        sa.Column("verdict", sa.String(10), nullable=False),
        sa.Column("revision", sa.Text),
        sa.Column("modified", sa.Boolean),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sa.UniqueConstraint("run", name="uq_runs_run"),
    )
    op.create_index("ix_runs_started_utc", "runs", ["started_utc"])
    op.create_index("ix_runs_fingerprint", "runs", ["fingerprint"])
    op.create_table(
        "boards",
        sa.Column("id", sa.Integer, nullable=False),
        _owner("boards", "run_id", "runs"),
        sa.Column("key", sa.String(400), nullable=False),
        sa.Column("firmware", sa.String(200), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("source", sa.String(20), nullable=False),
        sa.Column("platform", sa.Text, nullable=False),
        sa.Column("machine", sa.Text, nullable=False),
        sa.Column("micropython", sa.Text, nullable=False),
        sa.Column("unique_id", sa.Text),
        sa.Column("cpu_hz", sa.Float),
        sa.Column("tick_period", sa.Text, nullable=False),
        sa.Column("tick_resolution_us", sa.Float),
        sa.Column("stamp_cost_us", sa.Float),
        sa.Column("capabilities", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_boards"),
    )
    op.create_index("ix_boards_run_id", "boards", ["run_id"])
    op.create_index("ix_boards_key", "boards", ["key", "firmware"])
    op.create_table(
        "cases",
        sa.Column("id", sa.Integer, nullable=False),
        _owner("cases", "board_id", "boards"),
        sa.Column("technique", sa.String(200), nullable=False),
        sa.Column("load", sa.String(200), nullable=False),
        sa.Column("duration_us", sa.Float),
        sa.Column("periods", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_cases"),
    )
    op.create_index("ix_cases_board_id", "cases", ["board_id"])
    op.create_table(
        "measurements",
        sa.Column("id", sa.Integer, nullable=False),
        _owner("measurements", "case_id", "cases"),
        sa.Column("task", sa.Integer),
        sa.Column("method", sa.Text),
        sa.Column("metric", sa.String(100), nullable=False),
        sa.Column("unit", sa.String(20), nullable=False),
        sa.Column("value", sa.Float, nullable=False),
        sa.Column("lo", sa.Float),
        sa.Column("hi", sa.Float),
        sa.Column("n", sa.Float, nullable=False),
        sa.Column("confidence", sa.Float, nullable=False),
        sa.Column("note", sa.Text),
        sa.Column("where_us", sa.Float),
        sa.Column("budget", sa.Float),
        sa.Column("verdict", sa.String(10), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_measurements"),
    )
    op.create_index("ix_measurements_case_id", "measurements", ["case_id", "metric"])
    for name, last in (("skips", ("reason",)), ("errors", ("error", "detail"))):
        op.create_table(
            name,
            sa.Column("id", sa.Integer, nullable=False),
            _owner(name, "run_id", "runs"),
            *(
                sa.Column(column, sa.Text, nullable=False)
                for column in ("board", "technique", "load", *last)
            ),
            sa.PrimaryKeyConstraint("id", name=f"pk_{name}"),
        )
        op.create_index(f"ix_{name}_run_id", name, ["run_id"])
    op.create_table(
        "stamps",
        sa.Column("id", sa.Integer, nullable=False),
        _owner("stamps", "case_id", "cases"),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("task", sa.Integer),
        sa.Column("method", sa.Text),
        sa.Column("period_us", sa.Float, nullable=False),
        sa.Column("cost_us", sa.Float, nullable=False),
        sa.Column("step_us", sa.Float, nullable=False),
        sa.Column("taken", sa.Integer, nullable=False),
        sa.Column("kept", sa.Integer, nullable=False),
        sa.Column("counts", sa.Text, nullable=False),
        sa.Column("format", sa.Integer, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_stamps"),
    )
    op.create_index("ix_stamps_case_id", "stamps", ["case_id"])


def _owner(table: str, column: str, target: str) -> sa.Column[int]:
    key = sa.ForeignKey(f"{target}.id", name=f"fk_{table}_{column}", ondelete="CASCADE")
    return sa.Column(column, sa.Integer, key, nullable=False)
