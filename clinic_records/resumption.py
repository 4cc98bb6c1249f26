"""What a restored box asks of the hospital and gets back: its own records newer than its backup (sync rule 6)."""

from datetime import datetime

import msgspec

from clinic_records.clock import Origin
from clinic_records.ids import BlobHash, RecordId
from clinic_records.people import Author
from clinic_records.record import Kind, Lane


class StreamEnd(msgspec.Struct, frozen=True):
    """The highest number of one incarnation that the box still has."""

    incarnation: int
    last_seq: int


class Resumed(msgspec.Struct, frozen=True):
    """A box counts in a new incarnation and says what it has of the earlier ones; none: its disk is new."""

    id: RecordId
    incarnation: int
    known: tuple[StreamEnd, ...]


class OwnRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """One version as this vehicle made it; `payload` is its text verbatim, so its hash is the one everybody knows."""

    kind: Kind
    id: RecordId
    revision: int
    lane: Lane
    payload: str
    origin: Origin
    recorded_at: datetime
    prev_hash: str = ""
    author: Author | None = None
    blobs: tuple[BlobHash, ...] = ()


class OwnRecords(msgspec.Struct, frozen=True):
    """One part of the answer to a `Resumed`, usable by itself; an answer has at least one part, perhaps empty.

    Attributes:
        vehicle: who made all of them.
        resumed: the question's id.
        part, parts: from 1.
    """

    vehicle: str
    resumed: RecordId
    part: int
    parts: int
    records: tuple[OwnRecord, ...]
