"""Baselines, and how many figures of a run had become worse."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the table and the column; runs from before were not compared."""
    op.create_table(
        "baselines",
        sa.Column(
            "run_id",
            sa.Integer,
            sa.ForeignKey("runs.id", name="fk_baselines_run_id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("set_utc", sa.String(40), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_baselines"),
    )
    op.add_column("runs", sa.Column("worse", sa.Integer))
