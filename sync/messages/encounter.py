"""One person's care at one stop."""

from typing import Final

from clinic_records.care import Encounter
from clinic_records.record import Kind, Lane
from sync.messages.kind import MessageKind, Owner

ENCOUNTER: Final = MessageKind(Kind.ENCOUNTER, Owner.VEHICLE, Lane.P2, Encounter)
