"""Who decided about what was set aside, and entries by their time.

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Three columns and an index."""
    op.add_column("quarantine", sa.Column("decision", sa.String(length=16), server_default="", nullable=False))
    op.add_column("quarantine", sa.Column("decided_by", sa.Text(), server_default="", nullable=False))
    op.add_column("quarantine", sa.Column("note", sa.Text(), server_default="", nullable=False))
    op.create_index("entries_received", "entries", ["kind", "received_at"])
