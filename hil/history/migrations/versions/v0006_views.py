"""Views for SQL of one's own."""

from __future__ import annotations

from alembic import op

from hil.history.sql_views import create_views

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the views; no table changes."""
    create_views(op.get_bind())
