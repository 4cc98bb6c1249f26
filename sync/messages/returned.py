"""An envelope of the way down, given back to a hospital that forgot it."""

from typing import Final

from clinic_records.record import Kind, Lane
from clinic_records.returned import ReturnedDownlink
from sync.messages.kind import MessageKind, Owner

RETURNED: Final = MessageKind(Kind.RETURNED, Owner.VEHICLE, Lane.P2, ReturnedDownlink)
