"""Former keys of vehicles, closed streams, and how often what is held was looked at again.

Revision ID: 0013
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Two new tables, three new columns."""
    op.create_table(
        "vehicle_keys",
        sa.Column("vehicle", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sign_public", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("vehicle", "number"),
        comment="Signing keys that boxes had before the one in vehicles: envelopes by them may still come.",
    )
    op.create_table(
        "closed_streams",
        sa.Column("vehicle", sa.String(length=32), nullable=False),
        sa.Column("incarnation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("vehicle", "incarnation"),
        comment="Incarnations that ended with a newer one's grant; a number above last_seq needs a person.",
    )
    op.add_column("vehicles", sa.Column("key_number", sa.Integer(), server_default="1", nullable=False))
    op.add_column("quarantine", sa.Column("tries", sa.Integer(), server_default="0", nullable=False))
    op.add_column("quarantine", sa.Column("tried_by", sa.String(length=64), server_default="", nullable=False))
