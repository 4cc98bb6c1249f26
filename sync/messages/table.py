"""The table of message kinds: a new kind is one module here and one line below."""

from collections.abc import Mapping
from typing import Final

import msgspec

from clinic_records.errors import BadFrame, RefusedInput
from clinic_records.record import Kind
from sync.envelope import Header
from sync.messages.answer import ANSWER
from sync.messages.audit_head import AUDIT_HEAD
from sync.messages.blob import BLOB
from sync.messages.day_closed import DAY_CLOSED
from sync.messages.dispense import DISPENSE
from sync.messages.dispense_right import DISPENSE_RIGHT
from sync.messages.encounter import ENCOUNTER
from sync.messages.formulary import FORMULARY
from sync.messages.kind import MessageKind
from sync.messages.own_records import OWN_RECORDS
from sync.messages.patient import PATIENT
from sync.messages.patient_slice import PATIENT_SLICE
from sync.messages.permissions import PERMISSIONS
from sync.messages.prescription import PRESCRIPTION
from sync.messages.prices import PRICES
from sync.messages.quality import QUALITY
from sync.messages.recall import RECALL
from sync.messages.recording import RECORDING
from sync.messages.release import RELEASE
from sync.messages.resumed import RESUMED
from sync.messages.retraction import RETRACTION
from sync.messages.returned import RETURNED
from sync.messages.schedule import SCHEDULE
from sync.messages.seen import SEEN
from sync.messages.stop import STOP

MESSAGES: Final[Mapping[Kind, MessageKind]] = {
    each.kind: each
    for each in (
        *(PATIENT, STOP, ENCOUNTER, RECORDING, BLOB, DAY_CLOSED, SCHEDULE, QUALITY),
        *(PERMISSIONS, FORMULARY, PRICES, PATIENT_SLICE),
        *(ANSWER, RECALL, PRESCRIPTION, RETRACTION, SEEN, RETURNED),
        *(DISPENSE_RIGHT, RELEASE, DISPENSE),
        *(AUDIT_HEAD,),
        *(RESUMED, OWN_RECORDS),
    )
}

FEATURES: Final = frozenset[str]()
"""Names of `must_understand` features this version has."""


def strange_features(header: Header) -> list[str]:
    """What an opened envelope needs and this version does not have: it is held until an upgrade (sync rule 15)."""
    return sorted(set(header.must_understand) - FEATURES)


def decode_payload(kind: str, payload: bytes) -> object:
    """The domain struct in a payload; the bytes themselves where they are opaque to `sync`.

    Raises:
        RefusedInput: this version does not know the kind.
        BadFrame: the bytes are not that struct.
    """
    if kind not in set(Kind):
        raise RefusedInput(f"kind {kind!r} is not known to this version")
    wanted = MESSAGES[Kind(kind)].payload
    if wanted is None:
        return payload
    try:
        return msgspec.json.decode(payload, type=wanted)
    except (msgspec.MsgspecError, RefusedInput, ValueError, RecursionError) as error:
        raise BadFrame(f"{kind} payload: {error}", raw=payload) from error
