"""A vehicle gives the right to dispense back."""

from typing import Final

from clinic_records.prescription import Release
from clinic_records.record import Kind, Lane
from sync.messages.kind import MessageKind, Owner

RELEASE: Final = MessageKind(Kind.RELEASE, Owner.MESSAGE, Lane.P1, Release)
