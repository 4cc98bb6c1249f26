"""The head of the audit journal: the hospital's signed receipt of it is the countersignature (sync rule 25)."""

from typing import Final

from clinic_records.audit import AuditHead
from clinic_records.record import Kind, Lane
from sync.messages.kind import MessageKind, Owner

AUDIT_HEAD: Final = MessageKind(Kind.AUDIT_HEAD, Owner.VEHICLE, Lane.P1, AuditHead)
