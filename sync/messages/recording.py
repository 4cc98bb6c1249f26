"""What a device measured, and to whom it belongs; an urgent one travels in P0 with patient and encounter inline."""

from typing import Final

from clinic_records.care import Recording
from clinic_records.record import Kind, Lane
from sync.messages.kind import MessageKind, Owner

RECORDING: Final = MessageKind(Kind.RECORDING, Owner.VEHICLE, Lane.P3, Recording)
