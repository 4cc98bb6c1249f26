"""Who a card or a code names, in the open store; and what remains of a card that was used."""

import hashlib
import hmac
import secrets
from datetime import date
from typing import Final

import msgspec

from clinic_records.barcode import Kind, Scan, read_code
from clinic_records.errors import RefusedInput
from clinic_records.ids import DeviceId, PatientId
from clinic_records.people import IdentityCheck, Patient, PatientStatus
from devices.identity.card_text import CardText
from vehicle_agent.store.audit import add_entry
from vehicle_agent.store.driver import Connection
from vehicle_agent.store.settings import get_setting, put_setting
from vehicle_agent.visits.identity import Presented
from vehicle_agent.visits.kept import find_order
from vehicle_agent.visits.versions import Act, find, get, listed, put

TOPIC: Final = "card-used"
"""Topic of the audit entry."""
_KEY: Final = "visits.identity-key"
_WEAKER: Final = frozenset({IdentityCheck.DECLARED, IdentityCheck.KNOWN_TO_STAFF})
_RAISED: Final = frozenset({PatientStatus.PROVISIONAL, PatientStatus.DECLARED})
_FIELDS: Final = {Kind.RESIDENT: "resident_id", Kind.INSURANCE: "insurance_code"}
"""A code that is a number of the person -> where we keep it."""


class PresentedView(msgspec.Struct, frozen=True):
    """An event as the page shows it.

    Attributes:
        people: whom it names; empty where nobody here is known by it.
        is_expired: the card's last day has passed.
        differs: the card and our record of this number have another name or birth date: a person must look.
    """

    presented: Presented
    people: list[Patient]
    is_expired: bool = False
    differs: bool = False


class CardUsed(msgspec.Struct, frozen=True):
    """The audit's line: `number` is a keyed hash, so that the line says the same person came but not who."""

    device: DeviceId
    number: str
    patient: PatientId
    confirmed: bool


def view(conn: Connection, presented: Presented, today: date) -> PresentedView:
    """Whom the event names."""
    card = presented.card
    if card is None:
        return PresentedView(presented, [] if presented.scan is None else _named(conn, presented.scan))
    people = _with(conn, "resident_id", card.number)
    differs = any(not _fits(one, card) for one in people)
    return PresentedView(presented, people, not card.is_valid_on(today), differs)


def named_by(conn: Connection, text: str) -> list[Patient]:
    """The people a code names; nobody where `text` is none."""
    try:
        return _named(conn, read_code(text))
    except RefusedInput:
        return []


def _named(conn: Connection, scan: Scan) -> list[Patient]:
    if scan.kind in _FIELDS:
        return _with(conn, _FIELDS[scan.kind], scan.value)
    order = find_order(conn, scan.value, "") if scan.kind is Kind.SAMPLE else None
    person = order.patient if order else PatientId(scan.value) if scan.kind is Kind.PERSON else None
    found = find(conn, Patient, person) if person else None
    return [found.thing] if found else []


def _with(conn: Connection, field: str, value: str) -> list[Patient]:
    return [version.thing for version in listed(conn, Patient, where={field: value}, limit=5)]


def _fits(patient: Patient, card: CardText) -> bool:
    return patient.name == card.name and patient.birth_date in {None, card.birth_date}


def use_card(conn: Connection, presented: Presented, patient_id: PatientId, act: Act) -> bool:
    """The person showed this card: keep that they did, and raise how their identity was checked. False: not theirs.

    Raises:
        NotFound: no such person.
    """
    version = get(conn, Patient, patient_id)
    patient, card = version.thing, presented.card
    if card is None or card.number != patient.resident_id:
        return False
    confirmed = patient.identity_check in _WEAKER and _fits(patient, card)
    if confirmed:
        status = PatientStatus.VERIFIED if patient.status in _RAISED else patient.status
        patient = msgspec.structs.replace(patient, identity_check=IdentityCheck.CARD, status=status)
        put(conn, patient, act, before=version.record)
    used = CardUsed(presented.device, keyed_hash(conn, card.number), patient_id, confirmed)
    add_entry(conn, TOPIC, msgspec.json.encode(used), act.now)
    return True


def keyed_hash(conn: Connection, number: str) -> str:
    """HMAC-SHA256 of a number under a key that only this store holds."""
    key = get_setting(conn, _KEY)
    if key is None:
        key = secrets.token_bytes(32)
        put_setting(conn, _KEY, key)
    return hmac.new(key, number.encode(), hashlib.sha256).hexdigest()
