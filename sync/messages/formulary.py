"""What may be prescribed, the same for every vehicle."""

from typing import Final

from clinic_records.formulary import Formulary
from clinic_records.record import Kind, Lane
from sync.messages.kind import Maker, MessageKind, Owner

FORMULARY: Final = MessageKind(Kind.FORMULARY, Owner.CENTRAL, Lane.P2, Formulary, (Maker.HOSPITAL,))
