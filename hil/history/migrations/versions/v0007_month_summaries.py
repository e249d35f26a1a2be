"""What removed runs leave behind."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add two empty tables: of runs that were removed before nothing is known."""
    op.create_table(
        "month_summaries",
        sa.Column(
            "metric_id",
            sa.Integer,
            sa.ForeignKey("metrics.id", name="fk_month_summaries_metric_id"),
            nullable=False,
        ),
        sa.Column("key", sa.String(400), nullable=False),
        sa.Column("firmware", sa.String(200), nullable=False),
        sa.Column("profile", sa.String(200), nullable=False),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("machine", sa.Text, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint(
            *("metric_id", "key", "firmware", "profile", "month"), name="pk_month_summaries"
        ),
    )
    op.create_table(
        "summarised_runs",
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name="pk_summarised_runs"),
    )
