"""What the cloud hospital says of a case, and who has seen what: messages, made once and never changed."""

from datetime import datetime
from enum import StrEnum

import msgspec

from clinic_records.ids import EncounterId, PatientId, RecordId
from clinic_records.people import Author, Patient


class RecallLevel(StrEnum):
    """How soon the person must come, or be looked for (hazard H10)."""

    NONE = "none"
    ROUTINE = "routine"
    TODAY = "today"
    NOW = "now"


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """A specialist's opinion on an encounter.

    Attributes:
        recall: what the vehicle has to do; `today` and `now` travel as a Recall of their own beside it.
        person: the patient inline, as the hospital knows them (sync rule 19).
    """

    id: RecordId
    encounter: EncounterId
    patient: PatientId
    text: str
    by: Author
    at: datetime
    recall: RecallLevel = RecallLevel.NONE
    person: Patient | None = None


class Recall(msgspec.Struct, frozen=True, omit_defaults=True):
    """The person of an encounter must be found; `person` inline says whom and by which phone (sync rule 19)."""

    id: RecordId
    encounter: EncounterId
    patient: PatientId
    level: RecallLevel
    reason: str
    by: Author
    at: datetime
    person: Patient | None = None


class Retraction(msgspec.Struct, frozen=True):
    """An answer, recall or prescription that must not be followed, whether it came before this or comes after.

    Attributes:
        kind: of the thing taken back (`clinic_records.record.Kind`).
        thing: its id.
    """

    id: RecordId
    kind: str
    thing: RecordId
    reason: str
    by: Author
    at: datetime


class Seen(msgspec.Struct, frozen=True):
    """A named person has seen a thing: on the vehicle what the hospital sent, at the hospital what a vehicle sent.

    Attributes:
        kind: of the thing seen (`clinic_records.record.Kind`).
        thing: its id.
    """

    id: RecordId
    kind: str
    thing: RecordId
    by: Author
    at: datetime
