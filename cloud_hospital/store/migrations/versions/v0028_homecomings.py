"""Who let a restored box have its own records again.

Revision ID: 0028
Revises: 0027
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One table."""
    op.create_table(
        "homecomings",
        sa.Column("resumed", sa.String(length=64), nullable=False),
        sa.Column("vehicle", sa.String(length=32), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("resumed"),
        comment="Questions of restored boxes for their own records that a named person has allowed. Append-only.",
    )
