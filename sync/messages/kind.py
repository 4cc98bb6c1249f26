"""What is known of one kind of message."""

from enum import StrEnum

import msgspec

from clinic_records.record import Kind, Lane


class Owner(StrEnum):
    """Who may make new revisions of it (law 5)."""

    CENTRAL = "central"
    VEHICLE = "vehicle"
    SHARED = "shared"
    MESSAGE = "message"
    """nobody: it is made once, has one revision, and is taken back by a retraction"""


class Maker(StrEnum):
    """Who makes an envelope of a kind: the hospital's travel down, a vehicle's up."""

    HOSPITAL = "hospital"
    VEHICLE = "vehicle"


class MessageKind(msgspec.Struct, frozen=True):
    """One row of the table.

    Attributes:
        payload: the type its JSON payload decodes to; None where the payload is opaque bytes to `sync`.
        lane: where it travels unless something raises it.
        makers: who may make an envelope of this kind.
    """

    kind: Kind
    owner: Owner
    lane: Lane
    payload: type | None
    makers: tuple[Maker, ...] = (Maker.VEHICLE,)
