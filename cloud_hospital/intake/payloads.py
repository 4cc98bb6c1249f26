"""What comes up from a vehicle, as domain structs."""

from clinic_records.audit import AuditHead
from clinic_records.care import Encounter, Recording, Stop
from clinic_records.consult import Seen
from clinic_records.errors import RefusedInput
from clinic_records.people import Patient
from clinic_records.prescription import Dispense, Release
from clinic_records.quality import QualityEntry
from clinic_records.record import DayClosed
from clinic_records.resumption import Resumed
from clinic_records.returned import ReturnedDownlink
from sync.messages.table import decode_payload as decode

Payload = (
    AuditHead
    | Patient
    | Stop
    | Encounter
    | Recording
    | DayClosed
    | QualityEntry
    | Seen
    | Release
    | Dispense
    | ReturnedDownlink
    | Resumed
)
"""Of a record made on a vehicle; blobs are files and never come here."""


def decode_payload(kind: str, payload: bytes) -> Payload:
    """The domain struct of a payload.

    Raises:
        RefusedInput: a kind vehicles do not own or this version does not know, or a payload that is not of its kind.
    """
    thing = decode(kind, payload)
    if not isinstance(thing, Payload):
        raise RefusedInput(f"kind {kind!r} is not taken from vehicles")
    return thing
