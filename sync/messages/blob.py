"""A recording's raw bytes, named by their SHA-256; ultrasound in P4, other blobs beside their recording."""

from typing import Final

from clinic_records.record import Kind, Lane
from sync.messages.kind import MessageKind, Owner

BLOB: Final = MessageKind(Kind.BLOB, Owner.VEHICLE, Lane.P4, None)
