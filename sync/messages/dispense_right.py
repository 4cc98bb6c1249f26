"""Who alone may dispense a prescription now (sync rule 1)."""

from typing import Final

from clinic_records.prescription import DispenseRight
from clinic_records.record import Kind, Lane
from sync.messages.kind import Maker, MessageKind, Owner

DISPENSE_RIGHT: Final = MessageKind(Kind.DISPENSE_RIGHT, Owner.MESSAGE, Lane.P1, DispenseRight, (Maker.HOSPITAL,))
