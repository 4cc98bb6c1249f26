"""An e-prescription; who may dispense it is told beside it."""

from typing import Final

from clinic_records.prescription import Prescription
from clinic_records.record import Kind, Lane
from sync.messages.kind import Maker, MessageKind, Owner

PRESCRIPTION: Final = MessageKind(Kind.PRESCRIPTION, Owner.MESSAGE, Lane.P1, Prescription, (Maker.HOSPITAL,))
