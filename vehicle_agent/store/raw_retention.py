"""Raw bytes leave the vehicle with the retention too: they are what fills its disk, and what a thief would find.

Only what the hospital signed for and long enough ago, and what nobody here still has to look at: a reading that waits
for its person keeps its curve, and so does everything that was ever set aside. Its key goes with it, so what a disk
may still hold of the file opens no more.
"""

from datetime import datetime
from typing import Final

import msgspec

from clinic_records.care import RecordingStatus
from clinic_records.ids import BlobHash
from clinic_records.record import Kind
from sync.ports import Receipt
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.store import Store

AT_ONCE: Final = 500
"""Blobs of one round: the writer is not held up, the next hour goes on."""
_RECEIVED: Final = f"""
SELECT b.sha256, b.size, o.receipt FROM outbox AS o JOIN blobs AS b ON b.sha256 = o.id
WHERE o.kind = '{Kind.BLOB}' AND o.state = 'received'
AND NOT EXISTS (SELECT 1 FROM quarantine AS q WHERE q.blob = b.sha256)
AND NOT EXISTS (
    SELECT 1 FROM records AS r WHERE r.kind = '{Kind.RECORDING}' AND r.is_current = 1
    AND json_extract(r.json, '$.reading.raw.sha256') = b.sha256
    AND json_extract(r.json, '$.status') = '{RecordingStatus.UNBOUND}')
ORDER BY o.incarnation, o.seq
"""  # noqa: S608  constants of this package


class ClearedRaw(msgspec.Struct, frozen=True):
    """How many blobs were cleared away, and their bytes."""

    blobs: int = 0
    bytes: int = 0

    def __add__(self, other: "ClearedRaw") -> "ClearedRaw":
        return ClearedRaw(self.blobs + other.blobs, self.bytes + other.bytes)


class Cleared(msgspec.Struct, frozen=True):
    """What the retention took away: envelopes of both ways, and raw bytes."""

    envelopes: int = 0
    raw: ClearedRaw = ClearedRaw()

    def __add__(self, other: "Cleared") -> "Cleared":
        return Cleared(self.envelopes + other.envelopes, self.raw + other.raw)


def clear_raw(store: Store, older_than: datetime) -> ClearedRaw:
    """Clear away raw bytes that the hospital received before `older_than`, oldest first; what was cleared.

    Raises:
        StoreError: the disk or the database refused; what is half cleared is finished the next time.
    """
    found = store.read(lambda conn: _received(conn, older_than))
    store.blobs.forget([sha256 for sha256, _ in found])
    return ClearedRaw(len(found), sum(size for _, size in found))


def _received(conn: Connection, older_than: datetime) -> list[tuple[BlobHash, int]]:
    found = []
    for sha256, size, receipt in conn.execute(_RECEIVED):
        if msgspec.json.decode(receipt, type=Receipt).at < older_than:
            found.append((BlobHash(sha256), size))
            if len(found) == AT_ONCE:
                break
    return found
