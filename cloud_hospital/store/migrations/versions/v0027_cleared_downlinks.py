"""Envelopes for vehicles whose bytes were cleared away.

Revision ID: 0027
Revises: 0026
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One column."""
    op.add_column("downlink", sa.Column("cleared", sa.Boolean(), server_default=sa.false(), nullable=False))
    if op.get_bind().dialect.supports_comments:
        op.create_table_comment(
            "downlink",
            "Sealed envelopes for vehicles; verdict is their signed answer, null while it waits; cleared: no bytes.",
        )
