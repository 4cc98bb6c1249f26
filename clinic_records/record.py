"""Record: one version of one thing, as it is stored, sent and compared.

A version is (id, revision, content hash, prev_hash). The payload is the original bytes (UTF-8 JSON of the
domain struct) and is stored verbatim everywhere; nobody encodes it a second time.
"""

from datetime import datetime
from enum import StrEnum

import msgspec

from clinic_records.clock import Origin
from clinic_records.ids import BlobHash, RecordId, sha256_hex
from clinic_records.people import Author


class Lane(StrEnum):
    """Strict priority, P0 first; what belongs to each is written in docs/ARCHITECTURE.md."""

    P0 = "p0"
    P1 = "p1"
    P2 = "p2"
    P3 = "p3"
    P4 = "p4"


class Kind(StrEnum):
    """What a payload is; `sync/messages` holds one module for each."""

    PATIENT = "patient"
    STOP = "stop"
    ENCOUNTER = "encounter"
    RECORDING = "recording"
    BLOB = "blob"
    DAY_CLOSED = "day-closed"
    SCHEDULE = "schedule"
    QUALITY = "quality"
    PERMISSIONS = "permissions"
    FORMULARY = "formulary"
    PRICES = "prices"
    PATIENT_SLICE = "patient-slice"
    ANSWER = "answer"
    RECALL = "recall"
    PRESCRIPTION = "prescription"
    DISPENSE_RIGHT = "dispense-right"
    RETRACTION = "retraction"
    RELEASE = "release"
    DISPENSE = "dispense"
    SEEN = "seen"
    AUDIT_HEAD = "audit-head"
    RETURNED = "returned"
    RESUMED = "resumed"
    OWN_RECORDS = "own-records"


class Record(msgspec.Struct, frozen=True):
    """One version of one thing. `blobs` names the raw bytes it speaks of; they travel as objects of their own."""

    id: RecordId
    revision: int
    kind: Kind
    lane: Lane
    payload: bytes
    origin: Origin
    author: Author | None
    recorded_at: datetime
    prev_hash: str = ""
    blobs: tuple[BlobHash, ...] = ()

    @property
    def sha256(self) -> BlobHash:
        """The content hash: SHA-256 of the payload bytes."""
        return sha256_hex(self.payload)


class DayClosed(msgspec.Struct, frozen=True):
    """The signed end of a stop's day: without it the completeness statement says "unknown" (sync rule 8).

    Attributes:
        last_seq: the highest sequence number used before this record.
        counts: records of each kind made in this incarnation so far.
        root: SHA-256 over the content hashes of all of them, in order of seq, hex.
    """

    stop: str
    vehicle: str
    incarnation: int
    last_seq: int
    counts: dict[str, int]
    root: str


_encoder = msgspec.json.Encoder(decimal_format="string")


def encode_payload(thing: object) -> bytes:
    """The payload bytes of a domain struct: UTF-8 JSON, Han characters as themselves."""
    return _encoder.encode(thing)
