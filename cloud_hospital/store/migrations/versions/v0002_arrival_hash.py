"""Arrivals know their content, so that the root of a closed day can be checked.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Rows from before have no hash: their days stay unproved, which the statement says."""
    op.add_column("arrivals", sa.Column("sha256", sa.String(length=64), server_default="", nullable=False))
