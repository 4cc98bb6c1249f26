"""The hospital's tables. Instants are milliseconds since 1970 UTC; hashes are 64 hex digits.

There are no foreign keys across records: they arrive in any order (sync rule 10). What a table's row may become
is said in its comment. A change here needs a revision in `migrations/versions`; a test holds the two together.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

metadata = MetaData()

HASH: Final = 64
NAME: Final = 64
SERIAL: Final = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite counts by itself only in a column declared INTEGER PRIMARY KEY."""

vehicles = Table(
    "vehicles",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("sign_public", LargeBinary, nullable=False),
    Column("box_public", LargeBinary, nullable=False),
    Column("enrolled_at", BigInteger, nullable=False),
    Column("last_contact", BigInteger),
    Column("receipt_seq", BigInteger, nullable=False, server_default="0"),
    Column("key_number", Integer, nullable=False, server_default="1"),
    comment="Enrolled vehicles; receipt_seq is the last number of a receipt; revocations are in the epoch log.",
)

vehicle_keys = Table(
    "vehicle_keys",
    metadata,
    Column("vehicle", String(32), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("sign_public", LargeBinary, nullable=False),
    comment="Signing keys that boxes had before the one in vehicles: envelopes by them may still come.",
)

closed_streams = Table(
    "closed_streams",
    metadata,
    Column("vehicle", String(32), primary_key=True),
    Column("incarnation", BigInteger, primary_key=True, autoincrement=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("closed_at", BigInteger, nullable=False),
    comment="Incarnations that ended with a newer one's grant; a number above last_seq needs a person.",
)

sessions = Table(
    "sessions",
    metadata,
    Column("vehicle", String(32), primary_key=True),
    Column("state", LargeBinary, nullable=False),
    comment="sync.ports.SessionState of each vehicle, as JSON.",
)

entries = Table(
    "entries",
    metadata,
    Column("n", SERIAL, primary_key=True, autoincrement=True),
    Column("id", String(NAME), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("sha256", String(HASH), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("vehicle", String(32), nullable=False),
    Column("incarnation", Integer, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("header", Text, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    UniqueConstraint("id", "revision"),
    Index("entries_kind", "kind", "n"),
    Index("entries_received", "kind", "received_at"),
    comment="Every version taken, payload verbatim. Append-only.",
)

arrivals = Table(
    "arrivals",
    metadata,
    Column("vehicle", String(32), primary_key=True),
    Column("incarnation", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("id", String(NAME), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("sha256", String(HASH), nullable=False, server_default=""),
    comment="Which numbers of each vehicle's stream have come, whatever became of them: gaps are what is missing.",
)

entry_blobs = Table(
    "entry_blobs",
    metadata,
    Column("entry", BigInteger, primary_key=True, autoincrement=False),
    Column("sha256", String(HASH), primary_key=True),
    Column("vehicle", String(32), nullable=False),
    Index("entry_blobs_by_hash", "vehicle", "sha256"),
    comment="Blobs an entry speaks of, come or not.",
)

blobs = Table(
    "blobs",
    metadata,
    Column("vehicle", String(32), primary_key=True),
    Column("sha256", String(HASH), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("path", Text, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    comment="Blobs held, in the scope of their origin (sync rule 23); path is relative to the hospital's folder.",
)

transfers = Table(
    "transfers",
    metadata,
    Column("vehicle", String(32), primary_key=True),
    Column("wire_sha256", String(HASH), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("lane", String(2), nullable=False),
    Column("ranges", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("updated_at", BigInteger, nullable=False),
    comment="Wire files on their way in: durable byte ranges as JSON, and how often opening them was tried.",
)

receipts = Table(
    "receipts",
    metadata,
    Column("vehicle", String(32), primary_key=True),
    Column("receipt_seq", BigInteger, primary_key=True, autoincrement=False),
    Column("wire_sha256", String(HASH), nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("receipt", LargeBinary, nullable=False),
    Index("receipts_by_wire", "vehicle", "wire_sha256"),
    comment="sync.ports.Receipt as JSON, dense receipt_seq for each vehicle. Append-only.",
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("n", SERIAL, primary_key=True, autoincrement=True),
    Column("vehicle", String(32), nullable=False),
    Column("wire_sha256", String(HASH), nullable=False),
    Column("reason", String(NAME), nullable=False),
    Column("detail", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("done_at", BigInteger),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("tried_by", String(HASH), nullable=False, server_default=""),
    Column("decision", String(16), nullable=False, server_default=""),
    Column("decided_by", Text, nullable=False, server_default=""),
    Column("note", Text, nullable=False, server_default=""),
    Index("quarantine_by_wire", "vehicle", "wire_sha256"),
    comment="Envelopes a person must look at; the raw bytes lie under path. done_at ends the task.",
)

alarms = Table(
    "alarms",
    metadata,
    Column("n", SERIAL, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("vehicle", String(32), nullable=False),
    Column("code", String(NAME), nullable=False),
    Column("detail", Text, nullable=False),
    Column("done_at", BigInteger),
    comment="What must not wait in silence (law 6).",
)

latest = Table(
    "latest",
    metadata,
    Column("kind", String(32), primary_key=True),
    Column("id", String(NAME), primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("entry", BigInteger, nullable=False),
    Column("vehicle", String(32), nullable=False),
    Column("patient", String(NAME)),
    Column("encounter", String(NAME)),
    Column("stop", String(NAME)),
    Index("latest_by_patient", "patient"),
    Index("latest_by_encounter", "encounter"),
    Index("latest_by_stop", "stop"),
    comment="The newest version of each thing and what it refers to; can be rebuilt from entries.",
)

feed = Table(
    "feed",
    metadata,
    Column("feed_seq", BigInteger, primary_key=True, autoincrement=False),
    Column("entry", BigInteger, nullable=False),
    comment="Dense order in which the county sees entries; an entry comes again when what its row shows changed.",
)

feed_pending = Table(
    "feed_pending",
    metadata,
    Column("n", SERIAL, primary_key=True, autoincrement=True),
    Column("entry", BigInteger, nullable=False),
    comment="Committed, not yet numbered by the sequencer.",
)

feed_epochs = Table(
    "feed_epochs",
    metadata,
    Column("epoch", String(NAME), primary_key=True),
    Column("first_after", BigInteger, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    comment="Epochs of the feed; numbers up to first_after were given under earlier ones.",
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", String(NAME), primary_key=True),
    Column("sha256", String(HASH), nullable=False, unique=True),
    Column("purpose", String(16), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("revoked", Boolean, nullable=False, server_default=false()),
    Column("holder", Text, nullable=False, server_default=""),
    Column("withdrawn_at", BigInteger),
    Column("why", Text, nullable=False, server_default=""),
    comment="Only the hash of a token is kept; holder is whom it was given to.",
)

pulls = Table(
    "pulls",
    metadata,
    Column("n", SERIAL, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("token", String(NAME), nullable=False),
    Column("purpose", String(16), nullable=False),
    Column("what", String(32), nullable=False),
    Column("since", Text, nullable=False),
    Column("until", Text, nullable=False),
    Column("rows", Integer, nullable=False),
    comment="Who took what, when. Append-only.",
)

users = Table(
    "users",
    metadata,
    Column("staff", String(32), primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", String(32), nullable=False),
    Column("password", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("disabled_at", BigInteger),
    Column("failed", Integer, nullable=False, server_default="0"),
    Column("failed_at", BigInteger, nullable=False, server_default="0"),
    comment="People of the hospital and of the vehicles; password is an Argon2id hash, empty: nobody signs in.",
)

user_acts = Table(
    "user_acts",
    metadata,
    Column("n", SERIAL, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("staff", String(32), nullable=False),
    Column("by", String(32), nullable=False),
    Column("act", String(32), nullable=False),
    Column("detail", Text, nullable=False),
    comment="Sign-ins, refusals and changes of accounts. Append-only.",
)

downlink = Table(
    "downlink",
    metadata,
    Column("n", SERIAL, primary_key=True, autoincrement=True),
    Column("vehicle", String(32), nullable=False),
    Column("wire_sha256", String(HASH), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("lane", String(2), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("id", String(NAME), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("sha256", String(HASH), nullable=False),
    Column("queued_at", BigInteger, nullable=False),
    Column("verdict", String(16)),
    Column("settled_at", BigInteger),
    Column("cleared", Boolean, nullable=False, server_default=false()),
    UniqueConstraint("vehicle", "wire_sha256"),
    Index("downlink_waiting", "vehicle", "lane", "n"),
    comment="Sealed envelopes for vehicles; verdict is their signed answer, null while it waits; cleared: no bytes.",
)

issued = Table(
    "issued",
    metadata,
    Column("n", SERIAL, primary_key=True, autoincrement=True),
    Column("id", String(NAME), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("sha256", String(HASH), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("author", Text),
    Column("vehicles", Text, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("patient", String(NAME)),
    Column("encounter", String(NAME)),
    UniqueConstraint("id", "revision"),
    Index("issued_by_encounter", "encounter"),
    comment="What the hospital made, payload verbatim; vehicles as JSON, [] is every one. Append-only.",
)

dispense_rights = Table(
    "dispense_rights",
    metadata,
    Column("rx", String(NAME), primary_key=True),
    Column("token", Integer, nullable=False),
    Column("holder", String(32), nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("wanted", String(32), nullable=False, server_default=""),
    Column("code", String(64), nullable=False, server_default=""),
    Column("incarnation", BigInteger, nullable=False),
    Column("given_at", BigInteger, nullable=False),
    comment="The newest token of each prescription (clinic_records.dispensing); code is the pharmacy's.",
)

homecomings = Table(
    "homecomings",
    metadata,
    Column("resumed", String(NAME), primary_key=True),
    Column("vehicle", String(32), nullable=False),
    Column("by", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    comment="Questions of restored boxes for their own records that a named person has allowed. Append-only.",
)

leases = Table(
    "leases",
    metadata,
    Column("vehicle", String(32), primary_key=True),
    Column("holder", String(NAME), nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    comment="Who sends down to each vehicle that is online; fence counts holders. A row ends when the vehicle goes.",
)
