"""The time that a run is ordered by, and in how many windows a case was measured."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the columns; runs from before stand where they began, their cases had one window."""
    op.add_column("runs", sa.Column("order_utc", sa.String(40)))
    op.execute("UPDATE runs SET order_utc = started_utc")
    op.create_index("ix_runs_order_utc", "runs", ["order_utc"])
    op.add_column("cases", sa.Column("windows", sa.Integer))
