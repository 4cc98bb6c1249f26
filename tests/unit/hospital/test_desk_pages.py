"""Pages where named persons decide: what was set aside, and who has seen an urgent one; gauges for a token."""

import pytest
from argon2 import PasswordHasher

from clinic_records.people import Author, Role
from clinic_records.record import Kind
from cloud_hospital import passwords
from cloud_hospital.api.app import create_app
from cloud_hospital.held import find_held, list_held
from cloud_hospital.tokens import Purpose, make_token
from cloud_hospital.users import add_user
from cloud_hospital.vehicles import revoke
from cloud_hospital.web.pages import add_pages
from tests.unit.hospital.asgi import Caller
from tests.unit.hospital.conftest import Clinic, a_visit, deliver
from tests.unit.hospital.test_pages import pytestmark as needs_libraries
from tests.unit.hospital.test_seen import urgent_visit

pytestmark = needs_libraries
PASSWORD = "a long enough password"


@pytest.fixture(autouse=True)
def _cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


@pytest.fixture
def client(clinic: Clinic) -> Caller:
    app = create_app(clinic.hospital)
    add_pages(app, clinic.hospital)
    return Caller(app)


def sign_in(clinic: Clinic, client: Caller, role: Role) -> None:
    add_user(clinic.hospital, Author("d001", "李医生", role), PASSWORD)
    answer = client.post("/login", data={"staff": "d001", "password": PASSWORD})
    assert answer.status_code == 303


def test_a_specialist_says_that_she_has_seen_it_and_the_case_names_her(clinic: Clinic, client: Caller) -> None:
    visit = urgent_visit(clinic)
    clinic.send(clinic.box.record(Kind.ENCOUNTER, visit.encounter, visit.encounter.id))
    sign_in(clinic, client, Role.SPECIALIST)
    assert "我已看过" not in client.get(f"/encounters/{visit.encounter.id}").text, "the ECG itself is not here yet"
    clinic.send_blob(visit.ecg_bytes)
    listed = client.get("/").text
    assert "加急：王秀英" in listed
    assert "还没有人看" in listed
    case = f"/encounters/{visit.encounter.id}"
    assert "我已看过 (李医生)" in client.get(case).text
    answer = client.post(f"/recordings/{visit.ecg.id}/seen")
    assert (answer.status_code, answer.headers["location"]) == (303, case)
    page = client.get(case).text
    assert "李医生已看" in page
    assert "我已看过" not in page, "once is enough"
    assert "加急：王秀英" not in client.get("/").text
    assert client.post("/recordings/nothing/seen").status_code == 404


def test_a_token_sees_and_says_nothing_in_anybodys_name(clinic: Clinic, client: Caller) -> None:
    visit = urgent_visit(clinic)
    token = make_token(clinic.hospital.engine, Purpose.STATUTORY, clinic.hospital.now())
    client.get("/enter", params={"token": token})
    assert client.post(f"/recordings/{visit.ecg.id}/seen").status_code == 401
    assert client.get("/held").status_code == 401


def test_what_was_set_aside_is_looked_at_downloaded_and_decided(clinic: Clinic, client: Caller) -> None:
    revoke(clinic.hospital, "V01", "stolen")
    sent = [clinic.box.seal(record, clinic.recipient) for record in a_visit().records(clinic.box)[:2]]
    for sealed in sent:
        deliver(clinic.hospital, "V01", sealed)
    sign_in(clinic, client, Role.OPERATOR)
    listed = client.get("/held").text
    assert "车已停用" in listed
    assert "2 件搁置，等人决定" in listed
    second, first = [item.n for item in list_held(clinic.hospital)]
    assert client.get(f"/held/{first}/raw").content == sent[0].data
    refused = client.post(f"/held/{first}/release", data={"note": ""})
    assert (refused.status_code, "写明看到什么" in refused.text) == (422, True)
    assert client.post(f"/held/{first}/release", data={"note": "停用以前的"}).status_code == 303
    assert client.post(f"/held/{second}/leave", data={"note": "伪造的"}).status_code == 303
    assert "没有搁置的" in client.get("/held").text
    every = client.get("/held", params={"every": "1"}).text
    assert "已放行" in every
    assert "已搁置不收" in every
    assert find_held(clinic.hospital, first).decided_by == "李医生 (d001)"
    assert "停用以前的" in client.get(f"/held/{first}").text
    assert client.post(f"/held/{first}/leave", data={"note": "doch"}).status_code == 422
    for path in ("/held/999", "/held/999/raw"):
        assert client.get(path).status_code == 404


def test_a_coordinator_decides_nothing(clinic: Clinic, client: Caller) -> None:
    sign_in(clinic, client, Role.COORDINATOR)
    assert client.get("/held").status_code == 403
    assert client.post("/held/1/release", data={"note": "x"}).status_code == 403


def test_gauges_need_a_token(clinic: Clinic, client: Caller) -> None:
    assert client.get("/metrics").status_code == 401
    token = make_token(clinic.hospital.engine, Purpose.ANALYTIC, clinic.hospital.now())
    answer = client.get("/metrics", headers={"authorization": f"Bearer {token}"})
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "clinic_set_aside_items 0.0" in answer.text
