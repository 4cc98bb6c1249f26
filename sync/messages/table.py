"""The table of message kinds: a new kind is one module here and one line below."""

from collections.abc import Mapping
from typing import Final

import msgspec

from clinic_records.errors import BadFrame, RefusedInput
from clinic_records.record import Kind
from sync.envelope import Header
from sync.messages.blob import BLOB
from sync.messages.day_closed import DAY_CLOSED
from sync.messages.encounter import ENCOUNTER
from sync.messages.kind import MessageKind
from sync.messages.patient import PATIENT
from sync.messages.recording import RECORDING
from sync.messages.schedule import SCHEDULE
from sync.messages.stop import STOP

MESSAGES: Final[Mapping[Kind, MessageKind]] = {
    each.kind: each for each in (PATIENT, STOP, ENCOUNTER, RECORDING, BLOB, DAY_CLOSED, SCHEDULE)
}

UNDERSTOOD: Final = frozenset[str]()
"""Names of `must_understand` features this version has."""


def why_held(header: Header) -> str:
    """Why an opened envelope must be held until an upgrade; empty where it is understood (sync rule 15)."""
    if header.kind not in set(Kind):
        return f"kind {header.kind!r} is not known to this version"
    unknown = [name for name in header.must_understand if name not in UNDERSTOOD]
    return f"needs {', '.join(unknown)}, which this version does not have" if unknown else ""


def decode_payload(kind: Kind, payload: bytes) -> object:
    """The domain struct in a payload; the bytes themselves where they are opaque to `sync`.

    Raises:
        BadFrame: the bytes are not that struct.
    """
    wanted = MESSAGES[kind].payload
    if wanted is None:
        return payload
    try:
        return msgspec.json.decode(payload, type=wanted)
    except (msgspec.MsgspecError, RefusedInput, ValueError, RecursionError) as error:
        raise BadFrame(f"{kind} payload: {error}", raw=payload) from error
