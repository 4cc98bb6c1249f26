"""A person who must be found: nothing of ours is more urgent."""

from typing import Final

from clinic_records.consult import Recall
from clinic_records.record import Kind, Lane
from sync.messages.kind import Maker, MessageKind, Owner

RECALL: Final = MessageKind(Kind.RECALL, Owner.MESSAGE, Lane.P0, Recall, (Maker.HOSPITAL,))
