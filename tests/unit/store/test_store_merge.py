"""Each kind that comes down has its rule: once, twice and in any order it is the same."""

import itertools
from datetime import UTC, datetime

import msgspec
import pytest

from clinic_records.clock import Origin
from clinic_records.consult import Answer, Recall, RecallLevel, Retraction
from clinic_records.dispensing import RightState
from clinic_records.errors import BadFrame, Conflict, RefusedInput
from clinic_records.formulary import Formulary, Medicine
from clinic_records.ids import EncounterId, IdFactory, PatientId, RecordId
from clinic_records.patient_slice import PatientSlice, SlicePerson
from clinic_records.people import Author, Patient, Role, Sex
from clinic_records.permissions import Permissions
from clinic_records.prescription import DispenseRight
from clinic_records.record import Kind, Lane, Record, encode_payload
from sync.messages.kind import Maker
from sync.messages.table import MESSAGES
from tests.unit.store.conftest import NOW, NURSE, Box
from vehicle_agent.store.merge.retractions import is_retracted
from vehicle_agent.store.merge.rule import Merging
from vehicle_agent.store.merge.slices import village_slices
from vehicle_agent.store.merge.table import RULES, merge
from vehicle_agent.store.outbox import rows_where
from vehicle_agent.store.records import current, history, list_current
from vehicle_agent.store.rights import load_right

DOCTOR = Author("d001", "兰医生", Role.SPECIALIST)
MERGING = Merging("V01", NOW, IdFactory().new)


def record(kind: Kind, thing: object, id_: str, revision: int = 1) -> Record:
    payload = thing if isinstance(thing, bytes) else encode_payload(thing)
    return Record(RecordId(id_), revision, kind, MESSAGES[kind].lane, payload, Origin("H01", 1, revision), None, NOW)


def take(box: Box, *records: Record) -> list[tuple[str, ...]]:
    return [box.store.write(lambda conn, each=each: merge(conn, each, MERGING)) for each in records]  # type: ignore[misc]


def answer(id_: str = "a1") -> Record:
    said = Answer(RecordId(id_), EncounterId("e1"), PatientId("p1"), "复查", DOCTOR, NOW)
    return record(Kind.ANSWER, said, id_)


def retraction(id_: str, thing: str, kind: Kind = Kind.ANSWER) -> Record:
    return record(Kind.RETRACTION, Retraction(RecordId(id_), kind, RecordId(thing), "写错", DOCTOR, NOW), id_)


def test_every_kind_the_hospital_makes_has_a_rule() -> None:
    assert set(RULES) == {kind for kind, row in MESSAGES.items() if Maker.HOSPITAL in row.makers}


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_a_retraction_is_never_overtaken(box: Box, order: tuple[int, ...]) -> None:
    """Sync rule 2: an answer, its retraction, another answer, and the retraction of one that never comes."""
    things = [answer("a1"), retraction("t1", "a1"), answer("a2"), retraction("t2", "a9")]
    for at in order:
        take(box, things[at], things[at])
    found = [
        box.store.read(lambda conn, each=each: is_retracted(conn, Kind.ANSWER, each))  # type: ignore[misc]
        for each in ("a1", "a2", "a9")
    ]
    assert found == [True, False, True]
    assert {each.id for each in box.store.read(lambda conn: list_current(conn, Kind.ANSWER))} == {"a1", "a2"}


def test_only_messages_are_taken_back(box: Box) -> None:
    with pytest.raises(RefusedInput, match="cannot be taken back"):
        take(box, retraction("t1", "s1", Kind.SCHEDULE))
    assert box.store.read(lambda conn: current(conn, Kind.RETRACTION, "t1")) is None


def test_the_highest_revision_of_a_list_counts_whatever_comes_last(box: Box) -> None:
    lists = [record(Kind.FORMULARY, Formulary((Medicine(f"A{n}", "药", "1 g", "片"),)), "f", n) for n in (7, 9, 8)]
    take(box, *lists, lists[0])
    newest = box.store.read(lambda conn: current(conn, Kind.FORMULARY, "f"))
    assert newest is not None
    assert newest.revision == 9
    with pytest.raises(Conflict, match="two contents"):
        take(box, record(Kind.FORMULARY, Formulary(()), "f", 9))


def test_permissions_are_this_vehicles_and_shut_out_nobody(box: Box) -> None:
    take(box, record(Kind.PERMISSIONS, Permissions("V01", (NURSE,)), "p"))
    for wrong in (Permissions("V02", (NURSE,)), Permissions("V01", ())):
        with pytest.raises(RefusedInput):
            take(box, record(Kind.PERMISSIONS, wrong, "p", 2))
    newest = box.store.read(lambda conn: current(conn, Kind.PERMISSIONS, "p"))
    assert newest is not None
    assert newest.revision == 1


def right(token: int, holder: str, *, asked: bool = False, incarnation: int = 1) -> Record:
    id_ = f"w{token}{holder}{asked}"
    word = DispenseRight(RecordId(id_), RecordId("rx"), token, holder, NOW, NOW, asked, incarnation)
    return record(Kind.DISPENSE_RIGHT, word, id_)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_right_that_is_asked_back_is_given_back_once(box: Box, order: tuple[int, ...]) -> None:
    words = [right(1, "V01"), right(1, "V01", asked=True), right(2, "V02")]
    for at in order:
        take(box, words[at], words[at])
    found = box.store.read(lambda conn: load_right(conn, "rx"))
    assert found is not None
    assert (found.token, found.holder, found.state) == (2, "V02", RightState.HELD)
    released = box.store.read(lambda conn: list_current(conn, Kind.RELEASE))
    comes_before = order.index(1) < order.index(2)
    assert [msgspec.json.decode(each.payload)["token"] for each in released] == [1] * comes_before
    rows = box.store.read(lambda conn: rows_where(conn, "kind = 'release'", ()))
    assert [row.lane for row in rows] == [Lane.P1] * comes_before


def test_a_restored_box_gives_nothing_back(box: Box) -> None:
    take(box, right(1, "V01", asked=True, incarnation=7))
    assert box.store.read(lambda conn: list_current(conn, Kind.RELEASE)) == []


def person(id_: str, name: str = "王秀英", revision: int = 1) -> SlicePerson:
    patient = Patient(PatientId(id_), name, Sex.FEMALE, None, village="桃源村")
    at = datetime(2026, 11, 1, tzinfo=UTC)
    return SlicePerson(PatientId(id_), revision, encode_payload(patient).decode(), Origin("V02", 1, 5), at)


def piece(part: int, *people: SlicePerson, revision: int = 1, parts: int = 2) -> Record:
    thing = PatientSlice("2026-12", "桃源村", part, parts, NOW, people)
    return record(Kind.PATIENT_SLICE, thing, f"s{part}", revision)


def test_people_are_found_while_their_slice_is_partial(box: Box) -> None:
    take(box, piece(2, person("p3"), person("p4")))
    found = box.store.read(lambda conn: list_current(conn, Kind.PATIENT, contains={"name": "秀英"}))
    assert [each.id for each in found] == ["p3", "p4"]
    (village,) = box.store.read(village_slices)
    assert (village.village, village.parts_here, village.parts, village.people) == ("桃源村", 1, 2, 2)
    take(box, piece(1, person("p1"), person("p2")), piece(2, person("p3"), person("p4")))
    (village,) = box.store.read(village_slices)
    assert (village.parts_here, village.people) == (2, 4)
    assert box.store.read(lambda conn: rows_where(conn, "1", ())) == []  # nothing of it goes up again


def test_a_person_changed_apart_is_a_task_and_the_rest_is_kept(box: Box) -> None:
    own = Patient(PatientId("p1"), "王秀英", Sex.FEMALE, None, phone="13900000000")
    box.put("p1", kind=Kind.PATIENT, payload=own)
    (doubts,) = take(box, piece(1, person("p1"), person("p2")))
    assert len(doubts) == 1
    assert "two contents" in doubts[0]
    kept = box.store.read(lambda conn: current(conn, Kind.PATIENT, "p1"))
    assert kept is not None
    assert msgspec.json.decode(kept.payload, type=Patient) == own
    assert box.store.read(lambda conn: current(conn, Kind.PATIENT, "p2")) is not None


def test_the_vehicles_newer_version_of_a_person_stays_current(box: Box) -> None:
    take(box, piece(1, person("p1")))
    newer = Patient(PatientId("p1"), "王秀英", Sex.FEMALE, None, phone="13900000000")
    box.put("p1", kind=Kind.PATIENT, payload=newer, expected=1)
    take(box, piece(1, person("p1"), revision=2))
    versions = box.store.read(lambda conn: history(conn, Kind.PATIENT, "p1"))
    assert [each.revision for each in versions] == [1, 2]
    kept = box.store.read(lambda conn: current(conn, Kind.PATIENT, "p1"))
    assert kept == versions[1]


@pytest.mark.parametrize(
    "bad",
    [
        SlicePerson(PatientId("p9"), 1, "{}", Origin("V02", 1, 5), NOW),
        msgspec.structs.replace(person("p1"), id=PatientId("p9")),
        msgspec.structs.replace(person("p1"), revision=0),
    ],
)
def test_a_slice_with_a_false_person_is_not_kept(box: Box, bad: SlicePerson) -> None:
    with pytest.raises(BadFrame):
        take(box, piece(1, person("p2"), bad))
    assert box.store.read(lambda conn: current(conn, Kind.PATIENT, "p2")) is None
    assert box.store.read(village_slices) == []


@pytest.mark.parametrize("kind", sorted(RULES))
def test_no_payload_crashes_a_rule(box: Box, kind: Kind) -> None:
    for payload in (b"", b"{}", b"[]", b"\xff", b'{"id": 7}', b"null"):
        with pytest.raises(RefusedInput):
            take(box, record(kind, payload, "x"))


@pytest.mark.parametrize("kind", [Kind.QUALITY, Kind.ENCOUNTER, Kind.DISPENSE, Kind.PATIENT])
def test_the_cloud_never_writes_the_vehicles_own(box: Box, kind: Kind) -> None:
    """Law 5."""
    with pytest.raises(RefusedInput, match="is not made by a hospital"):
        take(box, record(kind, b"{}", "x"))


def test_a_recall_brings_its_person(box: Box) -> None:
    patient = Patient(PatientId("p1"), "王秀英", Sex.FEMALE, None, phone="138")
    recall = Recall(
        RecordId("r1"), EncounterId("e1"), PatientId("p1"), RecallLevel.NOW, "血钾 6.8", DOCTOR, NOW, patient
    )
    take(box, record(Kind.RECALL, recall, "r1"))
    kept = box.store.read(lambda conn: current(conn, Kind.RECALL, "r1"))
    assert kept is not None
    assert (kept.lane, msgspec.json.decode(kept.payload, type=Recall)) == (Lane.P0, recall)
