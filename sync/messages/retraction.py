"""What the hospital takes back (sync rule 2)."""

from typing import Final

from clinic_records.consult import Retraction
from clinic_records.record import Kind, Lane
from sync.messages.kind import Maker, MessageKind, Owner

RETRACTION: Final = MessageKind(Kind.RETRACTION, Owner.MESSAGE, Lane.P1, Retraction, (Maker.HOSPITAL,))
