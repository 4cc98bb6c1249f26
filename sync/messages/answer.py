"""A specialist's opinion on an encounter."""

from typing import Final

from clinic_records.consult import Answer
from clinic_records.record import Kind, Lane
from sync.messages.kind import Maker, MessageKind, Owner

ANSWER: Final = MessageKind(Kind.ANSWER, Owner.MESSAGE, Lane.P1, Answer, (Maker.HOSPITAL,))
