"""The first schema.

Revision ID: 0001
Revises: none
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table."""
    op.create_table(
        "alarms",
        sa.Column("n", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("vehicle", sa.String(length=32), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("n"),
        comment="What must not wait in silence (law 6).",
    )
    op.create_table(
        "arrivals",
        sa.Column("vehicle", sa.String(length=32), nullable=False),
        sa.Column("incarnation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("vehicle", "incarnation", "seq"),
        comment="Which numbers of each vehicle's stream have come, whatever became of them: gaps are what is missing.",
    )
    op.create_table(
        "blobs",
        sa.Column("vehicle", sa.String(length=32), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("vehicle", "sha256"),
        comment="Blobs held, in the scope of their origin (sync rule 23); path is relative to the hospital's folder.",
    )
    op.create_table(
        "downlink",
        sa.Column("n", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("vehicle", sa.String(length=32), nullable=False),
        sa.Column("wire_sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("lane", sa.String(length=2), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("queued_at", sa.BigInteger(), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=True),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("n"),
        sa.UniqueConstraint("vehicle", "wire_sha256"),
        comment="Sealed envelopes for vehicles; verdict is the vehicle's signed answer, null while it waits.",
    )
    op.create_index("downlink_waiting", "downlink", ["vehicle", "lane", "n"], unique=False)
    op.create_table(
        "entries",
        sa.Column("n", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("vehicle", sa.String(length=32), nullable=False),
        sa.Column("incarnation", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("header", sa.Text(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("n"),
        sa.UniqueConstraint("id", "revision"),
        comment="Every version taken, payload verbatim. Append-only.",
    )
    op.create_index("entries_kind", "entries", ["kind", "n"], unique=False)
    op.create_table(
        "entry_blobs",
        sa.Column("entry", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("vehicle", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("entry", "sha256"),
        comment="Blobs an entry speaks of, come or not.",
    )
    op.create_index("entry_blobs_by_hash", "entry_blobs", ["vehicle", "sha256"], unique=False)
    op.create_table(
        "feed",
        sa.Column("feed_seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("feed_seq"),
        comment="Dense order in which the county sees entries; an entry comes again when what its row shows changed.",
    )
    op.create_table(
        "feed_epochs",
        sa.Column("epoch", sa.String(length=64), nullable=False),
        sa.Column("first_after", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("epoch"),
        comment="Epochs of the feed; numbers up to first_after were given under earlier ones.",
    )
    op.create_table(
        "feed_pending",
        sa.Column("n", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("n"),
        comment="Committed, not yet numbered by the sequencer.",
    )
    op.create_table(
        "latest",
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.Column("vehicle", sa.String(length=32), nullable=False),
        sa.Column("patient", sa.String(length=64), nullable=True),
        sa.Column("encounter", sa.String(length=64), nullable=True),
        sa.Column("stop", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("kind", "id"),
        comment="The newest version of each thing and what it refers to; can be rebuilt from entries.",
    )
    op.create_index("latest_by_encounter", "latest", ["encounter"], unique=False)
    op.create_index("latest_by_patient", "latest", ["patient"], unique=False)
    op.create_index("latest_by_stop", "latest", ["stop"], unique=False)
    op.create_table(
        "pulls",
        sa.Column("n", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("what", sa.String(length=32), nullable=False),
        sa.Column("since", sa.Text(), nullable=False),
        sa.Column("until", sa.Text(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("n"),
        comment="Who took what, when. Append-only.",
    )
    op.create_table(
        "quarantine",
        sa.Column("n", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("vehicle", sa.String(length=32), nullable=False),
        sa.Column("wire_sha256", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("n"),
        comment="Envelopes a person must look at; the raw bytes lie under path. done_at ends the task.",
    )
    op.create_index("quarantine_by_wire", "quarantine", ["vehicle", "wire_sha256"], unique=False)
    op.create_table(
        "receipts",
        sa.Column("vehicle", sa.String(length=32), nullable=False),
        sa.Column("receipt_seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("wire_sha256", sa.String(length=64), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("receipt", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("vehicle", "receipt_seq"),
        comment="sync.ports.Receipt as JSON, dense receipt_seq for each vehicle. Append-only.",
    )
    op.create_index("receipts_by_wire", "receipts", ["vehicle", "wire_sha256"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("vehicle", sa.String(length=32), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("vehicle"),
        comment="sync.ports.SessionState of each vehicle, as JSON.",
    )
    op.create_table(
        "tokens",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("sha256"),
        comment="Only the hash of a token is kept.",
    )
    op.create_table(
        "transfers",
        sa.Column("vehicle", sa.String(length=32), nullable=False),
        sa.Column("wire_sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("lane", sa.String(length=2), nullable=False),
        sa.Column("ranges", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("vehicle", "wire_sha256"),
        comment="Wire files on their way in: durable byte ranges as JSON, and how often opening them was tried.",
    )
    op.create_table(
        "vehicles",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("sign_public", sa.LargeBinary(), nullable=False),
        sa.Column("box_public", sa.LargeBinary(), nullable=False),
        sa.Column("enrolled_at", sa.BigInteger(), nullable=False),
        sa.Column("last_contact", sa.BigInteger(), nullable=True),
        sa.Column("receipt_seq", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id"),
        comment="Enrolled vehicles; receipt_seq is the last number of a receipt; revocations are in the epoch log.",
    )
