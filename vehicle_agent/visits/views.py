"""What the pages, the control socket and the demo are shown: frozen views, made fresh at each asking."""

from datetime import date, datetime

import msgspec

from clinic_records.care import Encounter, Recording, Stop
from clinic_records.ids import DeviceId, EncounterId, PatientId
from clinic_records.people import Allergies, Author, IdentityCheck, Patient, Sex


class Arming(msgspec.Struct, frozen=True, omit_defaults=True):
    """A device that waits for one named person (law 9); `until` moves on with each sign of use.

    Attributes:
        ended: a person, a finish or another arming ended it at `until`; else it lapses there by itself.
    """

    device: DeviceId
    encounter: EncounterId
    patient: PatientId
    patient_name: str
    since: datetime
    until: datetime
    by: Author
    ended: bool = False


class NewPatient(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The registration form; `resident_id` is checked against GB 11643-1999 and may be empty.

    `key` names this form as it was shown, so that it counts once however often it is sent; empty: each time counts.
    `card` names the card that filled it, if one did.
    """

    name: str
    sex: Sex
    birth_date: date | None
    identity_check: IdentityCheck = IdentityCheck.DECLARED
    resident_id: str = ""
    village: str = ""
    phone: str = ""
    allergies: Allergies = Allergies()
    insurance_code: str = ""
    key: str = ""
    card: str = ""


class QueueRow(msgspec.Struct, frozen=True):
    """One encounter of today's stop with its person and how many recordings it has."""

    patient: Patient
    encounter: Encounter
    recordings: int


class TodayView(msgspec.Struct, frozen=True):
    """Today's stop, if one is planned or open, and who was seen there; newest encounter last."""

    stop: Stop | None
    day: date
    vehicle: str
    schedule_version: int
    queue: list[QueueRow]


class RecordingView(msgspec.Struct, frozen=True):
    """A recording with the device's name and how far it has travelled.

    Attributes:
        arrived_ms: Unix milliseconds at which the vehicle made the delivery durable.
        way: `queued`, `sending`, `received`, `held` or `refused`: the least far of the record and its blobs.
        age_s: seconds since it arrived, at the time of asking.
        reason_zh, reason_en: why it is unbound, or why it was rejected; empty otherwise.
    """

    recording: Recording
    device_name_zh: str
    device_name_en: str
    arrived_ms: int
    way: str
    age_s: float
    reason_zh: str = ""
    reason_en: str = ""


class DeviceView(msgspec.Struct, frozen=True):
    """One configured device.

    Attributes:
        key: its row in the device catalog.
        status: `idle`, `armed`, `measuring`, `not-connected` or `fault`.
        sample: the sample number of the armed encounter, on an analyser.
        detail_zh: what is wrong and what to do, where something is; `detail_en` says it in English.
    """

    device: DeviceId
    key: str
    name_zh: str
    name_en: str
    modality: str
    status: str
    armed: Arming | None
    armed_name: str
    detail_zh: str
    detail_en: str
    sample: str = ""


class EncounterView(msgspec.Struct, frozen=True):
    """One person's encounter: what the page /enc/{id} shows."""

    encounter: Encounter
    patient: Patient
    recordings: list[RecordingView]
    devices: list[DeviceView]


class LaneCounts(msgspec.Struct, frozen=True):
    """How many objects of a lane stand where; `oldest_s` is the age of the oldest not yet received, 0 if none."""

    queued: int = 0
    sending: int = 0
    received: int = 0
    seen: int = 0
    held: int = 0
    refused: int = 0
    oldest_s: float = 0.0


class AlarmView(msgspec.Struct, frozen=True):
    """What a person must look at: a code for machines, and what to do in both languages."""

    code: str
    zh: str
    en: str


class UrgentView(msgspec.Struct, frozen=True, kw_only=True):
    """One urgent recording on its way to a pair of eyes (law 6: sent, received and seen are three states).

    Attributes:
        at: when it was marked urgent.
        way: `queued`, `sending`, `received`, `held` or `refused`: the least far of the record and its raw bytes.
        seen_by, seen_at: the named person at the hospital who has seen it.
        phoned_by: who said here that somebody was reached by phone.
        needs_call: nobody has seen it for two minutes and nobody has phoned.
    """

    recording: str
    encounter: str
    patient_name: str
    modality: str
    at: datetime
    age_s: float
    way: str
    seen_by: str = ""
    seen_at: datetime | None = None
    phoned_by: str = ""
    needs_call: bool = False


class SyncView(msgspec.Struct, frozen=True):
    """The truth about the way to the hospital; `received` counts signed receipts only (law 7).

    Attributes:
        link: `online` or `offline`.
        since: when the link came into that state.
        alarms: what a person must look at; `alarm` is all of it in one sentence, empty where there is nothing.
        is_whole: the counts speak of everything; False while the store is locked or deliveries wait in the inbox, for
            what is there was not counted yet, and "nothing waits" would be a guess.
    """

    link: str
    since: datetime
    lanes: dict[str, LaneCounts]
    total: LaneCounts
    alarm: str = ""
    is_whole: bool = True
    alarms: list[AlarmView] = []


class Quarantined(msgspec.Struct, frozen=True):
    """A delivery that could not be understood: kept raw, with the reason, for a person to look at."""

    id: str
    device: str
    reason: str
    media_type: str
    raw_sha256: str
    at: datetime


class Event(msgspec.Struct, frozen=True):
    """Something changed: `topic` is `stop`, `encounter:<id>`, `unbound`, `sync` or `devices`; `seq` rises."""

    topic: str
    seq: int
