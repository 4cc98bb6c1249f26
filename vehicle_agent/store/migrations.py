"""The schema of the vehicle's database, as steps that are applied all or none.

Records and outbox rows are append-only: triggers hold it, whatever a later program does.
"""

from contextlib import closing
from typing import Final

from clinic_records.errors import Hint, StoreError
from vehicle_agent.store.driver import Connection, DatabaseError, Migrations, connect, sqlite_utils

VEHICLE: Final = Migrations("vehicle")

# payload fields that pages look things up by
_LOOKUPS: Final = {
    "patient": "$.patient",
    "stop": "$.stop",
    "status": "$.status",
    "binding_encounter": "$.binding.encounter",
    "raw_sha256": "$.reading.raw.sha256",
    "source_id": "$.reading.source_id",
    "resident_id": "$.resident_id",
}

_SPINE: Final = (
    "CREATE TABLE settings (key TEXT PRIMARY KEY, value BLOB NOT NULL)",
    """CREATE TABLE streams (
        incarnation INTEGER PRIMARY KEY, vehicle TEXT NOT NULL, last_seq INTEGER NOT NULL DEFAULT 0)""",
    """CREATE TABLE records (
        kind TEXT NOT NULL, id TEXT NOT NULL, revision INTEGER NOT NULL,
        lane TEXT NOT NULL, sha256 TEXT NOT NULL, prev_hash TEXT NOT NULL, payload BLOB NOT NULL,
        vehicle TEXT NOT NULL, incarnation INTEGER NOT NULL, seq INTEGER NOT NULL,
        recorded_at INTEGER NOT NULL, author TEXT, blobs TEXT NOT NULL, is_current INTEGER NOT NULL,
        json TEXT GENERATED ALWAYS AS (CAST(payload AS TEXT)) VIRTUAL,
        PRIMARY KEY (kind, id, revision))""",
    "CREATE UNIQUE INDEX records_current ON records (kind, id) WHERE is_current = 1",
    """CREATE TRIGGER records_stay BEFORE DELETE ON records
        BEGIN SELECT RAISE(ABORT, 'records are append-only'); END""",
    """CREATE TRIGGER records_fixed BEFORE UPDATE OF kind, id, revision, lane, sha256, prev_hash, payload, vehicle,
        incarnation, seq, recorded_at, author, blobs ON records
        BEGIN SELECT RAISE(ABORT, 'records are append-only'); END""",
    """CREATE TABLE outbox (
        incarnation INTEGER NOT NULL, seq INTEGER NOT NULL,
        kind TEXT NOT NULL, id TEXT NOT NULL, revision INTEGER NOT NULL,
        lane TEXT NOT NULL, spooled_lane TEXT, sha256 TEXT NOT NULL, size INTEGER NOT NULL,
        recorded_at INTEGER NOT NULL, author TEXT,
        state TEXT NOT NULL CHECK (state IN ('queued', 'spooled', 'received', 'held', 'refused')),
        wire_sha256 TEXT, receipt TEXT,
        PRIMARY KEY (incarnation, seq), UNIQUE (kind, id, revision))""",
    "CREATE INDEX outbox_queued ON outbox (lane, incarnation, seq) WHERE state = 'queued'",
    "CREATE INDEX outbox_raised ON outbox (seq) WHERE spooled_lane IS NOT NULL AND lane <> spooled_lane",
    """CREATE TRIGGER outbox_stays BEFORE DELETE ON outbox
        BEGIN SELECT RAISE(ABORT, 'only a receipt ends an outbox row'); END""",
    "CREATE TABLE blobs (sha256 TEXT PRIMARY KEY, size INTEGER NOT NULL, key BLOB NOT NULL)",
    """CREATE TABLE quarantine (
        id INTEGER PRIMARY KEY, at INTEGER NOT NULL, source TEXT NOT NULL, reason TEXT NOT NULL,
        blob TEXT NOT NULL, meta BLOB NOT NULL, is_open INTEGER NOT NULL DEFAULT 1, UNIQUE (source, reason, blob))""",
    "CREATE TABLE audit (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, topic TEXT NOT NULL, entry BLOB NOT NULL)",
    "CREATE INDEX audit_topic ON audit (topic, id)",
)


_AUDIT: Final = (
    "DROP TABLE audit",  # no database of an earlier program is in use
    """CREATE TABLE audit (
        id INTEGER PRIMARY KEY, at INTEGER NOT NULL, topic TEXT NOT NULL, entry BLOB NOT NULL,
        incarnation INTEGER NOT NULL, n INTEGER NOT NULL, hash TEXT NOT NULL, UNIQUE (incarnation, n))""",
    "CREATE INDEX audit_topic ON audit (topic, id)",
    """CREATE TRIGGER audit_stays BEFORE DELETE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END""",
    """CREATE TRIGGER audit_fixed BEFORE UPDATE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END""",
)


@VEHICLE(name="0001 spine")
def _spine(db: "sqlite_utils.Database") -> None:
    for statement in _SPINE:
        db.conn.execute(statement)
    for name, path in _LOOKUPS.items():
        db.conn.execute(f"CREATE INDEX records_{name} ON records (kind, json_extract(json, '{path}'))")


_WAY_DOWN: Final = (
    """CREATE TABLE tombstones (
        kind TEXT NOT NULL, id TEXT NOT NULL, retraction TEXT NOT NULL, PRIMARY KEY (kind, id))""",
    """CREATE TABLE rights (
        rx TEXT PRIMARY KEY, token INTEGER NOT NULL, holder TEXT NOT NULL, until_ms INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('held', 'released', 'used')), incarnation INTEGER NOT NULL)""",
    """CREATE TABLE slices (
        village TEXT NOT NULL, month TEXT NOT NULL, part INTEGER NOT NULL, parts INTEGER NOT NULL,
        people INTEGER NOT NULL, as_of INTEGER NOT NULL, revision INTEGER NOT NULL,
        PRIMARY KEY (village, month, part))""",
    "CREATE INDEX records_thing ON records (kind, json_extract(json, '$.thing'))",
)


@VEHICLE(name="0017 way down")
def _way_down(db: "sqlite_utils.Database") -> None:
    for statement in _WAY_DOWN:
        db.conn.execute(statement)


@VEHICLE(name="0018 audit chain")
def _audit(db: "sqlite_utils.Database") -> None:
    for statement in _AUDIT:
        db.conn.execute(statement)


@VEHICLE(name="0018 urgent ones by time")
def _urgent(db: "sqlite_utils.Database") -> None:
    db.conn.execute("CREATE INDEX outbox_urgent ON outbox (recorded_at) WHERE lane = 'p0' AND kind = 'recording'")


def migrate(conn: Connection, migrations: Migrations = VEHICLE) -> int:
    """Bring the schema up to date in one transaction; returns how many steps ran.

    Raises:
        StoreError: the database was made by a newer program, or a step failed (then nothing changed).
    """
    db = sqlite_utils.Database(conn, execute_plugins=False)
    pending = [step.name for step in migrations.pending(db)]
    applied = [step.name for step in migrations.applied(db)]
    # sqlite-utils offers no list of a set's own steps, but a set without a database has them all pending
    with closing(connect(":memory:")) as nothing:
        known = {step.name for step in migrations.pending(sqlite_utils.Database(nothing, execute_plugins=False))}
    unknown = [name for name in applied if name not in known]
    if unknown:
        raise StoreError(
            f"the database has steps this program does not know: {', '.join(unknown)}",
            hint=Hint(
                "数据库由更新的版本写成，请装回新版本。", "A newer version wrote this database; install it again."
            ),
        )
    try:
        with db.atomic():
            migrations.apply(db)
    except DatabaseError as error:
        raise StoreError(f"the schema could not be brought up to date, nothing was changed: {error}") from error
    return len(pending)
