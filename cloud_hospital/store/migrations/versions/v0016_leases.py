"""Who sends down to each vehicle, among several workers.

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_COMMENT = "Who sends down to each vehicle that is online; fence counts holders. A row ends when the vehicle goes."


def upgrade() -> None:
    """Nobody holds a lease while the hospital is upgraded."""
    op.create_table(
        "leases",
        sa.Column("vehicle", sa.String(length=32), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("vehicle"),
        comment=_COMMENT,
    )
