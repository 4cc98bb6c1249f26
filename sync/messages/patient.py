"""A villager's demographics: shared, because two vehicles may know more than one (law 4)."""

from typing import Final

from clinic_records.people import Patient
from clinic_records.record import Kind, Lane
from sync.messages.kind import MessageKind, Owner

PATIENT: Final = MessageKind(Kind.PATIENT, Owner.SHARED, Lane.P2, Patient)
