"""People of one village on their way to the vehicle that will visit it: each part is usable by itself."""

from datetime import datetime

import msgspec

from clinic_records.clock import Origin
from clinic_records.ids import PatientId
from clinic_records.people import Author


class SlicePerson(msgspec.Struct, frozen=True, omit_defaults=True):
    """The newest version of one person as its origin made it.

    Attributes:
        payload: the payload's text verbatim, so that its hash is the hash every other place knows.
    """

    id: PatientId
    revision: int
    payload: str
    origin: Origin
    recorded_at: datetime
    prev_hash: str = ""
    author: Author | None = None


class PatientSlice(msgspec.Struct, frozen=True):
    """One part of a village's people.

    Attributes:
        month: the month it was made for, `2026-12`.
        part, parts: from 1; a part is whole by itself.
        as_of: when the hospital looked.
    """

    month: str
    village: str
    part: int
    parts: int
    as_of: datetime
    people: tuple[SlicePerson, ...]
