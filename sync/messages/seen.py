"""A named person has seen what the other side sent."""

from typing import Final

from clinic_records.consult import Seen
from clinic_records.record import Kind, Lane
from sync.messages.kind import Maker, MessageKind, Owner

SEEN: Final = MessageKind(Kind.SEEN, Owner.MESSAGE, Lane.P1, Seen, (Maker.HOSPITAL, Maker.VEHICLE))
