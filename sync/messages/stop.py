"""A stop as it happened: opened, closed, by whom."""

from typing import Final

from clinic_records.care import Stop
from clinic_records.record import Kind, Lane
from sync.messages.kind import MessageKind, Owner

STOP: Final = MessageKind(Kind.STOP, Owner.VEHICLE, Lane.P2, Stop)
