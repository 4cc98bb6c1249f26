"""What this vehicle made, hashed anew from the bytes it holds: to be compared with what the hospital holds."""

import hashlib

import msgspec

from clinic_records.errors import ClinicError
from clinic_records.ids import RecordId, sha256_hex
from clinic_records.record import Kind
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.outbox import OutboxRow, rows_where
from vehicle_agent.store.records import get_version
from vehicle_agent.store.store import Store


class Made(msgspec.Struct, frozen=True):
    """One thing that travels; `sha256` is of its bytes as they are kept now, empty where they cannot be read."""

    kind: str
    id: str
    revision: int
    sha256: str
    state: str


def prove(store: Store) -> list[Made]:
    """Everything of every incarnation, in order; reads and hashes each payload and each blob."""
    rows = sorted(store.read(_all_rows), key=lambda row: (row.incarnation, row.seq))
    return [Made(row.kind.value, row.id, row.revision, _hash_now(store, row), row.state) for row in rows]


def _all_rows(conn: Connection) -> list[OutboxRow]:
    return list(rows_where(conn, "1 = 1", limit=-1))


def _hash_now(store: Store, row: OutboxRow) -> str:
    try:
        if row.kind is not Kind.BLOB:
            record = store.read(lambda conn: get_version(conn, row.kind, RecordId(row.id), row.revision))
            return sha256_hex(record.payload)
        digest = hashlib.sha256()
        with store.blobs.locate(row.sha256).plain() as source:
            while piece := source.read(1 << 20):
                digest.update(piece)
        return digest.hexdigest()
    except ClinicError:
        return ""
