"""Who may log in on one vehicle."""

from typing import Final

from clinic_records.permissions import Permissions
from clinic_records.record import Kind, Lane
from sync.messages.kind import Maker, MessageKind, Owner

PERMISSIONS: Final = MessageKind(Kind.PERMISSIONS, Owner.CENTRAL, Lane.P1, Permissions, (Maker.HOSPITAL,))
