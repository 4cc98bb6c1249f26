"""A vehicle has dispensed a prescription; urgent, because others may wait for the right."""

from typing import Final

from clinic_records.prescription import Dispense
from clinic_records.record import Kind, Lane
from sync.messages.kind import MessageKind, Owner

DISPENSE: Final = MessageKind(Kind.DISPENSE, Owner.MESSAGE, Lane.P1, Dispense)
