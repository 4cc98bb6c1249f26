"""The hospital's messages on the nurse's pages: unseen first, withdrawn ones struck, seen by a named person."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import msgspec
import pytest

from clinic_records.clock import Origin
from clinic_records.consult import Answer, Recall, RecallLevel, Retraction, Seen
from clinic_records.ids import EncounterId, PatientId, RecordId
from clinic_records.people import Author, Patient, Role, Sex
from clinic_records.permissions import Permissions
from clinic_records.prescription import DispenseRight, PrescribedLine, Prescription
from clinic_records.record import Kind, Lane, Record, encode_payload
from clinic_web.pages import HERE, VENDOR
from sync.messages.table import MESSAGES
from tests.unit.web.web_bench import PIN, Bench, Served, logged_in
from vehicle_agent.store.merge.rule import Merging
from vehicle_agent.store.merge.table import merge
from vehicle_agent.store.records import list_current

pytestmark = pytest.mark.skipif(
    not all((HERE / "static" / name).is_file() for name in VENDOR), reason="browser libraries are not built here"
)
DOCTOR = Author("d001", "兰医生", Role.SPECIALIST)
AT = datetime(2026, 11, 23, 1, tzinfo=UTC)
WANG = Patient(PatientId("p1"), "王秀英", Sex.FEMALE, None, phone="13800000000")
WHO = (EncounterId("e1"), PatientId("p1"))
RECALL = Recall(RecordId("r1"), *WHO, RecallLevel.NOW, "血钾 6.8", DOCTOR, AT, WANG)
ANSWER = Answer(RecordId("a1"), *WHO, "三个月后复查 <b>", DOCTOR, AT + timedelta(hours=1), person=WANG)


@pytest.fixture
def tablet(served: Served) -> Iterator[httpx.Client]:
    with logged_in(served, follows=False) as client:
        yield client


def come(bench: Bench, kind: Kind, thing: msgspec.Struct, id_: str, revision: int = 1) -> None:
    record = Record(
        RecordId(id_), revision, kind, MESSAGES[kind].lane, encode_payload(thing), Origin("H01", 1, 1), DOCTOR, AT
    )
    merging = Merging("V03", bench.clock.now(), bench.ids.new)
    bench.vault.store.write(lambda conn: merge(conn, record, merging))
    bench.desk.events.publish("messages")


def test_a_recall_stands_first_until_a_named_person_has_seen_it(served: Served, tablet: httpx.Client) -> None:
    bench = served.bench
    assert "医院还没有来信" in tablet.get("/messages").text
    come(bench, Kind.ANSWER, ANSWER, "a1")
    come(bench, Kind.RECALL, RECALL, "r1")
    page = tablet.get("/messages").text
    assert page.index("血钾 6.8") < page.index("三个月后复查")
    assert all(text in page for text in ("立即召回", "王秀英", "tel:13800000000", "兰医生", "张护士 已看", "&lt;b&gt;"))
    assert "■ 2" in page  # the count on the bar, urgent
    assert tablet.post("/messages/recall/r1/seen").status_code == 303
    assert tablet.post("/messages/recall/r1/seen").status_code == 303
    page = tablet.get("/messages").text
    assert page.index("三个月后复查") < page.index("血钾 6.8")
    assert "■ 2" not in page
    seen = bench.vault.store.read(lambda conn: list_current(conn, Kind.SEEN))
    assert [msgspec.json.decode(each.payload, type=Seen).by.staff for each in seen] == ["n001"]
    assert [each.lane for each in seen] == [Lane.P1]


def test_what_was_taken_back_waits_to_be_seen_again(served: Served, tablet: httpx.Client) -> None:
    come(served.bench, Kind.ANSWER, ANSWER, "a1")
    tablet.post("/messages/answer/a1/seen")
    come(
        served.bench, Kind.RETRACTION, Retraction(RecordId("t1"), "answer", RecordId("a1"), "写错人", DOCTOR, AT), "t1"
    )
    page = tablet.get("/messages").text
    assert all(text in page for text in ("已撤回", "写错人", "不要照做", "还没人看"))
    tablet.post("/messages/answer/a1/seen")
    assert "还没人看" not in tablet.get("/messages").text


def test_a_prescription_says_whether_it_may_be_dispensed_here(served: Served, tablet: httpx.Client) -> None:
    now = served.bench.clock.now()
    rx = Prescription(
        RecordId("x1"),
        *WHO,
        (PrescribedLine("A1", "二甲双胍片 0.5 g", 14, "口服"),),
        DOCTOR,
        now,
        now + timedelta(hours=9),
    )
    come(served.bench, Kind.PRESCRIPTION, rx, "x1")
    page = tablet.get("/messages").text
    assert all(
        text in page for text in ("二甲双胍片 0.5 g", "× 14", "本车不能发药", "发药权还没到本车", "居民资料还没到")
    )

    def word(token: int, holder: str) -> None:
        told = DispenseRight(RecordId(f"w{token}"), rx.id, token, holder, rx.valid_until, now, incarnation=1)
        come(served.bench, Kind.DISPENSE_RIGHT, told, told.id)

    word(1, "V03")
    assert "本车可发药" in tablet.get("/messages").text
    word(2, "V05")
    assert "发药权在V05，本车不能发" in tablet.get("/messages").text
    tablet.cookies.set("lang", "en")
    assert "V05 holds the right" in tablet.get("/messages").text


def test_what_never_came_cannot_be_seen(tablet: httpx.Client) -> None:
    for path in ("/messages/recall/r1/seen", "/messages/nonsense/r1/seen", "/messages/patient/p1/seen"):
        assert tablet.post(path).status_code == 404
    with httpx.Client(base_url=tablet.base_url) as stranger:
        assert stranger.get("/messages").status_code in {303, 401}


def test_who_is_off_the_list_logs_in_no_more_and_roles_are_the_lists(served: Served, tablet: httpx.Client) -> None:
    bench = served.bench
    come(bench, Kind.PERMISSIONS, Permissions("V03", (Author("n001", "张护士长", Role.DOCTOR),)), "p")
    author = served.run(bench.desk.login("n001", PIN))
    assert author == Author("n001", "张护士长", Role.DOCTOR)
    come(bench, Kind.PERMISSIONS, Permissions("V03", (Author("n002", "李护士", Role.NURSE),)), "p", 2)
    assert served.run(bench.desk.people()) == []
    assert tablet.get("/messages").status_code == 200  # law 8: what is open goes on until it locks
    refused = tablet.post("/login", data={"staff": "n001", "pin": PIN})
    assert refused.status_code in {403, 422}
    assert "停用" in refused.text


def test_a_locked_store_is_locked_again_where_the_list_refuses(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "V03")

    async def go() -> None:
        await bench.desk.login("n001", PIN)
        come(bench, Kind.PERMISSIONS, Permissions("V03", (Author("n002", "李护士", Role.NURSE),)), "p")
        bench.vault.lock()
        with pytest.raises(Exception, match="may no longer log in"):
            await bench.desk.login("n001", PIN)
        assert not bench.desk.is_open

    asyncio.run(go())
    bench.close()
