"""What the hospital makes for vehicles: kept first, queued once, addressed rightly, each mistake named."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select
from typer.testing import CliRunner

from clinic_records.clock import CHINA
from clinic_records.consult import Answer, Recall, RecallLevel, Retraction
from clinic_records.errors import AccessError, ClinicError, NotFound, RefusedInput
from clinic_records.formulary import Formulary, PriceList
from clinic_records.people import Author, Role
from clinic_records.permissions import Permissions
from clinic_records.prescription import PrescribedLine
from clinic_records.record import Kind, Lane, encode_payload
from cloud_hospital.downlink import queue_for_vehicle
from cloud_hospital.downlinks.follow import Follower
from cloud_hospital.downlinks.issue import next_revision, queue_missing
from cloud_hospital.downlinks.lists import formulary, load_formulary, load_prices
from cloud_hospital.downlinks.opinions import answer, recall_person, retract
from cloud_hospital.downlinks.prescriptions import prescribe, read_lines
from cloud_hospital.hospital import Hospital
from cloud_hospital.intake.outbound import VehicleOutbound
from cloud_hospital.store.engine import reading, writing
from cloud_hospital.store.tables import alarms, downlink, issued
from cloud_hospital.users import add_user, disable_user
from cloud_hospital.vehicles import enrol
from commands.hospital import app
from sync.messages.table import decode_payload
from sync.ports import Receipt, SessionState, Verdict
from sync.seal import open_wire
from tests.unit.hospital.conftest import Box, Clinic, a_visit

DOCTOR = Author("d001", "兰医生", Role.SPECIALIST)
TABLE = "code,name,strength,unit,ingredients\nA1,二甲双胍片,0.5 g,片,metformin\nA2,消渴丸,0.25 g,丸,格列本脲；葛根\n"


def came_down(hospital: Hospital, box: Box) -> list[tuple[Lane, object]]:
    """What waits for this box, most urgent first, opened with its keys."""
    outbound, keys = VehicleOutbound(hospital, box.vehicle), {box.private.key_id: box.private}
    found: list[tuple[Lane, object]] = []
    for lane in Lane:
        for item in outbound.waiting(lane, -1, 1000):
            data = outbound.read(item.wire_sha256, 0, item.size)
            opened = open_wire(data, origin=hospital.keys.sign.public, recipients=keys)
            found.append((lane, decode_payload(opened.header.kind, opened.payload or b"")))
    return found


def seen_case(clinic: Clinic) -> str:
    visit = a_visit()
    for record in visit.records(clinic.box)[:3]:
        clinic.send(record)
    return visit.encounter.id


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_list_is_one_version_however_often_it_is_loaded(clinic: Clinic, tmp_path: Path) -> None:
    first = load_formulary(clinic.hospital, write(tmp_path, TABLE))
    assert (first.rows, first.vehicles) == (2, 1)
    assert load_formulary(clinic.hospital, write(tmp_path, TABLE)) == first
    assert formulary(clinic.hospital).medicines[1].ingredients == ("格列本脲", "葛根")
    second = load_formulary(clinic.hospital, write(tmp_path, TABLE.replace("片,", "粒,")))
    assert second.revision > first.revision
    lanes = [lane for lane, thing in came_down(clinic.hospital, clinic.box) if isinstance(thing, Formulary)]
    assert lanes == [Lane.P2, Lane.P2]


def test_a_spreadsheet_of_a_chinese_program_is_read(clinic: Clinic, tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_bytes("code,price_yuan,备注\r\nA1,3.5,常用\r\nA2,12.00,\r\n".encode("gb18030"))
    done = load_prices(clinic.hospital, path, date(2026, 12, 1))
    assert done.rows == 2
    (prices,) = (thing for _, thing in came_down(clinic.hospital, clinic.box) if isinstance(thing, PriceList))
    assert [price.price_fen for price in prices.prices] == [350, 1200]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("code,name\nA1,x\n", "row 1: no column strength, unit, ingredients"),
        (TABLE + "A1,again,1 g,片,\n", "row 4, column code: A1 stands there twice"),
        (TABLE + ",nameless,1 g,片,\n", "row 4, column code: must not be empty"),
        (TABLE + "\nA3,,1 g,片,\nA4,x,1 g,,\n", "row 5, column name: must not be empty; row 6, column unit"),
        ("code,name,strength,unit,ingredients\n", "no rows"),
        ("", "no column"),
    ],
)
def test_every_mistake_is_named_and_nothing_is_taken(clinic: Clinic, tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(RefusedInput) as error:
        load_formulary(clinic.hospital, write(tmp_path, text))
    assert said in str(error.value)
    assert came_down(clinic.hospital, clinic.box) == []


@pytest.mark.parametrize("price", ["", "abc", "-1", "1.234", "NaN", "1e9", "Infinity"])
def test_a_price_is_yuan_and_fen(clinic: Clinic, tmp_path: Path, price: str) -> None:
    with pytest.raises(RefusedInput, match="row 2, column price_yuan"):
        load_prices(clinic.hospital, write(tmp_path, f"code,price_yuan\nA1,{price}\n"), date(2026, 12, 1))


def test_a_restored_hospital_gives_no_revision_again() -> None:
    """Sync rule 3: whatever it has forgotten, the next revision is above all it gave before."""
    before = datetime(2026, 11, 23, 8, tzinfo=UTC)
    forgotten = next_revision(next_revision(next_revision(0, before), before), before)
    assert next_revision(0, before + timedelta(seconds=3)) > forgotten
    assert next_revision(forgotten, before - timedelta(days=400)) == forgotten + 1


def test_an_answer_brings_its_patient_and_a_recall_overtakes_it(clinic: Clinic) -> None:
    """Sync rule 19, hazard H10."""
    encounter = seen_case(clinic)
    said = answer(clinic.hospital, encounter, " 建议复查心电图 ", DOCTOR, RecallLevel.NOW)
    recall, answered = came_down(clinic.hospital, clinic.box)
    assert [recall[0], answered[0]] == [Lane.P0, Lane.P1]
    assert isinstance(recall[1], Recall)
    assert isinstance(answered[1], Answer)
    assert recall[1].person is not None
    assert (recall[1].person.name, recall[1].person.phone, recall[1].level) == (
        "王秀英",
        "13800000000",
        RecallLevel.NOW,
    )
    assert (answered[1], answered[1].text) == (said, "建议复查心电图")


def test_a_routine_recall_and_what_is_refused(clinic: Clinic) -> None:
    encounter = seen_case(clinic)
    assert recall_person(clinic.hospital, encounter, RecallLevel.ROUTINE, "复查", DOCTOR).level is RecallLevel.ROUTINE
    attempts: list[tuple[type[ClinicError], Callable[[], object]]] = [
        (RefusedInput, lambda: recall_person(clinic.hospital, encounter, RecallLevel.NONE, "复查", DOCTOR)),
        (RefusedInput, lambda: answer(clinic.hospital, encounter, "  ", DOCTOR)),
        (RefusedInput, lambda: answer(clinic.hospital, encounter, "x" * 20_001, DOCTOR)),
        (NotFound, lambda: answer(clinic.hospital, "nobody", "text", DOCTOR)),
        (NotFound, lambda: retract(clinic.hospital, "nothing", "why", DOCTOR)),
    ]
    for error, attempt in attempts:
        with pytest.raises(error):
            attempt()
    assert len(came_down(clinic.hospital, clinic.box)) == 1


def test_a_retraction_goes_where_the_thing_went(clinic: Clinic, tmp_path: Path) -> None:
    encounter = seen_case(clinic)
    said = answer(clinic.hospital, encounter, "误答", DOCTOR)
    retract(clinic.hospital, said.id, "写错了人", DOCTOR)
    _, taken = came_down(clinic.hospital, clinic.box)[1]
    assert isinstance(taken, Retraction)
    assert (taken.kind, taken.thing, taken.reason) == (Kind.ANSWER, said.id, "写错了人")
    load_formulary(clinic.hospital, write(tmp_path, TABLE))
    with reading(clinic.hospital.engine) as connection:
        listed = connection.execute(select(issued.c.id).where(issued.c.kind == Kind.FORMULARY.value)).scalar_one()
    with pytest.raises(RefusedInput, match="not taken back"):
        retract(clinic.hospital, listed, "why", DOCTOR)


def test_what_a_crash_left_unqueued_is_queued_at_the_next_look(clinic: Clinic, tmp_path: Path) -> None:
    encounter = seen_case(clinic)
    answer(clinic.hospital, encounter, "好", DOCTOR)
    load_formulary(clinic.hospital, write(tmp_path, TABLE))
    with writing(clinic.hospital.engine) as connection:
        connection.execute(delete(downlink))
    assert queue_missing(clinic.hospital) == 2
    assert queue_missing(clinic.hospital) == 0
    late = Box("V02")
    enrol(clinic.hospital, late.request())
    Follower(clinic.hospital).look()
    assert [type(thing) for _, thing in came_down(clinic.hospital, late)] == [Formulary]


def test_permissions_follow_the_accounts(clinic: Clinic) -> None:
    follower = Follower(clinic.hospital)
    follower.look()
    assert came_down(clinic.hospital, clinic.box) == []
    add_user(clinic.hospital, Author("n001", "张护士", Role.NURSE))
    add_user(clinic.hospital, Author("c001", "调度", Role.COORDINATOR), "long enough 12")
    follower.look()
    add_user(clinic.hospital, Author("n002", "李护士", Role.NURSE))
    disable_user(clinic.hospital, "n001", "离职")
    follower.look()
    follower.look()
    told = [thing for _, thing in came_down(clinic.hospital, clinic.box) if isinstance(thing, Permissions)]
    assert [[each.staff for each in one.people] for one in told] == [["n001"], ["n002"]]
    disable_user(clinic.hospital, "n002", "离职")
    follower.look()
    assert len(came_down(clinic.hospital, clinic.box)) == 2  # a vehicle is never shut to everybody by a list


def test_the_hospital_sends_nothing_that_is_a_vehicles(clinic: Clinic) -> None:
    """Law 5: the cloud never writes the vehicle's own."""
    with pytest.raises(RefusedInput, match="is not made by a hospital"):
        queue_for_vehicle(clinic.hospital, "V01", clinic.box.record(Kind.QUALITY, b"{}", "q1"))


def test_a_vehicle_makes_nothing_that_is_the_hospitals(clinic: Clinic) -> None:
    recall = clinic.box.record(Kind.RECALL, b"{}", "r1")
    assert clinic.send(recall).verdict is Verdict.HELD


def test_what_a_vehicle_does_not_understand_is_an_alarm(clinic: Clinic) -> None:
    """Sync rule 15: the row ends, a person must know."""
    queue_for_vehicle(clinic.hospital, "V01", clinic.box.record(Kind.SCHEDULE, b"{}", "s1"))
    outbound = VehicleOutbound(clinic.hospital, "V01")
    (item,) = outbound.waiting(Lane.P2, 0, 10)
    held = Receipt(item.wire_sha256, Verdict.HELD, "e", 1, datetime(2026, 11, 23, tzinfo=UTC), reason="not-understood")
    assert outbound.settle(held)
    assert not outbound.settle(held)
    with reading(clinic.hospital.engine) as connection:
        assert list(connection.execute(select(alarms.c.code)).scalars()) == ["not-understood"]
    assert SessionState().epoch == ""


def test_a_prescription_has_lines_of_the_formulary_a_doctor_and_three_days(clinic: Clinic, tmp_path: Path) -> None:
    encounter = seen_case(clinic)
    load_formulary(clinic.hospital, write(tmp_path, TABLE))
    lines = read_lines(clinic.hospital, write(tmp_path, "code,units,usage\nA1,14,每日两次 每次一片\n"))
    rx = prescribe(clinic.hospital, encounter, lines, DOCTOR, 3)
    assert rx.lines == (PrescribedLine("A1", "二甲双胍片 0.5 g", 14, "每日两次 每次一片"),)
    local = rx.valid_until.astimezone(CHINA)
    assert (local.hour, (local.date() - clinic.hospital.now().astimezone(CHINA).date()).days) == (0, 3)
    for bad in ("A9,1,x", "A1,0,x", "A1,-1,x", "A1,two,x", "A1,1,"):
        with pytest.raises(RefusedInput, match="row 2, column"):
            read_lines(clinic.hospital, write(tmp_path, f"code,units,usage\n{bad}\n"))
    with pytest.raises(AccessError):
        prescribe(clinic.hospital, encounter, lines, Author("n1", "护士", Role.NURSE))
    for wrong, days in (((), 1), (lines * 6, 1), (lines, 0), (lines, 4)):
        with pytest.raises(RefusedInput):
            prescribe(clinic.hospital, encounter, wrong, DOCTOR, days)


def test_the_commands(clinic: Clinic, tmp_path: Path) -> None:
    root, run = str(clinic.hospital.folder.root), CliRunner()
    encounter = seen_case(clinic)
    add_user(clinic.hospital, DOCTOR, "long enough 12")
    add_user(clinic.hospital, Author("n009", "护士", Role.NURSE))

    def do(*words: str, code: int = 0) -> str:
        group = 2 if words[0] in {"formulary", "right"} else 1
        done = run.invoke(app, [*words[:group], root, *words[group:]])
        assert done.exit_code == code or isinstance(done.exception, ClinicError) is bool(code), done.output
        return done.stdout

    assert json.loads(do("formulary", "load", str(write(tmp_path, TABLE)), "--json"))["rows"] == 2
    assert json.loads(do("answer", encounter, "--text", "好", "--by", "d001", "--json"))["text"] == "好"
    said = do("recall", encounter, "--level", "today", "--reason", "血钾高", "--by", "d001").strip()
    assert json.loads(do("retract", said, "--reason", "别人的", "--by", "d001", "--json"))["thing"] == said
    rx = do("prescribe", encounter, str(write(tmp_path, "code,units,usage\nA1,2,口服\n")), "--by", "d001").strip()
    assert json.loads(do("right", "show", rx, "--json"))["holder"] == "V01"
    for staff in ("n009", "nobody"):
        do("answer", encounter, "--text", "好", "--by", staff, code=1)
    do("right", "show", "nothing", code=1)
    assert encode_payload([]) == b"[]"
