"""The case's page: a signed-in doctor answers and takes back; what the vehicle did with it stands beside it."""

import msgspec
import pytest

from clinic_records.consult import Answer, Recall, Seen
from clinic_records.ids import IdFactory, RecordId
from clinic_records.people import Author, Role
from clinic_records.prescription import PrescribedLine
from clinic_records.record import Kind, Lane
from clinic_web.pages import HERE, VENDOR
from cloud_hospital.api.app import create_app
from cloud_hospital.downlinks.prescriptions import prescribe
from cloud_hospital.downlinks.said import said_of
from cloud_hospital.intake.outbound import VehicleOutbound
from cloud_hospital.store.engine import reading
from cloud_hospital.tokens import Purpose, make_token
from cloud_hospital.users import add_user
from cloud_hospital.vehicles import revoke
from cloud_hospital.web.pages import add_pages
from sync.ports import Receipt, Verdict
from tests.unit.hospital.asgi import Caller
from tests.unit.hospital.conftest import AT, NURSE, Clinic, a_visit
from tests.unit.hospital.test_downlinks import DOCTOR, came_down, seen_case

pytestmark = pytest.mark.skipif(
    not all((HERE / "static" / name).is_file() for name in VENDOR), reason="browser libraries are not built here"
)
PASSWORD = "long enough 12"


@pytest.fixture
def client(clinic: Clinic) -> Caller:
    app = create_app(clinic.hospital)
    add_pages(app, clinic.hospital)
    return Caller(app)


def sign_in(clinic: Clinic, client: Caller, author: Author = DOCTOR) -> None:
    add_user(clinic.hospital, author, PASSWORD)
    assert client.post("/login", data={"staff": author.staff, "password": PASSWORD}).status_code == 303


def receive(clinic: Clinic, verdict: Verdict = Verdict.APPLIED) -> None:
    outbound = VehicleOutbound(clinic.hospital, "V01")
    for lane in Lane:
        for n, item in enumerate(outbound.waiting(lane, -1, 100), 1):
            outbound.settle(Receipt(item.wire_sha256, verdict, "e", n, AT))


def test_an_answer_from_the_page_reaches_the_vehicle_and_comes_back_seen(clinic: Clinic, client: Caller) -> None:
    encounter = seen_case(clinic)
    sign_in(clinic, client)
    page = client.get(f"/encounters/{encounter}").text
    assert all(text in page for text in ("还没有意见", "兰医生 签发意见", "写意见"))
    sent = client.post(f"/encounters/{encounter}/answer", data={"text": "复查<script>", "recall": "now"})
    assert (sent.status_code, sent.headers["location"]) == (303, f"/encounters/{encounter}")
    page = client.get(f"/encounters/{encounter}").text
    assert all(text in page for text in ("复查&lt;script&gt;", "立即召回", "V01 还没收到"))
    receive(clinic)
    with reading(clinic.hospital.engine) as connection:
        (answered, _) = said_of(connection, encounter)
    seen = Seen(RecordId(IdFactory().new()), Kind.ANSWER, RecordId(answered.id), NURSE, AT)
    clinic.send(clinic.box.record(Kind.SEEN, seen, seen.id, lane=Lane.P1))
    page = client.get(f"/encounters/{encounter}").text
    assert all(text in page for text in ("V01 已收", "张护士已看"))
    assert "还没收到" not in page


def test_what_is_taken_back_says_so(clinic: Clinic, client: Caller) -> None:
    encounter = seen_case(clinic)
    sign_in(clinic, client)
    client.post(f"/encounters/{encounter}/answer", data={"text": "误答"})
    with reading(clinic.hospital.engine) as connection:
        (said,) = said_of(connection, encounter)
    assert client.post(f"/encounters/{encounter}/retract/{said.id}", data={"reason": " "}).status_code == 422
    assert client.post(f"/encounters/{encounter}/retract/{said.id}", data={"reason": "别人的"}).status_code == 303
    page = client.get(f"/encounters/{encounter}").text
    assert all(text in page for text in ("已撤回", "兰医生 已撤回：别人的"))
    assert client.post(f"/encounters/{encounter}/retract/nothing", data={"reason": "x"}).status_code == 404


def test_a_form_with_a_mistake_keeps_what_was_typed(clinic: Clinic, client: Caller) -> None:
    encounter = seen_case(clinic)
    sign_in(clinic, client)
    wrong = client.post(f"/encounters/{encounter}/answer", data={"text": "复查", "recall": "yesterday"})
    assert wrong.status_code == 422
    assert "复查</textarea>" in wrong.text
    assert client.post(f"/encounters/{encounter}/answer", data={"text": "  "}).status_code == 422
    with reading(clinic.hospital.engine) as connection:
        assert said_of(connection, encounter) == []


def test_what_is_said_of_a_revoked_vehicles_case_is_kept_and_the_page_says_who_will_not_hear(
    clinic: Clinic, client: Caller
) -> None:
    encounter = seen_case(clinic)
    sign_in(clinic, client)
    revoke(clinic.hospital, "V01", "stolen")
    page = client.post(f"/encounters/{encounter}/answer", data={"text": "立即住院", "recall": "now"})
    assert "已记下，但这辆车已停用" in page.text
    with reading(clinic.hospital.engine) as connection:
        said = said_of(connection, encounter)
    assert [(each.kind, each.text) for each in said] == [(Kind.ANSWER, "立即住院"), (Kind.RECALL, "立即住院")]
    page = client.post(f"/encounters/{encounter}/retract/{said[0].id}", data={"reason": "误答"})
    assert "已记下，但这辆车已停用" in page.text
    assert "已撤回" in page.text


def test_only_a_doctor_signed_in_says_anything(clinic: Clinic, client: Caller) -> None:
    encounter = seen_case(clinic)
    path = f"/encounters/{encounter}/answer"
    assert client.post(path, data={"text": "x"}).status_code == 401
    token = make_token(clinic.hospital.engine, Purpose.STATUTORY, clinic.hospital.now())
    client.get("/enter", params={"token": token})
    assert "答复要用自己的账号登录" in client.get(f"/encounters/{encounter}").text
    assert client.post(path, data={"text": "x"}).status_code == 401
    sign_in(clinic, client, Author("c001", "调度", Role.COORDINATOR))
    assert client.post(path, data={"text": "x"}).status_code == 403
    with reading(clinic.hospital.engine) as connection:
        assert said_of(connection, encounter) == []


def test_a_prescription_shows_who_may_dispense_it(clinic: Clinic, client: Caller) -> None:
    encounter = seen_case(clinic)
    sign_in(clinic, client)
    prescribe(clinic.hospital, encounter, (PrescribedLine("A1", "二甲双胍片 0.5 g", 14, "口服"),), DOCTOR)
    receive(clinic, Verdict.HELD)
    page = client.get(f"/encounters/{encounter}").text
    assert all(text in page for text in ("二甲双胍片 0.5 g × 14", "发药权在 V01", "还没发药", "V01 看不懂，已报警"))


def test_an_urgent_recording_opens_its_case_before_anything_else_has_come(clinic: Clinic, client: Caller) -> None:
    """Sync rule 19: the specialist sees name and ECG, and answers, while patient and encounter are on their way."""
    visit = a_visit()
    ecg = msgspec.structs.replace(visit.ecg, urgent=True, patient=visit.patient, encounter=visit.encounter)
    clinic.send(clinic.box.record(Kind.RECORDING, ecg, ecg.id, lane=Lane.P0, blobs=(ecg.reading.raw.sha256,)))
    clinic.send_blob(visit.ecg_bytes)
    sign_in(clinic, client)
    case = f"/encounters/{visit.encounter.id}"
    page = client.get(case).text
    assert all(text in page for text in ("王秀英", "心电图", "站点资料还没到", "原始数据"))
    assert client.post(f"{case}/answer", data={"text": "立即转诊", "recall": "now"}).status_code == 303
    recall, answered = (thing for _, thing in came_down(clinic.hospital, clinic.box))
    assert isinstance(recall, Recall)
    assert isinstance(answered, Answer)
    assert [each.person for each in (recall, answered)] == [visit.patient] * 2
    assert client.get("/encounters/nothing").status_code == 404
