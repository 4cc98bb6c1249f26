"""What each kind's payload is when it comes up from a vehicle."""

from collections.abc import Mapping
from typing import Final

import msgspec

from clinic_records.care import Encounter, Recording, Stop
from clinic_records.errors import RefusedInput
from clinic_records.people import Patient
from clinic_records.record import DayClosed, Kind

Payload = Patient | Stop | Encounter | Recording | DayClosed

_UP: Final[Mapping[str, type[Payload]]] = {
    Kind.PATIENT: Patient,
    Kind.STOP: Stop,
    Kind.ENCOUNTER: Encounter,
    Kind.RECORDING: Recording,
    Kind.DAY_CLOSED: DayClosed,
}


def decode_payload(kind: str, payload: bytes) -> Payload:
    """The domain struct of a payload.

    Raises:
        RefusedInput: a kind vehicles do not own or this version does not know, or a payload that is not of its kind.
    """
    wanted = _UP.get(kind)
    if wanted is None:
        raise RefusedInput(f"kind {kind!r} is not taken from vehicles by this version")
    try:
        return msgspec.json.decode(payload, type=wanted)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedInput(f"{kind}: {error}") from None
