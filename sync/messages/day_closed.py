"""The end of a stop's day, which makes completeness provable (sync rule 8)."""

from typing import Final

from clinic_records.record import DayClosed, Kind, Lane
from sync.messages.kind import MessageKind, Owner

DAY_CLOSED: Final = MessageKind(Kind.DAY_CLOSED, Owner.VEHICLE, Lane.P1, DayClosed)
