"""A published version of the month's plan, the same for every vehicle."""

from typing import Final

from clinic_records.record import Kind, Lane
from clinic_records.schedule import PublishedSchedule
from sync.messages.kind import Maker, MessageKind, Owner

SCHEDULE: Final = MessageKind(Kind.SCHEDULE, Owner.CENTRAL, Lane.P2, PublishedSchedule, (Maker.HOSPITAL,))
