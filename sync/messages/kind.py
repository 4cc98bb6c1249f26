"""What is known of one kind of message."""

from enum import StrEnum

import msgspec

from clinic_records.record import Kind, Lane


class Owner(StrEnum):
    """Who may make new revisions of it (law 5)."""

    CENTRAL = "central"
    VEHICLE = "vehicle"
    SHARED = "shared"


class MessageKind(msgspec.Struct, frozen=True):
    """One row of the table.

    Attributes:
        payload: the type its JSON payload decodes to; None where the payload is opaque bytes to `sync`.
        lane: where it travels unless something raises it.
        owner: what is CENTRAL travels down, everything else up.
    """

    kind: Kind
    owner: Owner
    lane: Lane
    payload: type | None
