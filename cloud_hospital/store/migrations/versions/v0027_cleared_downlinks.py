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
