"""Whom a token was given to, when it was withdrawn and why.

Revision ID: 0026
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Three columns."""
    op.add_column("tokens", sa.Column("holder", sa.Text(), server_default="", nullable=False))
    op.add_column("tokens", sa.Column("withdrawn_at", sa.BigInteger(), nullable=True))
    op.add_column("tokens", sa.Column("why", sa.Text(), server_default="", nullable=False))
    if op.get_bind().dialect.supports_comments:
        op.create_table_comment("tokens", "Only the hash of a token is kept; holder is whom it was given to.")
