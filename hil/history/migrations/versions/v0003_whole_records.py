"""What a record holds beside its columns."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add a column of JSON to three tables; rows from before have nothing in it."""
    for table in ("runs", "boards", "measurements"):
        op.add_column(table, sa.Column("more", sa.Text))
