"""Cards and codes: held in memory for a while, known by the store, and what remains of a card that was used."""

import json
from datetime import date
from functools import partial

import pytest

from clinic_records.barcode import Kind
from clinic_records.errors import BadFrame, RefusedInput
from clinic_records.ids import DeviceId, EncounterId, PatientId
from clinic_records.people import IdentityCheck, Patient, PatientStatus
from devices.framing.base import Frame
from devices.framing.sam import sam_frame
from devices.identity.barcode import MEDIA_TYPE as SCAN
from devices.identity.resident_card import MEDIA_TYPE as CARD
from devices.simulators.id_card_reader import RESIDENT, card_text
from tests.unit.visits.visits_world import ECG, NURSE, Clinic, open_stop, register
from tests.unit.visits.visits_world import SCAN as ULTRASOUND
from vehicle_agent.store.audit import list_entries
from vehicle_agent.visits import encounters
from vehicle_agent.visits.armed import arm_device
from vehicle_agent.visits.identity import HELD_S, MOST, TROUBLE_S, Presented, Presenting, of_text
from vehicle_agent.visits.identity_known import TOPIC, keyed_hash, named_by, use_card, view
from vehicle_agent.visits.orders import accession_of
from vehicle_agent.visits.versions import get

READER, SCANNER = DeviceId("card1"), DeviceId("scan1")
TODAY = date(2026, 11, 23)


def card(**changes: str) -> Frame:
    return Frame(sam_frame(b"\0\0\x90\x01\x00\x04\x00" + card_text(**changes) + bytes(1024)), CARD)


def scan(text: str) -> Frame:
    return Frame(text.encode() + b"\r", SCAN)


class Reader:
    def __init__(self) -> None:
        self.now_s = 0.0
        self.held = Presenting(lambda: self.now_s)

    def tokens(self) -> list[str]:
        return [one.token for one in self.held.waiting()]


def test_a_card_waits_ten_minutes_and_the_same_card_again_keeps_its_name() -> None:
    reader = Reader()
    first = reader.held.take(READER, card())
    reader.now_s = HELD_S - 1
    again = reader.held.take(READER, card())
    assert again.token == first.token
    assert reader.tokens() == [first.token]
    reader.now_s += HELD_S - 1
    assert reader.held.find(first.token) == again
    reader.now_s += 1
    assert reader.tokens() == []
    assert reader.held.find(first.token) is None


def test_the_photo_is_not_held() -> None:
    held = Reader().held
    held.take(READER, Frame(sam_frame(b"\0\0\x90\x01\x00\x04\x00" + card_text() + b"\xee" * 1024), CARD))
    assert "\\xee" not in repr(held.waiting())


def test_a_trouble_is_said_until_the_next_event_of_its_device() -> None:
    reader = Reader()
    cut = reader.held.take(READER, BadFrame("cut", raw=b"secret"))
    assert (cut.is_trouble, "再来一次" in cut.trouble_zh) == (True, True)
    foreign = reader.held.take(READER, card(mark="I"))
    assert "手工登记" in foreign.trouble_zh
    scanned = reader.held.take(SCANNER, scan("6901234567892"))
    assert reader.tokens() == [scanned.token, foreign.token]
    read = reader.held.take(READER, card())
    assert reader.tokens() == [read.token, scanned.token]
    reader.held.take(SCANNER, Frame(b"\x01\r", SCAN))
    reader.now_s = TROUBLE_S
    assert reader.tokens() == [read.token, scanned.token]


def test_only_a_few_wait_and_a_dropped_one_is_gone() -> None:
    reader = Reader()
    taken = [reader.held.take(SCANNER, scan(f"box {number}")) for number in range(MOST + 2)]
    assert reader.tokens() == [one.token for one in reversed(taken[2:])]
    reader.held.drop(taken[-1].token)
    reader.held.drop("never there")
    assert reader.tokens() == [one.token for one in reversed(taken[2:-1])]


def look(clinic: Clinic, presented: Presented) -> list[PatientId]:
    return [one.id for one in clinic.store.read(lambda conn: view(conn, presented, TODAY)).people]


def test_a_card_finds_its_person_and_raises_the_identity_check(clinic: Clinic) -> None:
    person = register(clinic, name="王秀英", resident_id=RESIDENT, birth_date=date(1949, 12, 31))
    presented = Reader().held.take(READER, card())
    assert look(clinic, presented) == [person.id]
    assert clinic.store.write(lambda conn: use_card(conn, presented, person.id, clinic.act()))
    after = clinic.store.read(lambda conn: get(conn, Patient, person.id))
    assert (after.thing.identity_check, after.thing.status) == (IdentityCheck.CARD, PatientStatus.VERIFIED)
    assert after.record.revision == 2
    clinic.store.write(lambda conn: use_card(conn, presented, person.id, clinic.act()))
    assert clinic.store.read(lambda conn: get(conn, Patient, person.id)).record.revision == 2


def test_a_stronger_check_is_never_lowered_and_another_name_raises_nothing(clinic: Clinic) -> None:
    face = {"name": "王秀英", "birth_date": date(1949, 12, 31), "identity_check": IdentityCheck.CARD_AND_FACE}
    person = register(clinic, resident_id=RESIDENT, **face)
    presented = Reader().held.take(READER, card())
    clinic.store.write(lambda conn: use_card(conn, presented, person.id, clinic.act()))
    assert clinic.store.read(lambda conn: get(conn, Patient, person.id)).thing == person
    number = "810000199408230021"
    other = register(clinic, name="陈大文", resident_id=number, birth_date=date(1994, 8, 23))
    differs = Reader().held.take(READER, card(mark="J", number=number, birth="19940823", name="陈小文"))
    assert clinic.store.read(lambda conn: view(conn, differs, TODAY)).differs
    clinic.store.write(lambda conn: use_card(conn, differs, other.id, clinic.act()))
    assert clinic.store.read(lambda conn: get(conn, Patient, other.id)).thing == other


def test_another_persons_card_changes_nothing_and_leaves_no_line(clinic: Clinic) -> None:
    person = register(clinic)
    presented = Reader().held.take(READER, card())
    assert look(clinic, presented) == []
    assert not clinic.store.write(lambda conn: use_card(conn, presented, person.id, clinic.act()))
    assert clinic.store.read(lambda conn: list_entries(conn, TOPIC)) == []


def test_the_audit_keeps_a_keyed_hash_and_no_number(clinic: Clinic) -> None:
    person = register(clinic, name="王秀英", resident_id=RESIDENT, birth_date=date(1949, 12, 31))
    presented = Reader().held.take(READER, card())
    clinic.store.write(lambda conn: use_card(conn, presented, person.id, clinic.act()))
    ((_, entry),) = clinic.store.read(lambda conn: list_entries(conn, TOPIC))
    assert RESIDENT.encode() not in entry
    line = json.loads(entry)
    assert line["number"] == clinic.store.write(lambda conn: keyed_hash(conn, RESIDENT))
    assert len(line["number"]) == 64
    assert line["confirmed"] is True


def test_an_expired_card_is_said_to_be(clinic: Clinic) -> None:
    presented = Reader().held.take(READER, card(valid_to="20261122"))
    assert clinic.store.read(lambda conn: view(conn, presented, TODAY)).is_expired
    assert not clinic.store.read(lambda conn: view(conn, presented, date(2026, 11, 22))).is_expired


def test_codes_find_people_by_what_we_printed_and_by_their_numbers(clinic: Clinic) -> None:
    token = "33" * 14
    person = register(clinic, name="王秀英", resident_id=RESIDENT, birth_date=date(1949, 12, 31), insurance_code=token)
    open_stop(clinic)
    new_id = EncounterId(clinic.ids.new())
    encounter = clinic.store.write(
        lambda conn: encounters.open_encounter(conn, person.id, "", new_id, NURSE, clinic.now)
    )
    clinic.store.write(lambda conn: arm_device(conn, ULTRASOUND, encounter.id, NURSE, clinic.now))
    label = accession_of(encounter.id, ULTRASOUND.id)
    for text in (RESIDENT, RESIDENT.lower(), token, person.id, f"MC1:{person.id}", label):
        assert look(clinic, of_text(text, 0.0)) == [person.id], text
        assert [one.id for one in clinic.store.read(partial(named_by, text=text))] == [person.id]
    unknown = accession_of(encounter.id, ECG.id)
    assert look(clinic, of_text(unknown, 0.0)) == []
    assert clinic.store.read(lambda conn: named_by(conn, "")) == []
    typed = of_text("6901234567892", 0.0).scan
    assert typed is not None
    assert typed.kind is Kind.PRODUCT
    with pytest.raises(RefusedInput):
        of_text(" ", 0.0)
