"""A line of a device's quality log: controls, calibrations, lots and verifications."""

from typing import Final

from clinic_records.quality import QualityEntry
from clinic_records.record import Kind, Lane
from sync.messages.kind import MessageKind, Owner

QUALITY: Final = MessageKind(Kind.QUALITY, Owner.VEHICLE, Lane.P2, QualityEntry)
