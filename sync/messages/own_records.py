"""A restored box's own records that are newer than its backup, on their way home."""

from typing import Final

from clinic_records.record import Kind, Lane
from clinic_records.resumption import OwnRecords
from sync.messages.kind import Maker, MessageKind, Owner

OWN_RECORDS: Final = MessageKind(Kind.OWN_RECORDS, Owner.MESSAGE, Lane.P2, OwnRecords, (Maker.HOSPITAL,))
