"""A box that counts in a new incarnation says what it still has (sync rule 6)."""

from typing import Final

from clinic_records.record import Kind, Lane
from clinic_records.resumption import Resumed
from sync.messages.kind import MessageKind, Owner

RESUMED: Final = MessageKind(Kind.RESUMED, Owner.MESSAGE, Lane.P1, Resumed)
